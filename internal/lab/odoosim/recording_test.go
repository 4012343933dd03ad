package odoosim_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A recorded step is a request a real Odoo 18 was sent and what it answered,
// reduced: no tracebacks, no times, no brand.
type recorded struct {
	Step    string
	Request struct {
		Method, Path, ContentType string
		Session                   bool   // it carried the session of the recording's user
		Key, Database             string // JSON-2: good or bad; own or other
		Body                      json.RawMessage
	}
	Response struct {
		Status                int
		ContentType, Location string
		SetsCookie            bool
		Length                int // of the body in bytes, where nothing in it was reduced
		Body                  any
	}
}

// How far a recorded answer binds ours.
type fidelity int

const (
	exact  fidelity = iota // every value, and every byte where the recording has its length
	shaped                 // status, keys and the kind of every value
)

// recordings lists, in the order in which they were made, every recording and
// every step in it. A step that is not listed fails the test: what is in
// testdata is covered.
func recordings() []recording {
	return []recording{
		{name: "18_setup", before: hideSyntheticJournals, after: showSyntheticJournals, steps: []step{
			{"read_company_currency", exact}, {"journals", exact}, {"accounts_recv", exact},
		}},
		{name: "18_meta", steps: []step{
			{"health", exact},
			{"health_dbstatus", exact},
			{"health_HEAD", exact},
			{"version_info_jsonrpc", exact},
			{"version_info_GET", exact},
			{"common_version", exact},
			{"db_server_version", exact},
			{"login_page", shaped},
		}},
		{name: "18_auth", steps: []step{
			{"jsonrpc_authenticate_ok", exact},
			{"jsonrpc_login_ok", exact},
			{"jsonrpc_authenticate_badpw", exact},
			{"jsonrpc_authenticate_baddb", exact},
			{"execute_kw_badpw", exact},
			{"execute_kw_ok", shaped},
			{"web_authenticate_badpw", exact},
			{"web_authenticate_baddb", exact},
			{"call_kw_no_session", exact},
			{"web_authenticate_ok", shaped},
			{"session_info", shaped},
			{"call_kw_ok", shaped},
		}},
		{name: "18_acct_probe_billing_only", before: numberAsRecorded, steps: []step{
			{"a1_invoice_create", exact},
			{"a2_action_post", exact},
			{"a3_read", exact},
			{"a4_receivable_line", exact},
			{"b1_payreg_create", exact},
			{"b2_payreg_read", exact},
			{"b3_action_create_payments", exact},
			{"b4_read_after_pay", exact},
			{"b5_receivable_after_pay", exact},
			{"b6_payments", exact},
			{"c0_receivable", exact},
			{"c1_stline_create", exact},
		}},
		{name: "18_acct_probe_full", before: grantAccounting, steps: []step{
			{"a1_invoice_create", exact},
			{"a2_action_post", exact},
			{"a3_read", exact},
			{"a4_receivable_line", exact},
			{"b1_payreg_create", exact},
			{"b2_payreg_read", exact},
			{"b3_action_create_payments", exact},
			{"b4_read_after_pay", exact},
			{"b5_receivable_after_pay", exact},
			{"b6_payments", exact},
			{"c0_receivable", exact},
			{"c1_stline_create", exact},
			{"c2_stline_read", exact},
			{"c3_st_move_lines", exact},
			{"c3b_journal_read", exact},
			{"c4A_aml_write_account", exact},
			{"c5_aml_reconcile", exact},
			{"c6_stline_after", exact},
			{"c7_receivable_after", exact},
			{"c8_invoice_after", exact},
			{"c9_action_undo_reconciliation", exact},
			{"c10_stline_after_undo", exact},
			{"c11_invoice_after_undo", exact},
			{"c12_st_move_lines", exact},
			{"c13_st_write_line_ids", exact},
			{"c14_js_assign_outstanding_line", exact},
			{"c15_stline_after", exact},
			{"c16_invoice_after", exact},
			{"c17_receivable_after", exact},
			{"c18_partials", exact},
		}},
		{name: "18_acct_probe_full_cleanup", steps: []step{
			{"d1_js_remove_outstanding_partial", exact},
			{"d2_invoice_after_unreconcile", exact},
			{"d3_stline_after_unreconcile", exact},
			{"d4_stline_unlink", exact},
			{"d5_inv2_button_draft", exact},
			{"d6_read", exact},
			{"d7_inv2_unlink_last_in_chain", exact},
			{"d8_aml_remove_move_reconcile", exact},
			{"d9_read", exact},
			{"d10_payment_action_draft", exact},
			{"d11_payment_action_cancel", exact},
			{"d12_payment_unlink", exact},
			{"d13_inv1_button_draft", exact},
			{"d14_inv1_button_cancel", exact},
			{"d15_read", exact},
			{"d16_inv1_unlink_cancelled", exact},
			{"a1_invoice_create", exact},
			{"a2_action_post", exact},
			{"d17_seq_read", exact},
			{"d18_middle_draft", exact},
			{"d19_middle_unlink", exact},
			{"d20_seq_read", exact},
			{"d21_next_number", exact},
			{"d22_last_draft", exact},
			{"d23_last_cancel", exact},
			{"d24_read", exact},
			{"d25_next_number_after_cancel", exact},
			{"d26_reversal_create", exact},
			{"d27_reverse_moves", exact},
			{"d28_find_refund", exact},
			{"d29_refund", exact},
			{"d30_invoice", exact},
			{"d31", exact},
			{"d32", exact},
			{"d33_reconcile_invoice_refund", exact},
			{"d34_invoice", exact},
			{"d35_refund", exact},
		}},
		{name: "18_errors", steps: []step{
			{"accounts", exact},
			{"gj", exact},
			{"validation_unbalanced", exact},
			{"post_without_lines_create", exact},
			{"post_without_lines", exact},
			{"unlink_draft", exact},
			{"post_missing_partner_create", exact},
			{"access_ir_cron", exact},
			{"access_write_journal", exact},
			{"cross_company_read_rule", exact},
			{"cross_company_read_id", exact},
			{"allowed_company_not_mine", exact},
			{"unknown_model", exact},
			{"unknown_method", exact},
			{"private_method", exact},
			{"missing_record", exact},
			{"bad_field", exact},
			{"bad_domain", exact},
			{"bad_args", exact},
			{"bad_selection", exact},
			{"fk_missing", exact},
			{"malformed_json", exact},
			{"wrong_content_type", exact},
			{"unknown_route", shaped},
			{"jsonrpc_bad_service", exact},
		}},
		{name: "18_locks", steps: []step{
			{"a1_invoice_create", exact},
			{"a2_action_post", exact},
			{"october_invoice", exact},
			{"set_fiscalyear_lock", exact},
			{"button_draft_locked", exact},
			{"button_cancel_locked", exact},
			{"unlink_locked", exact},
			{"read_new_draft_in_lock", exact},
			{"read_posted_in_lock_date_shift", exact},
			{"entry_in_lock", exact},
			{"entry_in_lock_read", exact},
			{"c1_stline_create", exact},
			{"c2_stline_read", exact},
			{"c3_st_move_lines", exact},
			{"jr", exact},
			{"a4_receivable_line", exact},
			{"rewrite_suspense_under_lock", exact},
			{"reconcile_locked_invoice_with_today_payment", exact},
			{"october_invoice_after_reconcile", exact},
			{"unreconcile_locked", exact},
			{"october_invoice_after_unreconcile", exact},
			{"stline_unlink", exact},
			{"set_hard_lock", exact},
			{"remove_hard_lock", exact},
			{"decrease_hard_lock", exact},
			{"set_sale_lock", exact},
			{"clear_sale_lock", exact},
			{"clear_fiscalyear_lock", exact},
			{"button_draft_after_unlock", exact},
			{"after", exact},
			{"set_lock_today", exact},
			{"lock_today_date_shift", exact},
			{"clear_lock", exact},
			{"cleanup_draft", exact},
			{"cleanup_cancel", exact},
		}},
		{name: "18_hash", steps: []step{
			{"inc", exact},
			{"hash_journal_create", exact},
			{"a1_invoice_create", exact},
			{"a2_action_post", exact},
			{"hash_read", shaped},
			{"hash_button_draft", exact},
			{"hash_read2", shaped},
			{"hash_button_draft2", exact},
			{"hash_button_cancel", exact},
			{"hash_unlink", exact},
			{"hash_journal_disable", exact},
			{"hash_read_final", shaped},
		}},
		{name: "18_db_down", stopAt: "down_health", startAt: "up_health", steps: []step{
			{"warm_execute_kw", shaped},
			{"down_health", exact},
			{"down_health_db", exact},
			{"down_execute_kw", exact},
			{"down_authenticate", exact},
			{"down_call_kw", exact},
			{"down_login_page", exact},
			{"down_version_info", exact},
			{"down_common_version", exact},
			{"up_health", exact},
			{"up_health_db", exact},
			{"up_execute_kw", shaped},
			{"up_authenticate", exact},
			{"up_call_kw", shaped},
			{"up_login_page", shaped},
			{"up_version_info", exact},
			{"up_common_version", exact},
		}},
		{name: "18_misc", steps: []step{{"auth", shaped}}},
	}
}

type recording struct {
	name            string
	before, after   string // SQL that brings the tables to where the recording starts from
	stopAt, startAt string // steps before which PostgreSQL stops and starts
	steps           []step
}

type step struct {
	name     string
	fidelity fidelity
}

func (r recording) fidelity(name string) (fidelity, bool) {
	i := slices.IndexFunc(r.steps, func(s step) bool { return s.name == name })
	if i < 0 {
		return 0, false
	}
	return r.steps[i].fidelity, true
}

const (
	hideSyntheticJournals = `UPDATE account_journal SET active = false WHERE id IN (15, 16)`
	showSyntheticJournals = `UPDATE account_journal SET active = true WHERE id IN (15, 16)`

	// The probe had used its journals before, and had Billing rights only.
	numberAsRecorded = `
		DELETE FROM res_groups_users_rel WHERE uid = 8 AND gid IN (25, 27);
		INSERT INTO account_move (id, name, sequence_prefix, sequence_number, state, move_type, auto_post, date, journal_id, company_id, currency_id, payment_state, posted_before, checked)
		SELECT n, 'SYNI/2026/0000' || n, 'SYNI/2026/', n, 'posted', 'out_invoice', 'no', date '2026-11-01', 15, 2, 1, 'not_paid', true, true FROM generate_series(1, 5) n
		UNION ALL SELECT 6, 'RSYNI/2026/00001', 'RSYNI/2026/', 1, 'posted', 'out_refund', 'no', date '2026-11-01', 15, 2, 1, 'not_paid', true, true;
		SELECT setval('account_move_id_seq', 34), setval('account_move_line_id_seq', 79), setval('account_full_reconcile_id_seq', 4),
			setval('account_partial_reconcile_id_seq', 4), setval('account_payment_id_seq', 1), setval('account_payment_register_id_seq', 1),
			setval('account_bank_statement_line_id_seq', 9), setval('account_move_reversal_id_seq', 1)`

	grantAccounting = `INSERT INTO res_groups_users_rel (gid, uid) VALUES (25, 8), (27, 8)`
)

func readRecording(t *testing.T, name string) []recorded {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var steps []recorded
	if err := json.Unmarshal(data, &steps); err != nil {
		t.Fatal(err)
	}
	return steps
}

func TestEveryRecordingIsCovered(t *testing.T) {
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no recordings: %v", err)
	}
	listed := map[string]recording{}
	for _, r := range recordings() {
		listed[r.name] = r
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		r, ok := listed[name]
		if !ok {
			t.Errorf("%s is not replayed; list it in recordings", file)
			continue
		}
		present := map[string]bool{}
		for _, s := range readRecording(t, name) {
			present[s.Step] = true
			if _, ok := r.fidelity(s.Step); !ok {
				t.Errorf("%s: step %s is not covered; list it in recordings", name, s.Step)
			}
		}
		for _, s := range r.steps {
			if !present[s.name] {
				t.Errorf("%s: step %s is listed but not recorded", name, s.name)
			}
		}
	}
}

// differences compares an answer's value with the recorded one.
func differences(path string, want, got any, how fidelity) []string {
	if strings.HasSuffix(path, ".debug") {
		how = shaped
	}
	if kindOf(want) != kindOf(got) {
		return []string{fmt.Sprintf("%s is %s %v, recorded %s %v", path, kindOf(got), got, kindOf(want), want)}
	}
	switch want := want.(type) {
	case map[string]any:
		return objectDifferences(path, want, got.(map[string]any), how)
	case []any:
		return listDifferences(path, want, got.([]any), how)
	}
	if how == exact && want != got {
		return []string{fmt.Sprintf("%s is %#v, recorded %#v", path, got, want)}
	}
	return nil
}

func objectDifferences(path string, want, got map[string]any, how fidelity) (diff []string) {
	for k, v := range want {
		g, ok := got[k]
		if !ok {
			diff = append(diff, path+"."+k+" is missing")
			continue
		}
		diff = append(diff, differences(path+"."+k, v, g, how)...)
	}
	for k := range got {
		if _, ok := want[k]; !ok {
			diff = append(diff, path+"."+k+" is not in the recording")
		}
	}
	return diff
}

func listDifferences(path string, want, got []any, how fidelity) (diff []string) {
	if how == exact && len(want) != len(got) {
		return []string{fmt.Sprintf("%s has %d elements, recorded %d", path, len(got), len(want))}
	}
	for i := range min(len(want), len(got)) {
		diff = append(diff, differences(fmt.Sprintf("%s[%d]", path, i), want[i], got[i], how)...)
	}
	return diff
}

func kindOf(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case bool:
		return "boolean"
	case float64, json.Number:
		return "number"
	case string:
		return "string"
	case []any:
		return "list"
	case map[string]any:
		return "object"
	}
	return "unknown"
}
