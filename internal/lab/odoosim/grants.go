package odoosim

import (
	"strings"

	"github.com/jackc/pgx/v5"
)

// observedTables are those a read-only observer may read: none holds a
// person's or a customer's name.
func observedTables() []string {
	return []string{
		"account_account", "account_account_res_company_rel", "account_bank_statement", "account_bank_statement_line", "account_full_reconcile",
		"account_journal", "account_lock_exception", "account_move", "account_move_line", "account_partial_reconcile", "account_payment",
		"bus_bus", "ir_attachment", "ir_config_parameter", "ir_cron", "ir_cron_progress", "ir_cron_trigger", "ir_logging",
		"ir_model_data", "ir_module_module", "mail_mail", "queue_job", "res_company",
	}
}

// GrantSQL returns the statements, for the tenant database, that give an
// existing role what a read-only observer needs: pg_monitor and SELECT on the
// tables it reads. The role owns nothing and can write nothing.
func GrantSQL(role string) string {
	r := pgx.Identifier{role}.Sanitize()
	return strings.Join([]string{
		"GRANT pg_monitor TO " + r,
		"GRANT USAGE ON SCHEMA public TO " + r,
		"GRANT SELECT ON " + strings.Join(observedTables(), ", ") + " TO " + r,
		"GRANT SELECT ON account_move_id_seq TO " + r,
	}, ";\n") + ";\n"
}
