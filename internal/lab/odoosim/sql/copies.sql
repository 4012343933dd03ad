-- What an Odoo database acts on outside: mail servers, the proxy of e-invoicing,
-- bank feeds and payment providers. Empty: nothing of the estate is live.

CREATE TABLE IF NOT EXISTS ir_mail_server (
    id serial PRIMARY KEY,
    name varchar NOT NULL,
    smtp_host varchar,
    smtp_port integer,
    smtp_encryption varchar NOT NULL,
    smtp_authentication varchar NOT NULL,
    active boolean,
    create_date timestamp, write_date timestamp
);

CREATE TABLE IF NOT EXISTS fetchmail_server (
    id serial PRIMARY KEY,
    name varchar NOT NULL,
    state varchar,
    server_type varchar NOT NULL,
    active boolean,
    date timestamp,
    create_date timestamp, write_date timestamp
);

CREATE TABLE IF NOT EXISTS account_edi_proxy_client_user (
    id serial PRIMARY KEY,
    company_id integer NOT NULL,
    proxy_type varchar NOT NULL,
    edi_mode varchar,
    active boolean,
    create_date timestamp, write_date timestamp
);

CREATE TABLE IF NOT EXISTS account_online_link (
    id serial PRIMARY KEY,
    company_id integer NOT NULL,
    state varchar NOT NULL,
    create_date timestamp, write_date timestamp
);

CREATE TABLE IF NOT EXISTS payment_provider (
    id serial PRIMARY KEY,
    company_id integer NOT NULL,
    code varchar NOT NULL,
    state varchar NOT NULL,
    create_date timestamp, write_date timestamp
);
