package attribution

// processes gives each finance process the tables of Odoo, of its Enterprise
// modules and of the community's that are its own. Names are those of
// internal/process. The most particular comes first: where a statement names
// tables of several, as every bank line joins its journal entry, the first
// decides.
var processes = []struct {
	name   string
	tables []string
}{
	{"payroll", []string{"hr_payslip", "hr_payslip_line", "hr_payslip_run", "hr_payslip_input", "hr_payslip_worked_days"}},
	{"e-invoicing", []string{"account_edi_document", "account_edi_proxy_client_user", "l10n_es_edi_facturae_ad_document", "l10n_mx_edi_document", "myinvois_document"}},
	{"bank-feed", []string{"account_online_link", "account_online_account", "online_bank_statement_provider", "account_statement_import"}},
	{"ap-bill-run", []string{"account_batch_payment", "account_payment_order", "account_payment_line", "account_payment_lot"}},
	{"bank-reconciliation", []string{
		"account_bank_statement_line", "account_bank_statement", "account_partial_reconcile", "account_full_reconcile",
		"account_reconcile_model", "account_reconcile_model_line",
	}},
	{"payment-registration", []string{"account_payment", "account_payment_register", "payment_transaction"}},
	{"inventory-valuation", []string{"stock_valuation_layer", "stock_landed_cost", "stock_landed_cost_lines", "stock_valuation_adjustment_lines"}},
	{"procurement", []string{"purchase_order", "purchase_order_line", "purchase_requisition", "purchase_requisition_line"}},
	{"subscription-billing", []string{"sale_subscription", "sale_subscription_line", "contract_contract", "contract_line", "sale_order", "sale_order_line"}},
	{"month-end-close", []string{"account_lock_exception", "account_asset", "account_asset_line"}},
	{"statutory-reporting", []string{"account_return", "account_return_check", "account_report_external_value"}},
	{"reporting", []string{"account_report", "account_report_line", "account_report_expression", "account_report_column"}},
	{"invoice-posting", []string{"account_move", "account_move_line", "account_invoice", "account_invoice_line"}},
}

// others are tables that say what a statement is about and belong to no one
// process.
var others = []string{
	"account_account", "account_analytic_line", "account_journal", "account_tax", "base_automation", "bus_bus", "ir_attachment",
	"ir_config_parameter", "ir_cron", "ir_cron_trigger", "ir_model_data", "ir_sequence", "mail_activity", "mail_followers", "mail_mail",
	"mail_message", "mail_notification", "product_product", "product_template", "queue_job", "res_company", "res_currency_rate",
	"res_partner", "res_partner_bank", "res_users", "stock_move", "stock_move_line", "stock_picking", "stock_quant",
}

// A place is where a table stands: the process it belongs to, "" for none, and
// how particular that is, the least rank most.
type place struct {
	process string
	rank    int
}

// places holds every known table.
var places = index()

func index() map[string]place {
	all := make(map[string]place)
	for rank, p := range processes {
		for _, table := range p.tables {
			all[table] = place{p.name, rank}
		}
	}
	for _, table := range others {
		all[table] = place{}
	}
	return all
}

func processOf(table string) string { return places[table].process }

func known(table string) bool {
	_, ok := places[table]
	return ok
}
