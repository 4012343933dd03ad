-- Tables of the books that only people write, and that an observer reads: bank
-- statements that were imported, exceptions to lock dates.

CREATE TABLE account_bank_statement (
    id serial PRIMARY KEY,
    company_id integer REFERENCES res_company,
    journal_id integer REFERENCES account_journal,
    create_uid integer, write_uid integer,
    name varchar,
    reference varchar,
    first_line_index varchar,
    date date,
    balance_start numeric,
    balance_end numeric,
    balance_end_real numeric,
    is_complete boolean,
    create_date timestamp, write_date timestamp
);
CREATE INDEX account_bank_statement__date_index ON account_bank_statement (date);
CREATE INDEX account_bank_statement_first_line_index_idx ON account_bank_statement (journal_id, first_line_index);
CREATE INDEX account_bank_statement_journal_id_date_desc_id_desc_idx ON account_bank_statement (journal_id, date DESC, id DESC);

CREATE TABLE account_lock_exception (
    id serial PRIMARY KEY,
    company_id integer NOT NULL REFERENCES res_company,
    user_id integer REFERENCES res_users,
    create_uid integer, write_uid integer,
    reason varchar,
    lock_date_field varchar NOT NULL,
    lock_date date,
    company_lock_date date,
    active boolean,
    end_datetime timestamp,
    create_date timestamp, write_date timestamp
);
CREATE INDEX account_lock_exception_company_id_end_datetime_idx ON account_lock_exception (company_id, user_id, end_datetime) WHERE active = true;

-- What the account module calls the action that posts drafts (ir_cron 4).
INSERT INTO ir_model_data (module, name, model, res_id) VALUES ('account', 'ir_cron_auto_post_draft_entry', 'ir.cron', 4);
