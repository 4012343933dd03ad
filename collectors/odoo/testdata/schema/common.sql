-- Tables that are alike in Odoo 16 to 19, or belong to modules that not every
-- database has, reduced to the columns this collector reads.
CREATE TABLE ir_config_parameter (
    id serial PRIMARY KEY,
    key varchar NOT NULL UNIQUE,
    value text NOT NULL
);

CREATE TABLE ir_module_module (
    id serial PRIMARY KEY,
    name varchar NOT NULL UNIQUE,
    state varchar,
    latest_version varchar
);

CREATE TABLE ir_mail_server (
    id serial PRIMARY KEY,
    smtp_host varchar,
    smtp_pass varchar,
    active boolean
);

CREATE TABLE fetchmail_server (
    id serial PRIMARY KEY,
    state varchar,
    server_type varchar NOT NULL,
    active boolean
);

CREATE TABLE mail_mail (
    id serial PRIMARY KEY,
    mail_message_id integer NOT NULL,
    state varchar,
    failure_type varchar,
    failure_reason text,
    scheduled_date timestamp,
    create_date timestamp,
    write_date timestamp
);

CREATE TABLE mail_message (
    id serial PRIMARY KEY,
    res_id integer,
    model varchar,
    create_date timestamp
);
CREATE INDEX mail_message_model_res_id_idx ON mail_message (model, res_id);

CREATE TABLE mail_notification (
    id serial PRIMARY KEY,
    mail_message_id integer NOT NULL,
    res_partner_id integer,
    notification_status varchar
);
CREATE INDEX mail_notification__mail_message_id_index ON mail_notification (mail_message_id);
CREATE INDEX mail_notification__notification_status_index ON mail_notification (notification_status);

CREATE TABLE account_edi_format (
    id serial PRIMARY KEY,
    code varchar NOT NULL UNIQUE
);

CREATE TABLE account_edi_document (
    id serial PRIMARY KEY,
    move_id integer NOT NULL,
    edi_format_id integer NOT NULL,
    attachment_id integer,
    state varchar,
    blocking_level varchar,
    write_date timestamp
);
CREATE INDEX account_edi_document__move_id_index ON account_edi_document (move_id);

CREATE TABLE account_edi_proxy_client_user (
    id serial PRIMARY KEY,
    edi_mode varchar,
    active boolean
);

CREATE TABLE account_online_link (
    id serial PRIMARY KEY,
    state varchar NOT NULL
);

CREATE TABLE payment_provider (
    id serial PRIMARY KEY,
    code varchar NOT NULL,
    state varchar NOT NULL
);
