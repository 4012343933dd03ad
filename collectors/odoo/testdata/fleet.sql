-- Tables that are alike in Odoo 16 to 19, or belong to modules that not every
-- database has, reduced to the columns this collector reads.
CREATE TABLE IF NOT EXISTS ir_config_parameter (
    id serial PRIMARY KEY,
    key varchar NOT NULL UNIQUE,
    value text NOT NULL
);

CREATE TABLE IF NOT EXISTS ir_module_module (
    id serial PRIMARY KEY,
    name varchar NOT NULL UNIQUE,
    state varchar,
    latest_version varchar
);

CREATE TABLE IF NOT EXISTS mail_mail (
    id serial PRIMARY KEY,
    mail_message_id integer NOT NULL,
    state varchar,
    create_date timestamp
);

CREATE TABLE IF NOT EXISTS ir_mail_server (
    id serial PRIMARY KEY,
    smtp_host varchar,
    smtp_pass varchar,
    active boolean
);

CREATE TABLE IF NOT EXISTS fetchmail_server (
    id serial PRIMARY KEY,
    state varchar,
    server_type varchar NOT NULL,
    active boolean
);

CREATE TABLE IF NOT EXISTS account_edi_proxy_client_user (
    id serial PRIMARY KEY,
    edi_mode varchar,
    active boolean
);

CREATE TABLE IF NOT EXISTS account_online_link (
    id serial PRIMARY KEY,
    state varchar NOT NULL
);

CREATE TABLE IF NOT EXISTS payment_provider (
    id serial PRIMARY KEY,
    code varchar NOT NULL,
    state varchar NOT NULL
);
