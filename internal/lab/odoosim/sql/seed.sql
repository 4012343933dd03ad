-- A small estate: company 1 does business, company 2 belongs to the probe.
-- Identifiers are fixed (names.go) and follow a freshly installed Odoo 18.

INSERT INTO res_currency (id, name, symbol, position, rounding, active) VALUES
    (1, 'USD', '$', 'before', 0.01, true),
    (125, 'EUR', '€', 'after', 0.01, true);

INSERT INTO res_country (id, name, code) VALUES
    (109, '{"en_US": "Italy"}', 'IT'),
    (233, '{"en_US": "United States"}', 'US');

INSERT INTO res_partner (id, company_id, name, complete_name, is_company, active, create_date, write_date)
SELECT id, company_id, name, name, is_company, true, now() AT TIME ZONE 'utc', date_trunc('second', now() AT TIME ZONE 'utc')
FROM (VALUES
    (1, 1, 'Main', true),
    (2, NULL, 'OdooBot', false),
    (3, 1, 'Administrator', false),
    (40, 2, 'Closewatch Synthetic', true),
    (41, 1, 'Load User', false),
    (42, 2, 'Closewatch Probe', false),
    (43, 2, 'Synthetic Customer', true)) AS p (id, company_id, name, is_company)
UNION ALL
SELECT n, NULL, format('Customer %s', to_char(n - 9, 'FM000')), format('Customer %s', to_char(n - 9, 'FM000')), true, true,
       now() AT TIME ZONE 'utc', date_trunc('second', now() AT TIME ZONE 'utc')
FROM generate_series(10, 39) AS n;

INSERT INTO res_company (id, name, partner_id, currency_id, sequence, parent_path, active, chart_template, check_account_audit_trail, create_date, write_date) VALUES
    (1, 'Main', 1, 1, 0, '1/', true, 'generic_coa', false, now() AT TIME ZONE 'utc', now() AT TIME ZONE 'utc'),
    (2, 'Closewatch Synthetic', 40, 1, 10, '2/', true, 'generic_coa', false, now() AT TIME ZONE 'utc', now() AT TIME ZONE 'utc');

INSERT INTO res_groups (id, name) VALUES
    (1, '{"en_US": "Internal User"}'),
    (3, '{"en_US": "Access Rights"}'),
    (4, '{"en_US": "Settings"}'),
    (23, '{"en_US": "Billing"}'),
    (24, '{"en_US": "Read-only"}'),
    (25, '{"en_US": "Show Full Accounting Features"}'),
    (26, '{"en_US": "Administrator"}'),
    (27, '{"en_US": "Basic"}');

INSERT INTO ir_model_data (module, name, model, res_id) VALUES
    ('base', 'group_user', 'res.groups', 1),
    ('base', 'group_erp_manager', 'res.groups', 3),
    ('base', 'group_system', 'res.groups', 4),
    ('account', 'group_account_invoice', 'res.groups', 23),
    ('account', 'group_account_readonly', 'res.groups', 24),
    ('account', 'group_account_user', 'res.groups', 25),
    ('account', 'group_account_manager', 'res.groups', 26),
    ('account', 'group_account_basic', 'res.groups', 27);

INSERT INTO res_users (id, company_id, partner_id, active, login, share, create_date, write_date) VALUES
    (1, 1, 2, false, '__system__', false, now() AT TIME ZONE 'utc', now() AT TIME ZONE 'utc'),
    (2, 1, 3, true, 'admin', false, now() AT TIME ZONE 'utc', now() AT TIME ZONE 'utc'),
    (7, 1, 41, true, 'load.user', false, now() AT TIME ZONE 'utc', now() AT TIME ZONE 'utc'),
    (8, 2, 42, true, 'closewatch.probe', false, now() AT TIME ZONE 'utc', now() AT TIME ZONE 'utc');

INSERT INTO res_company_users_rel (cid, user_id) VALUES (1, 1), (1, 2), (2, 2), (1, 7), (2, 8);

INSERT INTO res_groups_users_rel (gid, uid)
SELECT gid, 2 FROM unnest(ARRAY[1, 3, 4, 23, 24, 25, 26, 27]) AS gid
UNION ALL
SELECT gid, uid FROM unnest(ARRAY[1, 23, 25, 27]) AS gid, unnest(ARRAY[7, 8]) AS uid;

INSERT INTO ir_config_parameter (key, value) VALUES
    ('database.uuid', gen_random_uuid()::text),
    ('database.create_date', to_char(now() AT TIME ZONE 'utc', 'YYYY-MM-DD HH24:MI:SS')),
    ('web.base.url', 'http://localhost:8069');

-- Chart of accounts: the same for both companies, 51 identifiers apart.
INSERT INTO account_account (id, account_type, internal_group, name, code_store, reconcile, deprecated)
SELECT a.n + 51 * (c - 1), a.type, split_part(a.type, '_', 1), jsonb_build_object('en_US', a.name), jsonb_build_object(c::text, a.code), a.reconcile, false
FROM (VALUES
    (1, '101000', 'Current Assets', 'asset_current', false),
    (7, '121000', 'Account Receivable', 'asset_receivable', true),
    (8, '131000', 'Tax Paid', 'asset_current', false),
    (14, '211000', 'Account Payable', 'liability_payable', true),
    (17, '251000', 'Tax Received', 'liability_current', false),
    (25, '301000', 'Capital', 'equity', false),
    (27, '400000', 'Product Sales', 'income', false),
    (33, '600000', 'Expenses', 'expense', false),
    (43, '101300', 'Account Receivable (PoS)', 'asset_receivable', true),
    (45, '101401', 'Bank', 'asset_cash', false),
    (46, '101501', 'Cash', 'asset_cash', false),
    (47, '101402', 'Bank Suspense Account', 'asset_current', false),
    (48, '101701', 'Liquidity Transfer', 'asset_current', true),
    (49, '101403', 'Outstanding Receipts', 'asset_current', true),
    (50, '101404', 'Outstanding Payments', 'asset_current', true)) AS a (n, code, name, type, reconcile),
    generate_series(1, 2) AS c;
INSERT INTO account_account (id, account_type, internal_group, name, code_store, reconcile, deprecated) VALUES
    (103, 'asset_cash', 'asset', '{"en_US": "Synthetic Bank"}', '{"2": "101405"}', false, false);
INSERT INTO account_account_res_company_rel (account_account_id, res_company_id)
SELECT id, CASE WHEN id <= 51 THEN 1 ELSE 2 END FROM account_account;

INSERT INTO account_tax (id, name, company_id, type_tax_use, amount_type, amount, account_id, active) VALUES
    (1, '{"en_US": "15%"}', 1, 'sale', 'percent', 15, 17, true),
    (2, '{"en_US": "15%"}', 1, 'purchase', 'percent', 15, 8, true),
    (3, '{"en_US": "15%"}', 2, 'sale', 'percent', 15, 68, true),
    (4, '{"en_US": "15%"}', 2, 'purchase', 'percent', 15, 59, true);
UPDATE res_company SET account_fiscal_country_id = 233, account_peppol_proxy_state = 'not_registered';
UPDATE res_company SET account_sale_tax_id = 1, account_journal_suspense_account_id = 47 WHERE id = 1;
UPDATE res_company SET account_sale_tax_id = 3, account_journal_suspense_account_id = 98 WHERE id = 2;

INSERT INTO account_journal (id, company_id, sequence, code, type, name, default_account_id, suspense_account_id,
    refund_sequence, payment_sequence, invoice_reference_type, invoice_reference_model, active, autocheck_on_post, restrict_mode_hash_table, show_on_dashboard)
SELECT j.n + 7 * (c - 1), c, j.sequence, j.code, j.type, jsonb_build_object('en_US', j.name), j.account + 51 * (c - 1), j.suspense + 51 * (c - 1),
    j.type IN ('sale', 'purchase'), j.type IN ('bank', 'cash'), 'invoice', 'odoo', true, true, false, j.type <> 'general'
FROM (VALUES
    (1, 5, 'INV', 'sale', 'Customer Invoices', 27, NULL::integer),
    (2, 6, 'BILL', 'purchase', 'Vendor Bills', 33, NULL),
    (3, 8, 'MISC', 'general', 'Miscellaneous Operations', NULL, NULL),
    (4, 10, 'EXCH', 'general', 'Exchange Difference', NULL, NULL),
    (5, 10, 'CABA', 'general', 'Cash Basis Taxes', NULL, NULL),
    (6, 7, 'BNK1', 'bank', 'Bank', 45, 47),
    (7, 9, 'CSH1', 'cash', 'Cash', 46, 47)) AS j (n, sequence, code, type, name, account, suspense),
    generate_series(1, 2) AS c;
INSERT INTO account_journal (id, company_id, sequence, code, type, name, default_account_id, suspense_account_id,
    refund_sequence, payment_sequence, invoice_reference_type, invoice_reference_model, active, autocheck_on_post, restrict_mode_hash_table, show_on_dashboard) VALUES
    (15, 2, 10, 'SYNI', 'sale', '{"en_US": "Synthetic Sales"}', 78, NULL, true, false, 'invoice', 'odoo', true, true, false, true),
    (16, 2, 10, 'SYNB', 'bank', '{"en_US": "Synthetic Bank"}', 103, 98, false, true, 'invoice', 'odoo', true, true, false, true);

INSERT INTO account_payment_method_line (id, name, sequence, payment_type, journal_id, payment_account_id)
SELECT row_number() OVER (ORDER BY j.id, t.type), 'Manual Payment', 10, t.type, j.id, t.account + 51 * (j.company_id - 1)
FROM account_journal j, (VALUES ('inbound', 49), ('outbound', 50)) AS t (type, account)
WHERE j.type IN ('bank', 'cash');

INSERT INTO ir_cron (id, ir_actions_server_id, user_id, cron_name, interval_number, interval_type, active, priority, failure_count, nextcall, create_date, write_date)
SELECT c.id, 100 + c.id, 1, c.name, c.number, c.type, c.active, 5, 0,
    date_trunc('second', now() AT TIME ZONE 'utc') + c.id * 0.05 * make_interval(
        days => CASE c.type WHEN 'days' THEN c.number ELSE 0 END,
        hours => CASE c.type WHEN 'hours' THEN c.number ELSE 0 END,
        mins => CASE c.type WHEN 'minutes' THEN c.number ELSE 0 END),
    now() AT TIME ZONE 'utc', now() AT TIME ZONE 'utc'
FROM (VALUES
    (1, 'Base: Auto-vacuum internal data', 1, 'days', true),
    (2, 'Mail: Email Queue Manager', 1, 'hours', true),
    (3, 'Notification: Send scheduled message notifications', 1, 'hours', true),
    (4, 'Account: Post draft entries with auto_post enabled and accounting date up to today', 1, 'days', true),
    (5, 'Send invoices automatically', 1, 'days', true),
    (6, 'Generate Recurring Invoices from Contracts', 1, 'days', true),
    (7, 'Jobs Garbage Collector', 5, 'minutes', true),
    (8, 'AutoVacuum Job Queue', 1, 'days', true),
    (9, 'Currency Rates Update', 1, 'days', true),
    (10, 'Mail: Fetchmail Service', 5, 'minutes', false),
    (11, 'Users: Notify About Unregistered Users', 1, 'days', true),
    (12, 'EDI: Perform web services operations', 1, 'days', true),
    (13, 'Automation Rules: check and execute', 4, 'hours', false),
    (14, 'Pull Online Bank Statements', 1, 'hours', true)) AS c (id, name, number, type, active);

-- Identifiers given above are taken: the next ones follow them.
SELECT setval(pg_get_serial_sequence(t, 'id'), greatest(m, 1)) FROM (
    SELECT 'res_currency' AS t, max(id) AS m FROM res_currency
    UNION ALL SELECT 'res_partner', max(id) FROM res_partner
    UNION ALL SELECT 'res_company', max(id) FROM res_company
    UNION ALL SELECT 'res_groups', max(id) FROM res_groups
    UNION ALL SELECT 'res_users', max(id) FROM res_users
    UNION ALL SELECT 'account_account', max(id) FROM account_account
    UNION ALL SELECT 'account_tax', max(id) FROM account_tax
    UNION ALL SELECT 'account_journal', max(id) FROM account_journal
    UNION ALL SELECT 'account_payment_method_line', max(id) FROM account_payment_method_line
    UNION ALL SELECT 'ir_cron', max(id) FROM ir_cron) AS ids;
