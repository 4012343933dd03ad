-- The tables of an Odoo 18 database that a finance flow touches: names, types,
-- NOT NULLs, checks and indexes as Odoo creates them, columns reduced to what
-- the stand-in writes and a read-only observer reads.

CREATE TABLE res_currency (
    id serial PRIMARY KEY,
    name varchar(3) NOT NULL,
    symbol varchar NOT NULL,
    position varchar,
    rounding numeric,
    active boolean
);

CREATE TABLE res_country (
    id serial PRIMARY KEY,
    name jsonb NOT NULL,
    code varchar(2)
);

CREATE TABLE res_partner (
    id serial PRIMARY KEY,
    company_id integer,
    name varchar,
    complete_name varchar,
    ref varchar,
    email varchar,
    country_id integer REFERENCES res_country,
    is_company boolean,
    active boolean,
    comment text,
    create_uid integer, write_uid integer,
    create_date timestamp, write_date timestamp
);

CREATE TABLE res_company (
    id serial PRIMARY KEY,
    name varchar NOT NULL,
    partner_id integer NOT NULL,
    currency_id integer NOT NULL REFERENCES res_currency,
    sequence integer,
    parent_id integer,
    parent_path varchar,
    active boolean,
    chart_template varchar,
    account_journal_suspense_account_id integer,
    account_sale_tax_id integer,
    account_fiscal_country_id integer REFERENCES res_country,
    account_peppol_proxy_state varchar,
    fiscalyear_last_day integer NOT NULL DEFAULT 31,
    fiscalyear_last_month varchar NOT NULL DEFAULT '12',
    fiscalyear_lock_date date,
    tax_lock_date date,
    sale_lock_date date,
    purchase_lock_date date,
    hard_lock_date date,
    check_account_audit_trail boolean,
    create_date timestamp, write_date timestamp
);

CREATE TABLE res_groups (
    id serial PRIMARY KEY,
    name jsonb NOT NULL
);

-- External identifiers, as has_group('account.group_account_invoice') resolves them.
CREATE TABLE ir_model_data (
    id serial PRIMARY KEY,
    module varchar NOT NULL,
    name varchar NOT NULL,
    model varchar NOT NULL,
    res_id integer,
    UNIQUE (module, name)
);

CREATE TABLE res_users (
    id serial PRIMARY KEY,
    company_id integer NOT NULL REFERENCES res_company,
    partner_id integer NOT NULL REFERENCES res_partner,
    active boolean DEFAULT true,
    login varchar NOT NULL UNIQUE,
    password varchar,
    share boolean,
    notification_type varchar NOT NULL DEFAULT 'email',
    create_date timestamp, write_date timestamp
);

CREATE TABLE res_users_apikeys (
    id serial PRIMARY KEY,
    name varchar NOT NULL,
    user_id integer NOT NULL REFERENCES res_users ON DELETE CASCADE,
    scope varchar,
    expiration_date timestamp,
    index varchar(8) NOT NULL,
    key varchar NOT NULL,
    create_date timestamp DEFAULT (now() AT TIME ZONE 'utc')
);

CREATE TABLE res_company_users_rel (
    cid integer NOT NULL REFERENCES res_company ON DELETE CASCADE,
    user_id integer NOT NULL REFERENCES res_users ON DELETE CASCADE,
    PRIMARY KEY (cid, user_id)
);

CREATE TABLE res_groups_users_rel (
    gid integer NOT NULL REFERENCES res_groups ON DELETE CASCADE,
    uid integer NOT NULL REFERENCES res_users ON DELETE CASCADE,
    PRIMARY KEY (gid, uid)
);

CREATE TABLE ir_module_module (
    id serial PRIMARY KEY,
    name varchar NOT NULL UNIQUE,
    state varchar(16),
    latest_version varchar,
    shortdesc jsonb,
    create_date timestamp, write_date timestamp
);

CREATE TABLE ir_config_parameter (
    id serial PRIMARY KEY,
    key varchar NOT NULL UNIQUE,
    value text NOT NULL,
    create_date timestamp, write_date timestamp
);

CREATE TABLE ir_cron (
    id serial PRIMARY KEY,
    ir_actions_server_id integer NOT NULL,
    user_id integer NOT NULL,
    interval_number integer NOT NULL,
    interval_type varchar NOT NULL,
    priority integer,
    failure_count integer,
    cron_name varchar,
    active boolean,
    nextcall timestamp NOT NULL,
    lastcall timestamp,
    first_failure_date timestamp,
    create_uid integer, write_uid integer,
    create_date timestamp, write_date timestamp,
    CONSTRAINT ir_cron_check_strictly_positive_interval CHECK (interval_number > 0)
);

CREATE TABLE ir_cron_trigger (
    id serial PRIMARY KEY,
    cron_id integer REFERENCES ir_cron ON DELETE CASCADE,
    call_at timestamp,
    create_uid integer, write_uid integer,
    create_date timestamp, write_date timestamp
);
CREATE INDEX ir_cron_trigger__call_at_index ON ir_cron_trigger (call_at);
CREATE INDEX ir_cron_trigger__cron_id_index ON ir_cron_trigger (cron_id);

CREATE TABLE ir_cron_progress (
    id serial PRIMARY KEY,
    cron_id integer NOT NULL REFERENCES ir_cron ON DELETE CASCADE,
    remaining integer,
    done integer,
    timed_out_counter integer,
    deactivate boolean,
    create_uid integer, write_uid integer,
    create_date timestamp, write_date timestamp
);
CREATE INDEX ir_cron_progress__cron_id_index ON ir_cron_progress (cron_id);

CREATE TABLE ir_attachment (
    id serial PRIMARY KEY,
    name varchar NOT NULL,
    res_model varchar,
    res_id integer,
    company_id integer,
    type varchar NOT NULL,
    store_fname varchar,
    checksum varchar(40),
    file_size integer,
    mimetype varchar,
    create_uid integer, write_uid integer,
    create_date timestamp, write_date timestamp
);
CREATE INDEX ir_attachment__store_fname_index ON ir_attachment (store_fname);
CREATE INDEX ir_attachment_res_idx ON ir_attachment (res_model, res_id);

CREATE TABLE ir_logging (
    id serial PRIMARY KEY,
    name varchar NOT NULL,
    type varchar NOT NULL,
    dbname varchar,
    level varchar,
    path varchar NOT NULL,
    func varchar NOT NULL,
    line varchar NOT NULL,
    message text NOT NULL,
    create_date timestamp, write_date timestamp
);
CREATE INDEX ir_logging__dbname_index ON ir_logging (dbname);
CREATE INDEX ir_logging__level_index ON ir_logging (level);
CREATE INDEX ir_logging__type_index ON ir_logging (type);

CREATE TABLE bus_bus (
    id serial PRIMARY KEY,
    channel varchar,
    message varchar,
    create_date timestamp, write_date timestamp
);

CREATE TABLE mail_mail (
    id serial PRIMARY KEY,
    mail_message_id integer NOT NULL,
    state varchar,
    failure_type varchar,
    failure_reason text,
    scheduled_date timestamp,
    auto_delete boolean,
    create_uid integer, write_uid integer,
    create_date timestamp, write_date timestamp
);
CREATE INDEX mail_mail__mail_message_id_index ON mail_mail (mail_message_id);
CREATE SEQUENCE mail_message_id_seq;

CREATE TABLE queue_job (
    id serial PRIMARY KEY,
    user_id integer,
    company_id integer,
    priority integer,
    retry integer,
    max_retries integer,
    worker_pid integer,
    uuid varchar NOT NULL,
    graph_uuid varchar,
    name varchar,
    model_name varchar,
    method_name varchar,
    func_string varchar,
    state varchar NOT NULL,
    exc_name varchar,
    exc_message varchar,
    exc_info text,
    channel varchar,
    identity_key varchar,
    records jsonb,
    date_created timestamp,
    date_started timestamp,
    date_enqueued timestamp,
    date_done timestamp,
    date_cancelled timestamp,
    eta timestamp,
    exec_time double precision
);
CREATE INDEX queue_job__channel_index ON queue_job (channel);
CREATE INDEX queue_job__company_id_index ON queue_job (company_id);
CREATE INDEX queue_job__graph_uuid_index ON queue_job (graph_uuid);
CREATE INDEX queue_job__state_index ON queue_job (state);
CREATE INDEX queue_job__uuid_index ON queue_job (uuid);
CREATE INDEX queue_job_identity_key_state_partial_index ON queue_job (identity_key)
    WHERE state IN ('pending', 'enqueued', 'wait_dependencies') AND identity_key IS NOT NULL;

CREATE TABLE account_account (
    id serial PRIMARY KEY,
    currency_id integer,
    account_type varchar NOT NULL,
    internal_group varchar,
    name jsonb NOT NULL,
    code_store jsonb,
    reconcile boolean,
    deprecated boolean,
    create_date timestamp, write_date timestamp
);

CREATE TABLE account_account_res_company_rel (
    account_account_id integer NOT NULL REFERENCES account_account ON DELETE CASCADE,
    res_company_id integer NOT NULL REFERENCES res_company ON DELETE CASCADE,
    PRIMARY KEY (account_account_id, res_company_id)
);

CREATE TABLE account_tax (
    id serial PRIMARY KEY,
    name jsonb NOT NULL,
    company_id integer NOT NULL REFERENCES res_company,
    type_tax_use varchar NOT NULL,
    amount_type varchar NOT NULL,
    amount numeric NOT NULL,
    account_id integer REFERENCES account_account,
    active boolean
);

CREATE TABLE account_journal (
    id serial PRIMARY KEY,
    default_account_id integer REFERENCES account_account ON DELETE RESTRICT,
    suspense_account_id integer REFERENCES account_account ON DELETE RESTRICT,
    sequence integer,
    currency_id integer,
    company_id integer NOT NULL REFERENCES res_company,
    color integer,
    code varchar(5) NOT NULL,
    type varchar NOT NULL,
    invoice_reference_type varchar NOT NULL,
    invoice_reference_model varchar NOT NULL,
    bank_statements_source varchar,
    name jsonb NOT NULL,
    active boolean,
    autocheck_on_post boolean,
    restrict_mode_hash_table boolean,
    refund_sequence boolean,
    payment_sequence boolean,
    show_on_dashboard boolean,
    alias_name varchar,   -- of the alias, which Odoo keeps in mail_alias
    alias_domain varchar, -- of the company, in mail_alias_domain
    create_uid integer, write_uid integer,
    create_date timestamp, write_date timestamp,
    CONSTRAINT account_journal_code_company_uniq UNIQUE (company_id, code)
);

CREATE TABLE account_payment_method_line (
    id serial PRIMARY KEY,
    name varchar,
    code varchar NOT NULL DEFAULT 'manual', -- of the method, which Odoo keeps in account_payment_method
    sequence integer,
    payment_type varchar NOT NULL,
    journal_id integer REFERENCES account_journal ON DELETE CASCADE,
    payment_account_id integer REFERENCES account_account ON DELETE RESTRICT
);

CREATE TABLE account_move (
    id serial PRIMARY KEY,
    sequence_number integer,
    journal_id integer NOT NULL REFERENCES account_journal ON DELETE RESTRICT,
    company_id integer REFERENCES res_company,
    origin_payment_id integer,
    statement_line_id integer,
    auto_post_origin_id integer,
    secure_sequence_number integer,
    partner_id integer REFERENCES res_partner ON DELETE RESTRICT,
    commercial_partner_id integer REFERENCES res_partner ON DELETE RESTRICT,
    currency_id integer NOT NULL REFERENCES res_currency,
    reversed_entry_id integer REFERENCES account_move ON DELETE SET NULL,
    invoice_user_id integer,
    create_uid integer, write_uid integer,
    sequence_prefix varchar,
    name varchar,
    ref varchar,
    state varchar NOT NULL,
    move_type varchar NOT NULL,
    auto_post varchar NOT NULL,
    inalterable_hash varchar,
    payment_reference varchar,
    payment_state varchar,
    invoice_partner_display_name varchar,
    invoice_origin varchar,
    date date NOT NULL,
    auto_post_until date,
    invoice_date date,
    invoice_date_due date,
    sending_data jsonb,
    narration text,
    amount_untaxed numeric,
    amount_tax numeric,
    amount_total numeric,
    amount_residual numeric,
    amount_untaxed_signed numeric,
    amount_total_signed numeric,
    amount_residual_signed numeric,
    checked boolean,
    posted_before boolean,
    made_sequence_gap boolean,
    is_manually_modified boolean,
    is_move_sent boolean,
    create_date timestamp, write_date timestamp
);

CREATE TABLE account_full_reconcile (
    id serial PRIMARY KEY,
    exchange_move_id integer REFERENCES account_move ON DELETE SET NULL,
    create_uid integer, write_uid integer,
    create_date timestamp, write_date timestamp
);

CREATE TABLE account_payment (
    id serial PRIMARY KEY,
    move_id integer REFERENCES account_move ON DELETE SET NULL,
    journal_id integer NOT NULL REFERENCES account_journal ON DELETE RESTRICT,
    company_id integer NOT NULL REFERENCES res_company,
    payment_method_line_id integer REFERENCES account_payment_method_line,
    currency_id integer REFERENCES res_currency,
    partner_id integer REFERENCES res_partner ON DELETE RESTRICT,
    outstanding_account_id integer REFERENCES account_account ON DELETE SET NULL,
    destination_account_id integer REFERENCES account_account ON DELETE SET NULL,
    create_uid integer, write_uid integer,
    name varchar,
    state varchar NOT NULL,
    payment_type varchar NOT NULL,
    partner_type varchar NOT NULL,
    memo varchar,
    payment_reference varchar,
    date date NOT NULL,
    amount numeric,
    amount_company_currency_signed numeric,
    is_reconciled boolean,
    is_matched boolean,
    is_sent boolean,
    create_date timestamp, write_date timestamp,
    CONSTRAINT account_payment_check_amount_not_negative CHECK (amount >= 0.0)
);

CREATE TABLE account_bank_statement_line (
    id serial PRIMARY KEY,
    move_id integer NOT NULL REFERENCES account_move ON DELETE CASCADE,
    journal_id integer NOT NULL REFERENCES account_journal,
    company_id integer NOT NULL REFERENCES res_company,
    statement_id integer,
    sequence integer,
    partner_id integer REFERENCES res_partner ON DELETE RESTRICT,
    currency_id integer REFERENCES res_currency,
    create_uid integer, write_uid integer,
    payment_ref varchar,
    internal_index varchar,
    amount numeric,
    amount_currency numeric,
    is_reconciled boolean,
    amount_residual double precision,
    create_date timestamp, write_date timestamp
);

CREATE TABLE account_move_line (
    id serial PRIMARY KEY,
    move_id integer NOT NULL REFERENCES account_move ON DELETE CASCADE,
    journal_id integer REFERENCES account_journal,
    company_id integer REFERENCES res_company,
    company_currency_id integer REFERENCES res_currency,
    sequence integer,
    account_id integer REFERENCES account_account ON DELETE CASCADE,
    currency_id integer NOT NULL REFERENCES res_currency,
    partner_id integer REFERENCES res_partner ON DELETE RESTRICT,
    payment_id integer REFERENCES account_payment ON DELETE SET NULL,
    statement_line_id integer REFERENCES account_bank_statement_line ON DELETE SET NULL,
    statement_id integer,
    tax_line_id integer REFERENCES account_tax ON DELETE RESTRICT,
    full_reconcile_id integer REFERENCES account_full_reconcile ON DELETE SET NULL,
    product_id integer,
    create_uid integer, write_uid integer,
    move_name varchar,
    parent_state varchar,
    ref varchar,
    name varchar,
    matching_number varchar,
    display_type varchar NOT NULL,
    date date,
    invoice_date date,
    date_maturity date,
    debit numeric,
    credit numeric,
    balance numeric,
    amount_currency numeric,
    amount_residual numeric,
    amount_residual_currency numeric,
    quantity numeric,
    price_unit numeric,
    price_subtotal numeric,
    price_total numeric,
    discount numeric,
    reconciled boolean,
    create_date timestamp, write_date timestamp,
    CONSTRAINT account_move_line_check_accountable_required_fields
        CHECK (display_type IN ('line_section', 'line_note') OR account_id IS NOT NULL),
    CONSTRAINT account_move_line_check_amount_currency_balance_sign
        CHECK (display_type IN ('line_section', 'line_note')
            OR (balance <= 0 AND amount_currency <= 0) OR (balance >= 0 AND amount_currency >= 0)),
    CONSTRAINT account_move_line_check_credit_debit
        CHECK (display_type IN ('line_section', 'line_note') OR credit * debit = 0)
);

-- The payments that users registered on invoices, with or without an entry.
CREATE TABLE account_move__account_payment (
    invoice_id integer NOT NULL REFERENCES account_move ON DELETE CASCADE,
    payment_id integer NOT NULL REFERENCES account_payment ON DELETE CASCADE,
    PRIMARY KEY (invoice_id, payment_id)
);

CREATE TABLE account_partial_reconcile (
    id serial PRIMARY KEY,
    debit_move_id integer NOT NULL REFERENCES account_move_line ON DELETE RESTRICT,
    credit_move_id integer NOT NULL REFERENCES account_move_line ON DELETE RESTRICT,
    full_reconcile_id integer REFERENCES account_full_reconcile ON DELETE SET NULL,
    exchange_move_id integer REFERENCES account_move ON DELETE SET NULL,
    debit_currency_id integer,
    credit_currency_id integer,
    company_id integer REFERENCES res_company,
    create_uid integer, write_uid integer,
    max_date date,
    amount numeric,
    debit_amount_currency numeric,
    credit_amount_currency numeric,
    create_date timestamp, write_date timestamp
);

ALTER TABLE account_move
    ADD CONSTRAINT account_move_origin_payment_id_fkey
        FOREIGN KEY (origin_payment_id) REFERENCES account_payment ON DELETE SET NULL,
    ADD CONSTRAINT account_move_statement_line_id_fkey
        FOREIGN KEY (statement_line_id) REFERENCES account_bank_statement_line ON DELETE SET NULL;

CREATE TABLE account_move_line_account_tax_rel (
    account_move_line_id integer NOT NULL REFERENCES account_move_line ON DELETE CASCADE,
    account_tax_id integer NOT NULL REFERENCES account_tax ON DELETE RESTRICT,
    PRIMARY KEY (account_move_line_id, account_tax_id)
);

-- Wizards are tables too; Odoo vacuums their old rows.
CREATE TABLE account_payment_register (
    id serial PRIMARY KEY,
    journal_id integer REFERENCES account_journal ON DELETE SET NULL,
    company_id integer,
    partner_id integer,
    currency_id integer,
    payment_method_line_id integer REFERENCES account_payment_method_line ON DELETE SET NULL,
    payment_type varchar,
    partner_type varchar,
    communication varchar,
    payment_date date NOT NULL,
    amount numeric,
    source_amount numeric,
    can_edit_wizard boolean,
    create_uid integer, write_uid integer,
    create_date timestamp, write_date timestamp
);
CREATE TABLE account_payment_register_move_line_rel (
    wizard_id integer NOT NULL REFERENCES account_payment_register ON DELETE CASCADE,
    line_id integer NOT NULL REFERENCES account_move_line ON DELETE CASCADE,
    PRIMARY KEY (wizard_id, line_id)
);
CREATE TABLE account_move_reversal (
    id serial PRIMARY KEY,
    journal_id integer REFERENCES account_journal ON DELETE SET NULL,
    company_id integer,
    reason varchar,
    date date,
    create_uid integer, write_uid integer,
    create_date timestamp, write_date timestamp
);
CREATE TABLE account_move_reversal_move (
    reversal_id integer NOT NULL REFERENCES account_move_reversal ON DELETE CASCADE,
    move_id integer NOT NULL REFERENCES account_move ON DELETE CASCADE,
    PRIMARY KEY (reversal_id, move_id)
);
CREATE TABLE account_move_send_wizard (
    id serial PRIMARY KEY,
    move_id integer NOT NULL REFERENCES account_move ON DELETE CASCADE,
    create_uid integer, write_uid integer,
    create_date timestamp, write_date timestamp
);

CREATE INDEX account_bank_statement_line__move_id_index ON account_bank_statement_line (move_id);
CREATE INDEX account_bank_statement_line_main_idx ON account_bank_statement_line (journal_id, company_id, internal_index);
CREATE INDEX account_bank_statement_line_orphan_idx ON account_bank_statement_line (journal_id, company_id, internal_index)
    WHERE statement_id IS NULL;
CREATE INDEX account_bank_statement_line_unreconciled_idx ON account_bank_statement_line (journal_id, company_id, internal_index)
    WHERE NOT is_reconciled OR is_reconciled IS NULL;

CREATE INDEX account_move__auto_post_origin_id_index ON account_move (auto_post_origin_id) WHERE auto_post_origin_id IS NOT NULL;
CREATE INDEX account_move__company_id_index ON account_move (company_id);
CREATE INDEX account_move__date_index ON account_move (date);
CREATE INDEX account_move__inalterable_hash_index ON account_move (inalterable_hash) WHERE inalterable_hash IS NOT NULL;
CREATE INDEX account_move__invoice_date_due_index ON account_move (invoice_date_due);
CREATE INDEX account_move__invoice_date_index ON account_move (invoice_date);
CREATE INDEX account_move__move_type_index ON account_move (move_type);
CREATE INDEX account_move__origin_payment_id_index ON account_move (origin_payment_id) WHERE origin_payment_id IS NOT NULL;
CREATE INDEX account_move__partner_id_index ON account_move (partner_id);
CREATE INDEX account_move__reversed_entry_id_index ON account_move (reversed_entry_id) WHERE reversed_entry_id IS NOT NULL;
CREATE INDEX account_move__secure_sequence_number_index ON account_move (secure_sequence_number);
CREATE INDEX account_move__statement_line_id_index ON account_move (statement_line_id) WHERE statement_line_id IS NOT NULL;
CREATE INDEX account_move_checked_idx ON account_move (journal_id) WHERE checked = false;
CREATE INDEX account_move_journal_id_company_id_idx ON account_move (journal_id, company_id, date);
CREATE INDEX account_move_made_gaps ON account_move (journal_id, company_id, date) WHERE made_sequence_gap = true;
CREATE INDEX account_move_payment_idx ON account_move (journal_id, state, payment_state, move_type, date);
CREATE INDEX account_move_sequence_index ON account_move (journal_id, sequence_prefix DESC, sequence_number DESC, name);
CREATE INDEX account_move_sequence_index2 ON account_move (journal_id, id DESC, sequence_prefix);
CREATE UNIQUE INDEX account_move_unique_name ON account_move (name, journal_id) WHERE state = 'posted' AND name <> '/';

CREATE INDEX account_move_line__company_id_index ON account_move_line (company_id);
CREATE INDEX account_move_line__date_maturity_index ON account_move_line (date_maturity);
CREATE INDEX account_move_line__full_reconcile_id_index ON account_move_line (full_reconcile_id) WHERE full_reconcile_id IS NOT NULL;
CREATE INDEX account_move_line__journal_id_index ON account_move_line (journal_id);
CREATE INDEX account_move_line__matching_number_index ON account_move_line (matching_number);
CREATE INDEX account_move_line__move_id_index ON account_move_line (move_id);
CREATE INDEX account_move_line__move_name_index ON account_move_line (move_name);
CREATE INDEX account_move_line__payment_id_index ON account_move_line (payment_id) WHERE payment_id IS NOT NULL;
CREATE INDEX account_move_line__statement_id_index ON account_move_line (statement_id) WHERE statement_id IS NOT NULL;
CREATE INDEX account_move_line__statement_line_id_index ON account_move_line (statement_line_id) WHERE statement_line_id IS NOT NULL;
CREATE INDEX account_move_line__unreconciled_index ON account_move_line (account_id, partner_id)
    WHERE (reconciled IS NULL OR reconciled = false OR reconciled IS NOT true) AND parent_state = 'posted';
CREATE INDEX account_move_line_account_id_date_idx ON account_move_line (account_id, date);
CREATE INDEX account_move_line_date_name_id_idx ON account_move_line (date DESC, move_name DESC, id);
CREATE INDEX account_move_line_journal_id_neg_amnt_residual_idx ON account_move_line (journal_id)
    WHERE amount_residual < 0 AND parent_state = 'posted';
CREATE INDEX account_move_line_partner_id_ref_idx ON account_move_line (partner_id, ref);

CREATE INDEX account_partial_reconcile__credit_move_id_index ON account_partial_reconcile (credit_move_id);
CREATE INDEX account_partial_reconcile__debit_move_id_index ON account_partial_reconcile (debit_move_id);
CREATE INDEX account_partial_reconcile__exchange_move_id_index ON account_partial_reconcile (exchange_move_id) WHERE exchange_move_id IS NOT NULL;
CREATE INDEX account_partial_reconcile__full_reconcile_id_index ON account_partial_reconcile (full_reconcile_id) WHERE full_reconcile_id IS NOT NULL;

CREATE INDEX account_payment__move_id_index ON account_payment (move_id);
CREATE INDEX account_payment__outstanding_account_id_index ON account_payment (outstanding_account_id) WHERE outstanding_account_id IS NOT NULL;
CREATE INDEX account_payment_journal_id_company_id_idx ON account_payment (journal_id, company_id);
CREATE INDEX account_payment_unmatched_idx ON account_payment (journal_id, company_id) WHERE NOT is_matched OR is_matched IS NULL;
