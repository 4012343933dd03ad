-- What the tables of documents rest upon, over any schema_*.sql; the tables
-- themselves are those of the lab.
CREATE SEQUENCE mail_message_id_seq;
CREATE TABLE mail_mail (
    id serial PRIMARY KEY,
    mail_message_id integer NOT NULL,
    state varchar,
    failure_type varchar,
    failure_reason text,
    scheduled_date timestamp,
    create_date timestamp, write_date timestamp
);
CREATE INDEX mail_mail__mail_message_id_index ON mail_mail (mail_message_id);
CREATE TABLE ir_attachment (
    id serial PRIMARY KEY,
    name varchar NOT NULL,
    res_model varchar,
    res_id integer,
    type varchar NOT NULL DEFAULT 'binary',
    store_fname varchar,
    file_size integer,
    create_date timestamp
);
CREATE INDEX ir_attachment__store_fname_index ON ir_attachment (store_fname);
CREATE INDEX ir_attachment_res_idx ON ir_attachment (res_model, res_id);
ALTER TABLE account_move ADD COLUMN partner_id integer, ADD COLUMN commercial_partner_id integer,
    ADD COLUMN is_move_sent boolean, ADD COLUMN sending_data jsonb;
ALTER TABLE account_move ALTER COLUMN move_type SET DEFAULT 'out_invoice', ALTER COLUMN auto_post SET DEFAULT 'no',
    ALTER COLUMN state SET DEFAULT 'posted', ALTER COLUMN journal_id SET DEFAULT 1, ALTER COLUMN date SET DEFAULT '2026-11-20';
INSERT INTO account_journal (id, code, type, company_id) VALUES (1, 'INV', 'sale', 1);
