-- Tables of an Odoo 17 database, reduced to the columns this collector reads and
-- those its indexes need.
CREATE TABLE ir_cron (
    id serial PRIMARY KEY,
    interval_number integer,
    numbercall integer,
    priority integer,
    cron_name varchar,
    interval_type varchar,
    active boolean,
    doall boolean,
    nextcall timestamp NOT NULL,
    lastcall timestamp
);

CREATE TABLE queue_job (
    id serial PRIMARY KEY,
    company_id integer,
    priority integer,
    retry integer,
    uuid varchar NOT NULL,
    graph_uuid varchar,
    state varchar NOT NULL,
    channel varchar,
    identity_key varchar,
    date_created timestamp,
    date_started timestamp,
    date_enqueued timestamp,
    date_done timestamp,
    date_cancelled timestamp,
    eta timestamp
);
CREATE INDEX queue_job__channel_index ON queue_job USING btree (channel);
CREATE INDEX queue_job__company_id_index ON queue_job USING btree (company_id);
CREATE INDEX queue_job__graph_uuid_index ON queue_job USING btree (graph_uuid);
CREATE INDEX queue_job__state_index ON queue_job USING btree (state);
CREATE INDEX queue_job__uuid_index ON queue_job USING btree (uuid);
CREATE INDEX queue_job_identity_key_state_partial_index ON queue_job USING btree (identity_key) WHERE (((state)::text = ANY ((ARRAY['pending'::character varying, 'enqueued'::character varying])::text[])) AND (identity_key IS NOT NULL));

CREATE TABLE account_move (
    id serial PRIMARY KEY,
    sequence_number integer,
    journal_id integer NOT NULL,
    company_id integer,
    sequence_prefix varchar,
    name varchar,
    state varchar NOT NULL,
    move_type varchar NOT NULL,
    auto_post varchar NOT NULL,
    payment_state varchar,
    date date NOT NULL,
    create_date timestamp,
    write_date timestamp
);
CREATE INDEX account_move__company_id_index ON account_move USING btree (company_id);
CREATE INDEX account_move__date_index ON account_move USING btree (date);
CREATE INDEX account_move__move_type_index ON account_move USING btree (move_type);
CREATE INDEX account_move_journal_id_company_id_idx ON account_move USING btree (journal_id, company_id, date);
CREATE INDEX account_move_payment_idx ON account_move USING btree (journal_id, state, payment_state, move_type, date);
CREATE INDEX account_move_sequence_index ON account_move USING btree (journal_id, sequence_prefix DESC, sequence_number DESC, name);
CREATE INDEX account_move_sequence_index2 ON account_move USING btree (journal_id, id DESC, sequence_prefix);
CREATE INDEX account_move_sequence_index3 ON account_move USING btree (journal_id, sequence_prefix DESC, ((sequence_number + 1)) DESC);
CREATE UNIQUE INDEX account_move_unique_name ON account_move USING btree (name, journal_id) WHERE (((state)::text = 'posted'::text) AND ((name)::text <> '/'::text));

CREATE TABLE account_journal (
    id serial PRIMARY KEY,
    company_id integer NOT NULL,
    code varchar(5) NOT NULL,
    type varchar NOT NULL,
    active boolean,
    restrict_mode_hash_table boolean
);

CREATE TABLE account_bank_statement_line (
    id serial PRIMARY KEY,
    move_id integer NOT NULL,
    statement_id integer,
    internal_index varchar,
    amount numeric,
    is_reconciled boolean
);
CREATE INDEX account_bank_statement_line__internal_index_index ON account_bank_statement_line USING btree (internal_index);
CREATE INDEX account_bank_statement_line__move_id_index ON account_bank_statement_line USING btree (move_id);
CREATE INDEX account_bank_statement_line_internal_index_move_id_amount_idx ON account_bank_statement_line USING btree (internal_index, move_id, amount) WHERE (statement_id IS NULL);

CREATE TABLE res_company (
    id serial PRIMARY KEY,
    name varchar NOT NULL,
    parent_id integer,
    period_lock_date date,
    fiscalyear_lock_date date,
    tax_lock_date date
);
