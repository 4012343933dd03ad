-- The role Closewatch reads PostgreSQL and Odoo with: it sees statistics and
-- the columns below, changes nothing, and cannot wait for long.
--
--   psql -v ON_ERROR_STOP=1 -d postgres  -f closewatch-role.sql     once for the server
--   psql -v ON_ERROR_STOP=1 -d ODOO_DB   -f closewatch-role.sql     once for each Odoo database
--
-- In all databases of a server, and again after an upgrade of Closewatch or of Odoo:
--
--   psql -d postgres -XAtc "SELECT datname FROM pg_database WHERE datallowconn AND NOT datistemplate" |
--     xargs -d '\n' -I DB psql -v ON_ERROR_STOP=1 -d DB -f closewatch-role.sql
--
-- It may be run again. The password is set apart, so that it is in no file:
--
--   \password closewatch

\set QUIET on
SET client_min_messages = warning;

DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'closewatch') THEN
    CREATE ROLE closewatch LOGIN;
  END IF;
  -- Taking these away needs a superuser even where there is nothing to take: the
  -- administrator of a managed PostgreSQL is none.
  IF EXISTS (SELECT FROM pg_roles
              WHERE rolname = 'closewatch' AND (rolsuper OR rolcreatedb OR rolcreaterole OR rolreplication OR rolbypassrls)) THEN
    ALTER ROLE closewatch NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
  END IF;
END
$$;

-- Six for the server, one for each Odoo component and at most six for all its
-- other databases, which are visited in turn; about as many again while
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
    "account_bank_statement":        ["id", "journal_id", "date", "is_complete"],
    "account_bank_statement_line":   ["id", "move_id", "journal_id", "company_id", "is_reconciled", "internal_index"],
    "account_edi_document":          ["id", "move_id", "state", "edi_format_id", "attachment_id", "blocking_level",
                                      "write_date"],
    "account_edi_format":            ["id", "code"],
    "account_edi_proxy_client_user": ["active", "edi_mode"],
    "account_journal":               ["id", "code", "type", "company_id", "active"],
    "account_lock_exception":        ["company_id", "user_id", "lock_date_field", "lock_date", "active", "end_datetime"],
    "account_move":                  ["id", "state", "move_type", "company_id", "journal_id", "date", "auto_post",
                                      "create_date", "write_date", "checked", "to_check", "sequence_prefix",
                                      "sequence_number", "made_sequence_gap", "secure_sequence_number",
                                      "inalterable_hash", "partner_id", "commercial_partner_id", "is_move_sent",
                                      "sending_data", "peppol_move_state", "peppol_message_uuid", "l10n_it_edi_state",
                                      "l10n_pl_edi_status", "l10n_hu_edi_state", "l10n_ro_edi_state",
                                      "l10n_my_edi_state", "l10n_tr_nilvera_send_status"],
    "account_online_link":           ["state"],
    "account_payment":               ["id", "move_id", "journal_id", "state", "date", "is_matched"],
    "edi_exchange_record":           ["id", "model", "res_id", "edi_exchange_state", "write_date"],
    "fetchmail_server":              ["active", "state", "server_type"],
    "ir_attachment":                 ["res_model", "res_id", "checksum", "create_date", "id", "type", "res_field",
                                      "store_fname", "file_size"],
    "ir_cron":                       ["id", "active", "cron_name", "nextcall", "lastcall", "interval_number",
                                      "interval_type", "priority", "failure_count", "first_failure_date", "numbercall"],
    "ir_cron_progress":              ["id", "cron_id", "timed_out_counter", "done", "deactivate", "create_date",
                                      "write_date"],
    "ir_cron_trigger":               ["cron_id", "call_at"],
    "ir_mail_server":                ["active", "smtp_host"],
    "ir_model_data":                 ["module", "name", "res_id"],
    "ir_module_module":              ["state", "name", "latest_version"],
    "mail_mail":                     ["id", "state", "failure_type", "scheduled_date", "create_date", "write_date"],
    "mail_message":                  ["id", "model", "res_id", "create_date"],
    "mail_notification":             ["id", "mail_message_id", "res_partner_id", "notification_status"],
    "payment_provider":              ["state", "code"],
    "queue_job":                     ["id", "state", "channel", "eta", "date_created", "date_enqueued", "date_started",
                                      "worker_pid", "retry", "max_retries", "identity_key"],
    "queue_job_lock":                ["queue_job_id"],
    "res_company":                   ["id", "fiscalyear_lock_date", "tax_lock_date", "sale_lock_date",
                                      "purchase_lock_date", "hard_lock_date", "period_lock_date"]
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

-- Which database this is a copy of, and whether it was neutralised, is kept among
-- Odoo's system parameters, beside secrets. The role may not read those: it may
-- ask this function for a hash of the identity and for the mark. It runs as the
-- owner of the table, who could read both anyway, and nothing depends on it:
-- leave it out, and Closewatch says that copies cannot be recognised.
DO $$
DECLARE
  parameters CONSTANT regclass := to_regclass('public.ir_config_parameter');
BEGIN
  IF parameters IS NULL THEN
    RETURN;
  END IF;
  CREATE OR REPLACE FUNCTION public.closewatch_copy_marks(OUT identity text, OUT neutralized boolean)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS
  $marks$
    SELECT encode(sha256(convert_to(max(value) FILTER (WHERE key = 'database.uuid'), 'UTF8')), 'hex'),
           coalesce(bool_or(key = 'database.is_neutralized' AND lower(value) NOT IN ('', 'false', '0')), false)
      FROM public.ir_config_parameter WHERE key IN ('database.uuid', 'database.is_neutralized')
  $marks$;
  EXECUTE format('ALTER FUNCTION public.closewatch_copy_marks() OWNER TO %I',
                 (SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = parameters));
  REVOKE ALL ON FUNCTION public.closewatch_copy_marks() FROM PUBLIC;
  GRANT EXECUTE ON FUNCTION public.closewatch_copy_marks() TO closewatch;
END
$$;

-- That the prober left the books of real companies as they were is proved by
-- comparing them with what they would be without its records. The role may not
-- read amounts, numbers or references: this function compares them where they
-- are and gives away counts and hashes. It runs as the owner of the entries, and
-- nothing depends on it: leave it out, and Closewatch says that neutrality is
-- not proved. It reads all entries and items once; Closewatch asks once a day.
DO $$
DECLARE
  entries CONSTANT regclass := to_regclass('public.account_move');
  payment_company text := 'p.company_id';
BEGIN
  IF entries IS NULL THEN
    RETURN;
  END IF;
  IF NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = to_regclass('public.account_payment')
                                            AND attname = 'company_id' AND NOT attisdropped) THEN
    payment_company := '(SELECT e.company_id FROM public.account_move e WHERE e.id = p.move_id)'; -- Odoo 16 and 17
  END IF;
  DROP FUNCTION IF EXISTS public.closewatch_ledger_proof(integer, text);
  BEGIN
  EXECUTE format($create$
    CREATE FUNCTION public.closewatch_ledger_proof(prober integer, tag text,
        OUT company integer, OUT reachable boolean,
        OUT entries bigint, OUT items bigint, OUT payments bigint, OUT numbers text, OUT balances text,
        OUT own_entries bigint, OUT own_items bigint, OUT own_payments bigint, OUT own_matches bigint,
        OUT numbers_without text, OUT balances_without text)
      RETURNS SETOF record
      LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS
    $proof$
      WITH entry AS MATERIALIZED (
        SELECT id, company_id, journal_id, sequence_prefix, sequence_number,
               coalesce(create_uid = prober, false) OR coalesce(write_uid = prober, false) OR coalesce(starts_with(ref, tag), false) AS own
          FROM public.account_move
      ), journal AS (
        SELECT company_id, count(*) AS n, count(*) FILTER (WHERE own) AS own, journal_id, coalesce(sequence_prefix, '') AS prefix,
               count(*) FILTER (WHERE sequence_number > 0) AS numbered, max(sequence_number) FILTER (WHERE sequence_number > 0) AS last,
               count(*) FILTER (WHERE sequence_number > 0 AND NOT own) AS numbered_without,
               max(sequence_number) FILTER (WHERE sequence_number > 0 AND NOT own) AS last_without
          FROM entry GROUP BY company_id, journal_id, prefix
      ), item AS (
        SELECT l.company_id, l.account_id, l.debit, l.credit, l.parent_state = 'posted' AS posted,
               coalesce(l.create_uid = prober, false) OR coalesce(l.write_uid = prober, false) OR coalesce(e.own, false) AS own
          FROM public.account_move_line l LEFT JOIN entry e ON e.id = l.move_id
      ), account AS (
        SELECT company_id, count(*) AS n, count(*) FILTER (WHERE own) AS own, account_id,
               trim_scale(coalesce(sum(debit)  FILTER (WHERE posted), 0)) AS debit,
               trim_scale(coalesce(sum(credit) FILTER (WHERE posted), 0)) AS credit,
               trim_scale(coalesce(sum(debit)  FILTER (WHERE posted AND NOT own), 0)) AS debit_without,
               trim_scale(coalesce(sum(credit) FILTER (WHERE posted AND NOT own), 0)) AS credit_without
          FROM item GROUP BY company_id, account_id
      ), payment AS (
        SELECT %s AS company_id, count(*) AS n, count(*) FILTER (WHERE create_uid = prober OR write_uid = prober) AS own
          FROM public.account_payment p GROUP BY 1
      )
      SELECT c.id, EXISTS (SELECT FROM public.res_company_users_rel r WHERE r.user_id = prober AND r.cid = c.id),
             coalesce(j.n, 0), coalesce(a.n, 0), coalesce(p.n, 0), j.numbers, a.balances,
             coalesce(j.own, 0), coalesce(a.own, 0), coalesce(p.own, 0),
             (SELECT count(*) FROM public.account_partial_reconcile m WHERE m.company_id = c.id AND m.create_uid = prober),
             j.numbers_without, a.balances_without
        FROM public.res_company c
        LEFT JOIN (SELECT company_id, sum(n)::bigint AS n, sum(own)::bigint AS own,
                          encode(sha256(convert_to(coalesce(string_agg(concat_ws(' ', journal_id, prefix, numbered, last), E'\n' ORDER BY journal_id, prefix)
                            FILTER (WHERE numbered > 0), ''), 'UTF8')), 'hex') AS numbers,
                          encode(sha256(convert_to(coalesce(string_agg(concat_ws(' ', journal_id, prefix, numbered_without, last_without), E'\n' ORDER BY journal_id, prefix)
                            FILTER (WHERE numbered_without > 0), ''), 'UTF8')), 'hex') AS numbers_without
                     FROM journal GROUP BY company_id) j ON j.company_id = c.id
        LEFT JOIN (SELECT company_id, sum(n)::bigint AS n, sum(own)::bigint AS own,
                          encode(sha256(convert_to(coalesce(string_agg(concat_ws(' ', account_id, debit, credit), E'\n' ORDER BY account_id)
                            FILTER (WHERE debit <> 0 OR credit <> 0), ''), 'UTF8')), 'hex') AS balances,
                          encode(sha256(convert_to(coalesce(string_agg(concat_ws(' ', account_id, debit_without, credit_without), E'\n' ORDER BY account_id)
                            FILTER (WHERE debit_without <> 0 OR credit_without <> 0), ''), 'UTF8')), 'hex') AS balances_without
                     FROM account GROUP BY company_id) a ON a.company_id = c.id
        LEFT JOIN payment p ON p.company_id = c.id
       ORDER BY c.id
    $proof$
  $create$, payment_company);
  EXCEPTION WHEN undefined_table OR undefined_column THEN
    RETURN; -- the books of a version that is not known: nothing is proved of them
  END;
  EXECUTE format('ALTER FUNCTION public.closewatch_ledger_proof(integer, text) OWNER TO %I',
                 (SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = entries));
  REVOKE ALL ON FUNCTION public.closewatch_ledger_proof(integer, text) FROM PUBLIC;
  GRANT EXECUTE ON FUNCTION public.closewatch_ledger_proof(integer, text) TO closewatch;
END
$$;

-- What the role has here.
SELECT table_name, count(*) AS readable_columns
  FROM information_schema.column_privileges
 WHERE grantee = 'closewatch' AND table_schema = 'public' AND privilege_type = 'SELECT'
 GROUP BY table_name ORDER BY table_name;
