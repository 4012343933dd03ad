package odoosim

// models lists every model the stand-in knows, by name, as a version has it.
func models(version int) map[string]*model {
	all := map[string]*model{}
	for _, list := range [][]*model{ledgerModels(), paymentModels(version), setupModels(), serverModels()} {
		for _, m := range list {
			all[m.name] = m
		}
	}
	return all
}

const ofCompany = "{t}.company_id IN ({companies})"

// Rights, as the recorded servers list them.

func billing() rule {
	return rule{[]int64{groupBilling, groupReadonly, groupAccounting, groupManager}, "Invoicing/Billing"}
}

func accounting() rule { return rule{[]int64{groupBasic}, "Technical/Basic"} }
func manager() rule    { return rule{[]int64{groupManager}, "Invoicing/Administrator"} }
func settings() rule   { return rule{[]int64{groupSystem}, "Administration/Settings"} }
func erpManager() rule { return rule{[]int64{groupERPManager}, "Administration/Access Rights"} }

func allRights(r rule) map[operation]rule {
	return map[operation]rule{opRead: r, opCreate: r, opWrite: r, opUnlink: r}
}

func readBy(read, change rule) map[operation]rule {
	return map[operation]rule{opRead: read, opCreate: change, opWrite: change, opUnlink: change}
}

func ledgerModels() []*model {
	return []*model{
		{
			name: "account.move", table: "account_move", title: "Journal Entry",
			order:   "{t}.date DESC, {t}.name DESC, {t}.invoice_date DESC, {t}.id DESC",
			display: moveDisplay, rule: ofCompany, rights: allRights(billing()),
			fields: append([]field{
				char("name"), char("ref"), char("state"), char("move_type"),
				date("date"), date("invoice_date"), date("invoice_date_due"),
				many2one("journal_id", "account.journal"), many2one("company_id", "res.company"),
				many2one("partner_id", "res.partner"), many2one("commercial_partner_id", "res.partner"),
				many2one("currency_id", "res.currency"),
				char("auto_post"), date("auto_post_until"), char("payment_state"),
				boolean("posted_before"), boolean("checked"), boolean("made_sequence_gap"),
				char("sequence_prefix"), integer("sequence_number"),
				char("inalterable_hash"), integer("secure_sequence_number"),
				float("amount_untaxed"), float("amount_tax"), float("amount_total"), float("amount_residual"),
				float("amount_total_signed"), float("amount_residual_signed"),
				boolean("is_move_sent"), boolean("is_manually_modified"),
				many2one("statement_line_id", "account.bank.statement.line"), many2one("origin_payment_id", "account.payment"),
				many2one("reversed_entry_id", "account.move"), many2one("invoice_user_id", "res.users"),
				char("payment_reference"), char("invoice_origin"), char("invoice_partner_display_name"), char("narration"),
				computed("restrict_mode_hash_table", kindBool, "(SELECT j.restrict_mode_hash_table FROM account_journal j WHERE j.id = {t}.journal_id)"),
				one2many("line_ids", "account.move.line", "account_move_line", "move_id", ""),
				one2many("invoice_line_ids", "account.move.line", "account_move_line", "move_id", "x.display_type = 'product'"),
			}, stamps()...),
			methods: moveMethods(),
		},
		{
			name: "account.move.line", table: "account_move_line", title: "Journal Item",
			order:   "{t}.date DESC, {t}.move_name DESC, {t}.id",
			display: "concat_ws(' ', nullif({t}.move_name, ''), '(' || {t}.ref || ')', {t}.name)",
			rule:    ofCompany, rights: allRights(billing()),
			fields: append([]field{
				many2one("move_id", "account.move"), char("move_name"),
				many2one("journal_id", "account.journal"), many2one("company_id", "res.company"),
				many2one("account_id", "account.account"), many2one("partner_id", "res.partner"),
				char("name"), char("ref"), char("parent_state"), char("display_type"),
				date("date"), date("invoice_date"), date("date_maturity"),
				float("debit"), float("credit"), float("balance"), float("amount_currency"),
				many2one("currency_id", "res.currency"), many2one("company_currency_id", "res.currency"),
				float("amount_residual"), float("amount_residual_currency"), boolean("reconciled"),
				many2one("full_reconcile_id", "account.full.reconcile"), char("matching_number"),
				many2one("statement_line_id", "account.bank.statement.line"), many2one("payment_id", "account.payment"),
				many2one("tax_line_id", "account.tax"), many2one("product_id", "product.product"),
				float("quantity"), float("price_unit"), float("price_subtotal"), float("price_total"),
				integer("sequence"),
				computed("account_type", kindChar, "(SELECT a.account_type FROM account_account a WHERE a.id = {t}.account_id)"),
				one2many("matched_debit_ids", "account.partial.reconcile", "account_partial_reconcile", "credit_move_id", ""),
				one2many("matched_credit_ids", "account.partial.reconcile", "account_partial_reconcile", "debit_move_id", ""),
			}, stamps()...),
			methods: lineMethods(),
		},
		{
			name: "account.partial.reconcile", table: "account_partial_reconcile", title: "Partial Reconcile",
			order: "{t}.id", rule: ofCompany, rights: allRights(billing()),
			fields: append([]field{
				many2one("debit_move_id", "account.move.line"), many2one("credit_move_id", "account.move.line"),
				many2one("full_reconcile_id", "account.full.reconcile"), many2one("company_id", "res.company"),
				float("amount"), date("max_date"),
			}, stamps()...),
		},
		{
			name: "account.full.reconcile", table: "account_full_reconcile", title: "Full Reconcile",
			order: "{t}.id", rights: allRights(billing()),
			fields: append([]field{
				one2many("reconciled_line_ids", "account.move.line", "account_move_line", "full_reconcile_id", ""),
				one2many("partial_reconcile_ids", "account.partial.reconcile", "account_partial_reconcile", "full_reconcile_id", ""),
			}, stamps()...),
		},
	}
}

// moveDisplay is "Draft Invoice SYNI/2026/00001 (ref)".
const moveDisplay = `CASE WHEN {t}.state = 'draft' THEN (CASE {t}.move_type
		WHEN 'out_invoice' THEN 'Draft Invoice ' WHEN 'out_refund' THEN 'Draft Credit Note '
		WHEN 'in_invoice' THEN 'Draft Bill ' WHEN 'in_refund' THEN 'Draft Vendor Credit Note '
		WHEN 'out_receipt' THEN 'Draft Sales Receipt ' WHEN 'in_receipt' THEN 'Draft Purchase Receipt '
		ELSE 'Draft Entry ' END) ELSE '' END
	|| CASE WHEN coalesce({t}.name, '/') = '/' THEN '(* ' || {t}.id || ')' ELSE {t}.name END
	|| coalesce(' (' || nullif({t}.ref, '') || ')', '')`

func paymentModels(version int) []*model {
	ofMove := func(name string, kind fieldKind) field {
		return computed(name, kind, "(SELECT m."+name+" FROM account_move m WHERE m.id = {t}.move_id)")
	}
	return []*model{
		{
			name: "account.payment", table: "account_payment", title: "Payments",
			order: "{t}.date DESC, {t}.name DESC", display: "coalesce({t}.name, 'Draft Payment')",
			rule: ofCompany, rights: allRights(billing()),
			fields: append([]field{
				char("name"), char("payment_type"), char("partner_type"), date("date"), float("amount"),
				many2one("move_id", "account.move"), many2one("journal_id", "account.journal"), many2one("company_id", "res.company"),
				many2one("partner_id", "res.partner"), many2one("currency_id", "res.currency"),
				many2one("payment_method_line_id", "account.payment.method.line"),
				many2one("outstanding_account_id", "account.account"), many2one("destination_account_id", "account.account"),
				boolean("is_reconciled"), boolean("is_matched"), boolean("is_sent"),
			}, append(paymentFields(version), stamps()...)...),
			methods: paymentMethods(),
		},
		{
			name: "account.payment.register", table: "account_payment_register", title: "Pay",
			order: "{t}.id", rule: ofCompany, rights: allRights(billing()),
			fields: append([]field{
				float("amount"), float("source_amount"), date("payment_date"), char("communication"),
				char("payment_type"), char("partner_type"), boolean("can_edit_wizard"),
				computed("payment_difference", kindFloat, "{t}.source_amount - {t}.amount"),
				many2one("journal_id", "account.journal"), many2one("company_id", "res.company"),
				many2one("partner_id", "res.partner"), many2one("currency_id", "res.currency"),
				many2one("payment_method_line_id", "account.payment.method.line"),
				many2many("line_ids", "account.move.line", "account_payment_register_move_line_rel", "wizard_id", "line_id"),
			}, stamps()...),
			methods: map[string]method{"create": createRegister, "write": writeRegister, "action_create_payments": createPayments},
		},
		{
			name: "account.payment.method.line", table: "account_payment_method_line", title: "Payment Methods",
			order: "{t}.sequence, {t}.id", rights: readBy(billing(), manager()),
			display: "{t}.name || (SELECT ' (' || (j.name->>'en_US') || ')' FROM account_journal j WHERE j.id = {t}.journal_id)",
			fields: []field{
				char("name"), integer("sequence"), char("payment_type"),
				many2one("journal_id", "account.journal"), many2one("payment_account_id", "account.account"),
			},
		},
		{
			name: "account.bank.statement.line", table: "account_bank_statement_line", title: "Bank Statement Line",
			order:   "{t}.internal_index DESC",
			display: "(SELECT coalesce(m.name, '/') FROM account_move m WHERE m.id = {t}.move_id)",
			rule:    ofCompany, rights: readBy(billing(), accounting()),
			fields: append([]field{
				many2one("move_id", "account.move"), many2one("journal_id", "account.journal"), many2one("company_id", "res.company"),
				many2one("partner_id", "res.partner"), many2one("currency_id", "res.currency"),
				char("payment_ref"), char("internal_index"), float("amount"), float("amount_currency"), float("amount_residual"),
				boolean("is_reconciled"), integer("sequence"),
				ofMove("name", kindChar), ofMove("state", kindChar), ofMove("date", kindDate), ofMove("ref", kindChar), ofMove("checked", kindBool),
				computed("line_ids", kindMany, "ARRAY(SELECT x.id FROM account_move_line x WHERE x.move_id = {t}.move_id ORDER BY x.id)"),
			}, stamps()...),
			methods: statementMethods(),
		},
		{
			name: "account.move.reversal", table: "account_move_reversal", title: "Account Move Reversal",
			order: "{t}.id", rule: ofCompany, rights: allRights(billing()),
			fields: append([]field{
				char("reason"), date("date"), many2one("journal_id", "account.journal"), many2one("company_id", "res.company"),
				many2many("move_ids", "account.move", "account_move_reversal_move", "reversal_id", "move_id"),
			}, stamps()...),
			methods: map[string]method{"create": createReversal, "refund_moves": refundMoves, "reverse_moves": refundMoves},
		},
		{
			name: "account.move.send.wizard", table: "account_move_send_wizard", title: "Account Move Send Wizard",
			order: "{t}.id", rights: allRights(billing()),
			fields:  append([]field{many2one("move_id", "account.move")}, stamps()...),
			methods: map[string]method{"create": createSendWizard, "action_send_and_print": sendAndPrint},
		},
	}
}

func setupModels() []*model {
	anyone := rule{[]int64{groupUser}, "User types/Internal User"}
	return []*model{
		{
			name: "account.journal", table: "account_journal", title: "Journal",
			order: "{t}.sequence, {t}.type, {t}.code", display: "{t}.name->>'en_US'",
			rule: ofCompany, rights: readBy(billing(), manager()),
			fields: append([]field{
				translated("name"), char("code"), char("type"), boolean("active"), integer("sequence"),
				many2one("company_id", "res.company"), many2one("currency_id", "res.currency"),
				many2one("default_account_id", "account.account"), many2one("suspense_account_id", "account.account"),
				boolean("restrict_mode_hash_table"), boolean("autocheck_on_post"), boolean("refund_sequence"), boolean("payment_sequence"),
				boolean("show_on_dashboard"), char("bank_statements_source"), char("alias_name"), char("alias_domain"),
				many2many("edi_format_ids", "account.edi.format", "account_edi_format_account_journal_rel", "account_journal_id", "account_edi_format_id"),
				computed("selected_payment_method_codes", kindChar, "(SELECT ',' || coalesce(string_agg(l.code, ',' ORDER BY l.id), '') || ',' FROM account_payment_method_line l WHERE l.journal_id = {t}.id)"),
			}, stamps()...),
			methods: map[string]method{"create": createJournal, "write": writeJournal},
		},
		{
			name: "account.account", table: "account_account", title: "Account",
			order:   "{t}.code_store->>'{company}', {t}.id",
			display: "concat_ws(' ', coalesce({t}.code_store->>'{company}', (SELECT value FROM jsonb_each_text({t}.code_store) LIMIT 1)), {t}.name->>'en_US')",
			rule:    "EXISTS (SELECT FROM account_account_res_company_rel c WHERE c.account_account_id = {t}.id AND c.res_company_id IN ({companies}))",
			rights:  readBy(billing(), manager()),
			fields: []field{
				computed("code", kindChar, "{t}.code_store->>'{company}'"), translated("name"), char("account_type"), char("internal_group"),
				boolean("reconcile"), boolean("deprecated"), many2one("currency_id", "res.currency"),
				many2many("company_ids", "res.company", "account_account_res_company_rel", "account_account_id", "res_company_id"),
				datetime("create_date"), datetime("write_date"),
			},
		},
		{
			name: "account.tax", table: "account_tax", title: "Tax", order: "{t}.id", display: "{t}.name->>'en_US'",
			rule: ofCompany, rights: readBy(billing(), manager()),
			fields: []field{
				translated("name"), char("type_tax_use"), char("amount_type"), float("amount"), boolean("active"),
				computed("price_include", kindBool, "false"), computed("tax_exigibility", kindChar, "'on_invoice'"), many2one("company_id", "res.company"),
			},
		},
		{
			name: "res.company", table: "res_company", title: "Companies", order: "{t}.sequence, {t}.name", display: "{t}.name",
			rule: "{t}.id IN ({companies})", rights: readBy(anyone, erpManager()),
			fields: []field{
				char("name"), boolean("active"), integer("sequence"), char("chart_template"),
				many2one("partner_id", "res.partner"), many2one("currency_id", "res.currency"), many2one("parent_id", "res.company"),
				many2one("account_journal_suspense_account_id", "account.account"), many2one("account_sale_tax_id", "account.tax"),
				date("fiscalyear_lock_date"), date("tax_lock_date"), date("sale_lock_date"), date("purchase_lock_date"), date("hard_lock_date"),
				boolean("check_account_audit_trail"), datetime("create_date"), datetime("write_date"),
				many2one("account_fiscal_country_id", "res.country"), char("account_peppol_proxy_state"),
				computed("country_code", kindChar, "(SELECT c.code FROM res_country c JOIN res_partner p ON p.country_id = c.id WHERE p.id = {t}.partner_id)"),
				one2many("account_edi_proxy_client_ids", "account_edi_proxy_client.user", "account_edi_proxy_client_user", "company_id", ""),
			},
			methods: map[string]method{"write": writeCompany},
		},
		{
			name: "res.partner", table: "res_partner", title: "Contact", order: "{t}.complete_name, {t}.id DESC", display: "{t}.complete_name",
			rule: "({t}.company_id IS NULL OR {t}.company_id IN ({companies}))", rights: readBy(anyone, billing()),
			fields: append([]field{
				char("name"), char("complete_name"), char("ref"), char("email"), char("comment"), boolean("is_company"), boolean("active"),
				many2one("company_id", "res.company"),
			}, stamps()...),
			methods: map[string]method{"create": createPartner, "write": writePartner},
		},
		{
			name: "res.country", table: "res_country", title: "Country", order: "{t}.code", display: "{t}.name->>'en_US'",
			fields: []field{translated("name"), char("code")},
		},
		{
			name: "res.currency", table: "res_currency", title: "Currency", order: "{t}.active DESC, {t}.name", display: "{t}.name",
			fields: []field{char("name"), char("symbol"), char("position"), float("rounding"), boolean("active")},
		},
		{
			name: "res.users", table: "res_users", title: "User", order: "{t}.login", rights: readBy(anyone, erpManager()),
			display: "(SELECT p.name FROM res_partner p WHERE p.id = {t}.partner_id)",
			fields: []field{
				char("login"), boolean("active"), boolean("share"),
				computed("name", kindChar, "(SELECT p.name FROM res_partner p WHERE p.id = {t}.partner_id)"),
				many2one("company_id", "res.company"), many2one("partner_id", "res.partner"), char("notification_type"),
				computed("email", kindChar, "(SELECT p.email FROM res_partner p WHERE p.id = {t}.partner_id)"),
				many2many("company_ids", "res.company", "res_company_users_rel", "user_id", "cid"),
				many2many("groups_id", "res.groups", "res_groups_users_rel", "uid", "gid"),
				datetime("create_date"), datetime("write_date"),
			},
			methods: map[string]method{"has_group": hasGroup, "context_get": contextGet},
		},
		{
			name: "res.users.apikeys", table: "res_users_apikeys", title: "Users API Keys", order: "{t}.id", display: "{t}.name", rights: readBy(anyone, settings()),
			fields: []field{char("name"), many2one("user_id", "res.users"), char("scope"), datetime("create_date"), datetime("expiration_date")},
		},
		{
			name: "res.groups", table: "res_groups", title: "Access Groups", order: "{t}.id", display: "{t}.name->>'en_US'",
			rights: readBy(anyone, erpManager()), fields: []field{translated("name")},
		},
	}
}

func serverModels() []*model {
	return []*model{
		{
			name: "ir.cron", table: "ir_cron", title: "Scheduled Actions", order: "{t}.cron_name, {t}.id", display: "{t}.cron_name",
			rights: allRights(settings()),
			fields: append([]field{
				computed("name", kindChar, "{t}.cron_name"), char("cron_name"), boolean("active"),
				integer("interval_number"), char("interval_type"), integer("priority"), integer("failure_count"),
				datetime("nextcall"), datetime("lastcall"), datetime("first_failure_date"), many2one("user_id", "res.users"),
			}, stamps()...),
			methods: map[string]method{"write": writeCron, "method_direct_trigger": triggerCron},
		},
		{
			name: "ir.config_parameter", table: "ir_config_parameter", title: "System Parameter", order: "{t}.key", display: "{t}.key",
			rights: allRights(settings()), fields: []field{char("key"), char("value")},
			methods: map[string]method{"get_param": getParam},
		},
		{
			name: "ir.actions.report", table: "ir_act_report_xml", title: "Report Action", rights: allRights(settings()),
			methods: map[string]method{"get_wkhtmltopdf_state": wkhtmltopdfState},
		},
		{
			name: "ir.module.module", table: "ir_module_module", title: "Module", order: "{t}.name", display: "{t}.name",
			rights: readBy(rule{[]int64{groupUser}, "User types/Internal User"}, settings()),
			fields: []field{char("name"), char("state"), char("latest_version"), translated("shortdesc")},
		},
		{
			name: "mail.mail", table: "mail_mail", title: "Outgoing Mails", order: "{t}.id DESC", rights: allRights(settings()),
			fields: append([]field{char("state"), char("failure_type"), char("failure_reason"), datetime("scheduled_date"), boolean("auto_delete")}, stamps()...),
		},
		{
			name: "queue.job", table: "queue_job", title: "Queue Job", order: "{t}.date_created DESC, {t}.date_done DESC", display: "{t}.name",
			rule:   "({t}.company_id IS NULL OR {t}.company_id IN ({companies}))",
			rights: queueRights(),
			fields: []field{
				char("uuid"), char("name"), char("model_name"), char("method_name"), char("state"), char("channel"), char("identity_key"),
				integer("priority"), integer("retry"), integer("max_retries"), integer("worker_pid"),
				datetime("eta"), datetime("date_created"), datetime("date_enqueued"), datetime("date_started"), datetime("date_done"),
				float("exec_time"), char("exc_name"), char("exc_message"), many2one("company_id", "res.company"),
			},
			methods: map[string]method{"requeue": requeueJobs},
		},
		{
			name: "ir.attachment", table: "ir_attachment", title: "Attachment", order: "{t}.id DESC", display: "{t}.name",
			fields: append([]field{char("name"), char("res_model"), integer("res_id"), char("type"), char("mimetype"), integer("file_size"), char("checksum")}, stamps()...),
		},
	}
}
