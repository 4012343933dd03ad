-- The role Closewatch reads PostgreSQL and Odoo with: it sees statistics and
-- the columns below, changes nothing, and cannot wait for long.
--
--   psql -v ON_ERROR_STOP=1 -d postgres  -f closewatch-role.sql     once for the server
--   psql -v ON_ERROR_STOP=1 -d ODOO_DB   -f closewatch-role.sql     once for each Odoo database
--
-- It may be run again. The password is set apart, so that it is in no file:
--
--   \password closewatch

\set QUIET on
SET client_min_messages = warning;

SELECT 'CREATE ROLE closewatch LOGIN'
 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'closewatch') \gexec

ALTER ROLE closewatch NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
-- Six for the server and one for each database of Odoo; about as many again while
-- "closewatch check --live" looks.
ALTER ROLE closewatch CONNECTION LIMIT 15;
ALTER ROLE closewatch SET default_transaction_read_only = on;
ALTER ROLE closewatch SET statement_timeout = '5s';
ALTER ROLE closewatch SET lock_timeout = '500ms';
ALTER ROLE closewatch SET idle_in_transaction_session_timeout = '10s';

-- Statistics of every session, replication and settings: no table of anybody.
GRANT pg_monitor TO closewatch;

-- Odoo: what the collector reads, column by column: names, amounts, texts and
-- addresses stay unreadable.
-- A table or column that this database or this version does not have is left
-- out: the collector says "not measurable here".
DO $$
DECLARE
  wanted CONSTANT jsonb := '{
    "account_bank_statement_line": ["id", "move_id", "journal_id", "company_id", "is_reconciled", "internal_index"],
    "account_edi_document":        ["id", "move_id", "edi_format_id", "attachment_id", "state", "blocking_level", "write_date"],
    "account_edi_format":          ["id", "code"],
    "account_journal":             ["id", "code", "type", "company_id", "active"],
    "account_move":                ["id", "state", "company_id", "journal_id", "date", "auto_post", "write_date",
                                    "move_type", "partner_id", "commercial_partner_id", "is_move_sent", "sending_data",
                                    "peppol_move_state", "peppol_message_uuid", "l10n_it_edi_state",
                                    "l10n_pl_edi_status", "l10n_hu_edi_state", "l10n_ro_edi_state",
                                    "l10n_my_edi_state", "l10n_tr_nilvera_send_status"],
    "edi_exchange_record":         ["id", "model", "res_id", "edi_exchange_state", "write_date"],
    "ir_attachment":               ["id", "type", "res_model", "res_id", "res_field", "store_fname", "file_size"],
    "ir_cron":                     ["id", "active", "cron_name", "nextcall", "lastcall", "interval_number", "interval_type", "failure_count"],
    "mail_mail":                   ["id", "state", "failure_type", "scheduled_date", "create_date", "write_date"],
    "mail_message":                ["id", "model", "res_id", "create_date"],
    "mail_notification":           ["id", "mail_message_id", "res_partner_id", "notification_status"],
    "queue_job":                   ["id", "state", "channel", "eta", "date_created", "date_enqueued", "date_started"],
    "res_company":                 ["id", "fiscalyear_lock_date", "tax_lock_date", "sale_lock_date", "purchase_lock_date",
                                    "hard_lock_date", "period_lock_date"]
  }';
  tab text;
  columns text;
BEGIN
  FOR tab IN SELECT jsonb_object_keys(wanted) LOOP
    SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) INTO columns
      FROM pg_attribute a
     WHERE a.attrelid = to_regclass('public.' || quote_ident(tab))
       AND a.attnum > 0 AND NOT a.attisdropped
       AND wanted -> tab ? a.attname::text;
    IF columns IS NOT NULL THEN
      EXECUTE format('GRANT SELECT (%s) ON public.%I TO closewatch', columns, tab);
    END IF;
  END LOOP;
END
$$;

-- What the role has here.
SELECT table_name, count(*) AS readable_columns
  FROM information_schema.column_privileges
 WHERE grantee = 'closewatch' AND table_schema = 'public' AND privilege_type = 'SELECT'
 GROUP BY table_name ORDER BY table_name;
