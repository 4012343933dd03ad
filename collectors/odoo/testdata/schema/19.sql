-- Tables of an Odoo 19 database, reduced to the columns this collector reads and
-- those its indexes need.

CREATE TABLE ir_cron (
    id serial PRIMARY KEY,
    interval_number integer NOT NULL,
    failure_count integer,
    cron_name varchar,
    interval_type varchar NOT NULL,
    active boolean,
    nextcall timestamp NOT NULL,
    lastcall timestamp,
    priority integer,
    first_failure_date timestamp
);

CREATE TABLE account_move (
    id serial PRIMARY KEY,
    sequence_number integer,
    journal_id integer NOT NULL,
    company_id integer,
    statement_line_id integer,
    secure_sequence_number integer,
    sequence_prefix varchar,
    name varchar,
    state varchar NOT NULL,
    move_type varchar NOT NULL,
    auto_post varchar NOT NULL,
    inalterable_hash varchar,
    payment_state varchar,
    date date NOT NULL,
    checked boolean,
    made_sequence_gap boolean,
    create_date timestamp,
    write_date timestamp,
    partner_id integer,
    commercial_partner_id integer,
    is_move_sent boolean,
    sending_data jsonb
);
CREATE INDEX account_move__company_id_index ON account_move USING btree (company_id);
CREATE INDEX account_move__date_index ON account_move USING btree (date);
CREATE INDEX account_move__inalterable_hash_index ON account_move USING btree (inalterable_hash) WHERE (inalterable_hash IS NOT NULL);
CREATE INDEX account_move__move_type_index ON account_move USING btree (move_type);
CREATE INDEX account_move__secure_sequence_number_index ON account_move USING btree (secure_sequence_number);
CREATE INDEX account_move__statement_line_id_index ON account_move USING btree (statement_line_id) WHERE (statement_line_id IS NOT NULL);
CREATE INDEX account_move_checked_idx ON account_move USING btree (journal_id) WHERE (checked IS NOT TRUE);
CREATE INDEX account_move_journal_id_company_id_idx ON account_move USING btree (journal_id, company_id, date);
CREATE INDEX account_move_made_gaps ON account_move USING btree (journal_id, state, payment_state, move_type, date) WHERE (made_sequence_gap IS TRUE);
CREATE INDEX account_move_payment_idx ON account_move USING btree (journal_id, state, payment_state, move_type, date);
CREATE INDEX account_move_sequence_index ON account_move USING btree (journal_id, sequence_prefix DESC, sequence_number DESC, name);
CREATE INDEX account_move_sequence_index2 ON account_move USING btree (journal_id, id DESC, sequence_prefix);
CREATE UNIQUE INDEX account_move_unique_name ON account_move USING btree (name, journal_id) WHERE (((state)::text = 'posted'::text) AND ((name)::text <> '/'::text));

CREATE TABLE account_move_line (
    id serial PRIMARY KEY,
    move_id integer NOT NULL,
    journal_id integer,
    company_id integer,
    account_id integer,
    move_name varchar,
    parent_state varchar,
    date date,
    balance numeric
);
CREATE INDEX account_move_line__company_id_index ON account_move_line USING btree (company_id);
CREATE INDEX account_move_line__journal_id_index ON account_move_line USING btree (journal_id);
CREATE INDEX account_move_line__move_id_index ON account_move_line USING btree (move_id);
CREATE INDEX account_move_line__move_name_index ON account_move_line USING btree (move_name);
CREATE INDEX account_move_line_account_id_date_idx ON account_move_line USING btree (account_id, date);
CREATE INDEX account_move_line_date_name_id_idx ON account_move_line USING btree (date DESC, move_name DESC, id);

CREATE TABLE account_journal (
    id serial PRIMARY KEY,
    company_id integer NOT NULL,
    code varchar(5) NOT NULL,
    type varchar NOT NULL,
    active boolean,
    restrict_mode_hash_table boolean
);
CREATE INDEX account_journal__company_id_index ON account_journal USING btree (company_id);

CREATE TABLE account_bank_statement (
    id serial PRIMARY KEY,
    company_id integer,
    journal_id integer,
    first_line_index varchar,
    date date,
    is_complete boolean,
    create_date timestamp
);
CREATE INDEX account_bank_statement__date_index ON account_bank_statement USING btree (date);
CREATE INDEX account_bank_statement_first_line_index_idx ON account_bank_statement USING btree (journal_id, first_line_index);
CREATE INDEX account_bank_statement_journal_id_date_desc_id_desc_idx ON account_bank_statement USING btree (journal_id, date DESC, id DESC);

CREATE TABLE account_bank_statement_line (
    id serial PRIMARY KEY,
    move_id integer NOT NULL,
    journal_id integer NOT NULL,
    company_id integer NOT NULL,
    statement_id integer,
    payment_ref varchar,
    internal_index varchar,
    amount numeric,
    is_reconciled boolean,
    create_date timestamp
);
CREATE INDEX account_bank_statement_line__move_id_index ON account_bank_statement_line USING btree (move_id);
CREATE INDEX account_bank_statement_line__statement_id_index ON account_bank_statement_line USING btree (statement_id);
CREATE INDEX account_bank_statement_line_main_idx ON account_bank_statement_line USING btree (journal_id, company_id, internal_index);
CREATE INDEX account_bank_statement_line_orphan_idx ON account_bank_statement_line USING btree (journal_id, company_id, internal_index) WHERE (statement_id IS NULL);
CREATE INDEX account_bank_statement_line_unreconciled_idx ON account_bank_statement_line USING btree (journal_id, company_id, internal_index) WHERE (is_reconciled IS NOT TRUE);

CREATE TABLE account_payment (
    id serial PRIMARY KEY,
    move_id integer,
    journal_id integer NOT NULL,
    company_id integer NOT NULL,
    partner_id integer,
    outstanding_account_id integer,
    state varchar NOT NULL,
    payment_type varchar,
    date date NOT NULL,
    amount numeric,
    is_matched boolean,
    create_date timestamp
);
CREATE INDEX account_payment__move_id_index ON account_payment USING btree (move_id);
CREATE INDEX account_payment__outstanding_account_id_index ON account_payment USING btree (outstanding_account_id) WHERE (outstanding_account_id IS NOT NULL);
CREATE INDEX account_payment_journal_id_company_id_idx ON account_payment USING btree (journal_id, company_id);
CREATE INDEX account_payment_unmatched_idx ON account_payment USING btree (journal_id, company_id) WHERE (is_matched IS NOT TRUE);

CREATE TABLE account_lock_exception (
    id serial PRIMARY KEY,
    company_id integer NOT NULL,
    user_id integer,
    lock_date_field varchar NOT NULL,
    lock_date date,
    active boolean,
    end_datetime timestamp
);
CREATE INDEX account_lock_exception_company_id_end_datetime_idx ON account_lock_exception USING btree (company_id, user_id, end_datetime) WHERE (active IS TRUE);

CREATE TABLE ir_attachment (
    id serial PRIMARY KEY,
    res_id integer,
    name varchar,
    res_model varchar,
    type varchar,
    store_fname varchar,
    checksum varchar(40),
    create_date timestamp,
    res_field varchar,
    file_size integer,
    db_datas bytea
);
CREATE INDEX ir_attachment__store_fname_index ON ir_attachment USING btree (store_fname);
CREATE INDEX ir_attachment_res_idx ON ir_attachment USING btree (res_model, res_id);

CREATE TABLE res_company (
    id serial PRIMARY KEY,
    name varchar,
    parent_id integer,
    fiscalyear_lock_date date,
    tax_lock_date date,
    sale_lock_date date,
    purchase_lock_date date,
    hard_lock_date date
);
CREATE INDEX res_company__parent_id_index ON res_company USING btree (parent_id);

CREATE TABLE ir_model_data (
    id serial PRIMARY KEY,
    res_id integer,
    name varchar NOT NULL,
    module varchar NOT NULL
);
CREATE UNIQUE INDEX ir_model_data_module_name_uniq_index ON ir_model_data USING btree (module, name);
