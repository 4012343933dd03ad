package attribution_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/closewatch/closewatch/collectors/postgres/attribution"
	"github.com/closewatch/closewatch/internal/process"
)

func TestOf(t *testing.T) {
	tests := map[string]struct {
		sql  string
		want string // kind process tables
	}{
		"the ORM's search of invoices": {
			`SELECT "account_move"."id", "account_move"."name" FROM "account_move" LEFT JOIN "res_partner" AS "account_move__partner_id" ON ("account_move"."partner_id" = "account_move__partner_id"."id") WHERE ("account_move"."state" = $1) ORDER BY "account_move"."id" LIMIT $2`,
			"select invoice-posting account_move,res_partner",
		},
		"the ORM's insert":                 {`INSERT INTO "account_move_line" ("account_id", "debit") VALUES ($1, $2), ($3, $4) RETURNING "id"`, "insert invoice-posting account_move_line"},
		"the ORM's update of many rows":    {`UPDATE "account_payment" SET "state" = "__tmp"."state"::VARCHAR FROM (VALUES ($1, $2)) AS "__tmp"("id", "state") WHERE "account_payment"."id" = "__tmp"."id"`, "update payment-registration account_payment"},
		"the ORM's delete":                 {`DELETE FROM "account_partial_reconcile" WHERE "account_partial_reconcile"."id" IN ($1)`, "delete bank-reconciliation account_partial_reconcile"},
		"a lock on a sequence":             {`SELECT number_next FROM ir_sequence WHERE id=$1 FOR UPDATE NOWAIT`, "select  ir_sequence"},
		"an old list of tables":            {`SELECT "mail_message".id FROM "mail_message" as "m", "account_move" AS "am", res_users WHERE "m".res_id = "am".id`, "select invoice-posting account_move,mail_message,res_users"},
		"the more particular of two":       {`SELECT l.id FROM account_move m JOIN account_bank_statement_line l ON l.move_id = m.id`, "select bank-reconciliation account_bank_statement_line,account_move"},
		"what is written to decides":       {`UPDATE account_move SET payment_state = $1 FROM account_payment p WHERE p.move_id = account_move.id`, "update invoice-posting account_move,account_payment"},
		"written to, but of no process":    {`INSERT INTO mail_message (body) SELECT $1 FROM hr_payslip`, "insert payroll hr_payslip,mail_message"},
		"a table that is not known":        {`SELECT secret FROM customer_4711 JOIN account_move USING (id)`, "select invoice-posting account_move"},
		"nothing known":                    {`SELECT a FROM b`, "select  "},
		"a schema":                         {`SELECT 1 FROM ONLY "public"."purchase_order" x, prod.public.res_users`, "select procurement purchase_order,res_users"},
		"a name of another table's column": {`SELECT 1 FROM b WHERE b.account_move IS DISTINCT FROM account_move.id`, "select  "},
		"words inside of functions":        {`SELECT extract(year FROM account_move.date), trim(both from x) FROM stock_valuation_layer`, "select inventory-valuation stock_valuation_layer"},
		"a function called like a table":   {`SELECT * FROM account_move(1)`, "select  "},
		"a function in a list":             {`SELECT * FROM unnest($1) AS u(id), sale_order`, "select subscription-billing sale_order"},
		"a table inside of parentheses":    {`SELECT * FROM (account_edi_document d JOIN account_move m ON m.id = d.move_id), res_company`, "select e-invoicing account_edi_document,account_move,res_company"},
		"a subquery":                       {`SELECT * FROM (SELECT id FROM hr_payslip WHERE id IN (SELECT id FROM res_users)) x, account_move`, "select payroll hr_payslip,res_users,account_move"},
		"a common table expression": {
			`WITH account_move (id) AS NOT MATERIALIZED (SELECT id FROM account_payment) SELECT * FROM account_move`,
			"select payment-registration account_payment",
		},
		"an expression named after its table": {`WITH account_move AS (SELECT id FROM account_move) SELECT * FROM account_move`, "select invoice-posting account_move"},
		"a write inside of an expression":     {`WITH gone AS (DELETE FROM purchase_order RETURNING id) SELECT * FROM gone, hr_payslip`, "select procurement purchase_order,hr_payslip"},
		"an expression before a write":        {`WITH x AS (SELECT 1) UPDATE account_payment SET a = $1`, "update payment-registration account_payment"},
		"an upsert":                           {`INSERT INTO account_report_external_value (a) VALUES ($1) ON CONFLICT DO UPDATE SET a = $2`, "insert statutory-reporting account_report_external_value"},
		"a merge":                             {`MERGE INTO account_asset a USING account_move m ON a.id = m.id WHEN MATCHED THEN UPDATE SET x = $1`, "update month-end-close account_asset,account_move"},
		"comments and a dumper's hint":        {"/* from account_move /* nested */ join x */ SELECT 1 -- FROM account_move\nFROM account_payment", "select payment-registration account_payment"},
		"literals":                            {`SELECT 'FROM account_move', E'it\'s FROM account_move', $q$ FROM account_move $q$, $$ FROM hr_payslip $$ FROM account_report`, "select reporting account_report"},
		"a doubled quote":                     {`SELECT 'it''s FROM account_move' FROM "account_move_line"`, "select invoice-posting account_move_line"},
		"upper case":                          {`SELECT 1 FROM ACCOUNT_MOVE`, "select invoice-posting account_move"},
		"upper case within quotes":            {`SELECT 1 FROM "ACCOUNT_MOVE"`, "select  "},
		"parentheses first":                   {`(SELECT 1 FROM account_move) UNION (SELECT 2 FROM res_users)`, "select invoice-posting account_move,res_users"},
		"a dump":                              {`COPY public.account_move (id, name) TO stdout`, "utility  "},
		"a view refreshed":                    {`CREATE TABLE x AS SELECT * FROM account_move`, "utility  account_move"},
		"a commit":                            {`COMMIT`, "utility  "},
		"more tables than are told":           {`SELECT 1 FROM res_users, res_partner, res_company, account_move`, "select invoice-posting account_move,res_users,res_partner"},
		"cut short within a name":             {`SELECT 1 FROM account_move JOIN "account_pay`, "select invoice-posting account_move"},
		"cut short within a literal":          {`SELECT 'abc`, "select  "},
		"nothing":                             {``, "utility  "},
		"no right to see it":                  {`<insufficient privilege>`, "utility  "},
		"no SQL":                              {`)))) as ( ,, "" $ $$ $a /* ' with`, "utility  "},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := attribution.Of(tt.sql)
			got := strings.Join([]string{string(s.Kind), s.Process, strings.Join(s.Tables, ",")}, " ")
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("%s\n%s", tt.sql, diff)
			}
		})
	}
}

// Whatever a statement names, only words of closed lists come out.
func FuzzOf(f *testing.F) {
	var processes []string
	for _, p := range process.Catalog() {
		processes = append(processes, p.Name)
	}
	kinds := []attribution.Kind{attribution.Select, attribution.Insert, attribution.Update, attribution.Delete, attribution.Utility}
	f.Add(`WITH a(b) AS (SELECT $1 FROM "account_move" x, (hr_payslip)) UPDATE ONLY p.account_payment SET c = E'\'' -- d`)
	f.Add("/* /* */ $q$ ' \" ((( as ( from from from , , update into delete from")
	f.Fuzz(func(t *testing.T, sql string) {
		s := attribution.Of(sql)
		if s.Process != "" && !slices.Contains(processes, s.Process) || !slices.Contains(kinds, s.Kind) || len(s.Tables) > attribution.MaxTables {
			t.Errorf("Of(%q) = %+v", sql, s)
		}
		for _, table := range s.Tables {
			if !strings.Contains(strings.ToLower(sql), table) {
				t.Errorf("Of(%q) tells of %s", sql, table)
			}
		}
	})
}
