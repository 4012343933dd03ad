-- Documents in the shape of Odoo 18's tables: e-invoices of account_edi and
-- account_peppol, the messages behind mails and who they were for, attachments
-- of fields.
CREATE TABLE mail_message (
    id integer PRIMARY KEY DEFAULT nextval('mail_message_id_seq'),
    parent_id integer REFERENCES mail_message ON DELETE SET NULL,
    res_id integer,
    author_id integer,
    subject varchar,
    model varchar,
    message_type varchar NOT NULL DEFAULT 'comment',
    message_id varchar,
    is_internal boolean,
    date timestamp,
    create_uid integer, write_uid integer,
    create_date timestamp, write_date timestamp
);
CREATE INDEX mail_message__author_id_index ON mail_message (author_id);
CREATE INDEX mail_message__message_id_index ON mail_message (message_id);
CREATE INDEX mail_message_model_res_id_idx ON mail_message (model, res_id);
CREATE INDEX mail_message_model_res_id_id_idx ON mail_message (model, res_id, id);

CREATE TABLE mail_notification (
    id serial PRIMARY KEY,
    author_id integer,
    mail_message_id integer NOT NULL REFERENCES mail_message ON DELETE CASCADE,
    mail_mail_id integer,
    res_partner_id integer,
    notification_type varchar NOT NULL DEFAULT 'email',
    notification_status varchar,
    failure_type varchar,
    failure_reason text,
    is_read boolean,
    read_date timestamp
);
CREATE INDEX mail_notification__is_read_index ON mail_notification (is_read);
CREATE INDEX mail_notification__mail_mail_id_index ON mail_notification (mail_mail_id);
CREATE INDEX mail_notification__mail_message_id_index ON mail_notification (mail_message_id);
CREATE INDEX mail_notification__notification_status_index ON mail_notification (notification_status);
CREATE INDEX mail_notification__notification_type_index ON mail_notification (notification_type);
CREATE INDEX mail_notification__res_partner_id_index ON mail_notification (res_partner_id);
CREATE INDEX mail_notification_author_id_notification_status_failure ON mail_notification (author_id, notification_status)
    WHERE notification_status IN ('bounce', 'exception');
CREATE UNIQUE INDEX unique_mail_message_id_res_partner_id_if_set ON mail_notification (mail_message_id, res_partner_id)
    WHERE res_partner_id IS NOT NULL;

CREATE TABLE account_edi_format (
    id serial PRIMARY KEY,
    code varchar NOT NULL UNIQUE,
    name varchar
);

CREATE TABLE account_edi_format_account_journal_rel (
    account_journal_id integer NOT NULL REFERENCES account_journal ON DELETE CASCADE,
    account_edi_format_id integer NOT NULL REFERENCES account_edi_format ON DELETE CASCADE,
    PRIMARY KEY (account_journal_id, account_edi_format_id)
);

CREATE TABLE account_edi_document (
    id serial PRIMARY KEY,
    move_id integer NOT NULL REFERENCES account_move ON DELETE CASCADE,
    edi_format_id integer NOT NULL REFERENCES account_edi_format,
    attachment_id integer,
    state varchar,
    blocking_level varchar,
    error text,
    create_uid integer, write_uid integer,
    create_date timestamp, write_date timestamp,
    CONSTRAINT account_edi_document_unique_edi_document_by_move_by_format UNIQUE (edi_format_id, move_id)
);
CREATE INDEX account_edi_document__move_id_index ON account_edi_document (move_id);

ALTER TABLE account_move ADD COLUMN peppol_move_state varchar, ADD COLUMN peppol_message_uuid varchar;
ALTER TABLE ir_attachment ADD COLUMN res_field varchar, ADD COLUMN db_datas bytea;
