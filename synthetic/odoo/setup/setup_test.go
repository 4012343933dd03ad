package setup_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/closewatch/closewatch/internal/estate"
	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/odoorpc"
	"github.com/closewatch/closewatch/internal/secret"
	"github.com/closewatch/closewatch/synthetic/odoo/setup"
)

// A keeper keeps a password in memory.
type keeper struct {
	f    *fake
	kept string
	made int
}

func (k *keeper) Works(_ context.Context, login string) (bool, error) {
	return k.kept != "" && len(k.f.find("res.users", row{"login": login, "active": true, "password": k.kept})) == 1, nil
}

func (k *keeper) Renew() (secret.Value, error) {
	k.made++
	k.kept = fmt.Sprint("password ", k.made)
	return secret.New(k.kept), nil
}

// settings are those of a setup on f.
func settings(f *fake) setup.Settings {
	return setup.Settings{Client: f, Password: &keeper{f: f}}
}

// apply is a run that has to succeed.
func apply(t *testing.T, s setup.Settings) setup.Report {
	t.Helper()
	report, err := setup.New(s).Apply(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func states(r setup.Report) map[setup.State][]string {
	out := map[setup.State][]string{}
	for _, s := range r.Steps {
		out[s.State] = append(out[s.State], s.Name)
	}
	return out
}

var (
	queueSteps = []string{"job-channel", "job-group", "job-right", "job-rule"}
	allSteps   = []string{"company", "administrator", "chart", "sale-journal", "mail-alias", "bank-journal", "customer", "product", "user", "password"}
)

func TestWhatIsMissingIsMadeAndThenLeftAlone(t *testing.T) {
	for version := 16; version <= 19; version++ {
		for _, queue := range []bool{true, false} {
			t.Run(fmt.Sprintf("%d, queue_job %t", version, queue), func(t *testing.T) {
				f := newFake(version, queue)
				s := settings(f)
				want := slices.Clone(allSteps)
				if queue {
					want = append(slices.Insert(want, 8, queueSteps...), "job")
				}

				plan, err := setup.New(s).Plan(t.Context())
				if err != nil || len(f.changes) > 0 {
					t.Fatalf("Plan() = %v, and changed %v", err, f.changes)
				}
				if diff := cmp.Diff(map[setup.State][]string{setup.Missing: want}, states(plan)); diff != "" {
					t.Errorf("planned:\n%s", diff)
				}

				made := apply(t, s)
				wantMade := slices.DeleteFunc(slices.Clone(want), func(s string) bool { return s == "administrator" }) // who made the company may enter it
				if diff := cmp.Diff(map[setup.State][]string{setup.Made: wantMade, setup.There: {"administrator"}}, states(made)); diff != "" {
					t.Errorf("made:\n%s", diff)
				}
				f.verify(t, made, queue)
				compareWithRecorded(t, f)

				f.changes = nil
				again := apply(t, s)
				if len(f.changes) > 0 {
					t.Errorf("the second time %v", f.changes)
				}
				if diff := cmp.Diff(map[setup.State][]string{setup.There: want}, states(again)); diff != "" {
					t.Errorf("the second time:\n%s", diff)
				}
				if diff := cmp.Diff(made.Synthetic, again.Synthetic); diff != "" {
					t.Errorf("the estate is told something else:\n%s", diff)
				}
			})
		}
	}
}

// verify looks at what was made as an auditor would.
func (f *fake) verify(t *testing.T, r setup.Report, queue bool) {
	t.Helper()
	company := float64(r.Synthetic.Company)
	sale := f.find("account.journal", row{"code": "CWI", "company_id": company})
	bank := f.find("account.journal", row{"code": "CWB", "company_id": company})
	partner := f.rows["res.partner"][r.Synthetic.Partner]
	user := f.rows["res.users"][r.User]
	if len(sale) != 1 || sale[0]["default_account_id"] != 400.0 || len(list(sale[0]["edi_format_ids"])) > 0 || sale[0]["restrict_mode_hash_table"] != false {
		t.Errorf("sale journal: %v", sale)
	}
	if len(f.find("mail.alias", row{"alias_name": nil})) != len(f.rows["mail.alias"]) {
		t.Errorf("mail aliases: %v", f.rows["mail.alias"])
	}
	if len(bank) != 1 || bank[0]["type"] != "bank" || bank[0]["suspense_account_id"] != 402.0 {
		t.Errorf("bank journal: %v", bank)
	}
	if partner["company_id"] != company || partner["email"] != nil {
		t.Errorf("customer: %v", partner)
	}
	if tax := f.rows["account.tax"][r.Synthetic.Tax]; tax["type_tax_use"] != "sale" || tax["amount"] != 15.0 || tax["price_include"] != false {
		t.Errorf("tax: %v", tax)
	}
	groups := list(user["groups_id"])
	if f.version >= 19 {
		groups = list(user["group_ids"])
	}
	want := []float64{11, 14, 15} // user, Billing, accounting features
	if queue {
		want = append(want, f.find("res.groups", row{"name": "Closewatch: background job"})[0]["id"].(float64))
	}
	if diff := cmp.Diff(want, groups); diff != "" {
		t.Errorf("groups of the user:\n%s", diff)
	}
	if user["login"] != "closewatch" || user["company_id"] != company || !slices.Equal(list(user["company_ids"]), []float64{company}) {
		t.Errorf("user: %v", user)
	}
	if (r.Synthetic.QueueJob != 0) != queue || r.Queue != queue {
		t.Errorf("job %d, queue_job %t", r.Synthetic.QueueJob, r.Queue)
	}
	if job := f.rows["queue.job"][r.Synthetic.QueueJob]; queue && (job["company_id"] != company || job["user_id"] != float64(r.User) || job["channel"] != "root.closewatch") {
		t.Errorf("job: %v", job)
	}
	if left := f.rows["ir.actions.server"]; len(left) > 0 {
		t.Errorf("server actions left: %v", left)
	}
}

// compareWithRecorded holds what was asked for to what the same was asked for
// with on a real Odoo of that version: the same methods, in the same form.
func compareWithRecorded(t *testing.T, f *fake) {
	t.Helper()
	b, err := os.ReadFile("testdata/recorded.json")
	if err != nil {
		t.Fatal(err)
	}
	var recorded map[string][]struct {
		Step string `json:"step"`
		request
	}
	if err := json.Unmarshal(b, &recorded); err != nil {
		t.Fatal(err)
	}
	if len(recorded[strconv.Itoa(f.version)]) == 0 {
		t.Fatal("nothing recorded of this version")
	}
	for _, rec := range recorded[strconv.Itoa(f.version)] {
		i := slices.IndexFunc(f.changes, func(r request) bool {
			return r.Model == rec.Model && r.Method == rec.Method && kindOf(r) == kindOf(rec.request)
		})
		if i < 0 {
			t.Errorf("%s: %s/%s was not called", rec.Step, rec.Model, rec.Method)
			continue
		}
		if got, want := form(f.changes[i].Args), form(rec.Args); rec.Method == "try_loading" && got != want {
			t.Errorf("%s: arguments %s, recorded %s", rec.Step, got, want)
		}
		if rec.Method == "create" {
			values := f.changes[i].Args[0].(map[string]any)
			for field := range rec.Args[0].(map[string]any) {
				if _, ok := values[field]; !ok && field != "password" { // set in a step of its own
					t.Errorf("%s: without %s, which was recorded", rec.Step, field)
				}
			}
		}
	}
}

// kindOf tells the two journals apart.
func kindOf(r request) any {
	if values, ok := r.Args[0].(map[string]any); ok {
		return values["type"]
	}
	return nil
}

// form is what arguments look like, whatever their numbers: [[n], "s", false].
func form(v any) string {
	switch v := v.(type) {
	case []any:
		parts := make([]string, len(v))
		for i, e := range v {
			parts[i] = form(e)
		}
		return "[" + strings.Join(parts, ",") + "]"
	case float64:
		return "n"
	}
	return fmt.Sprint(v)
}

// TestABrokenOffSetupIsCompleted cuts the first run at every change, before
// and after Odoo carried it out: the second run leaves what an undisturbed one
// does, and nothing twice.
func TestABrokenOffSetupIsCompleted(t *testing.T) {
	undisturbed := newFake(18, true)
	apply(t, settings(undisturbed))
	want := undisturbed.count()
	if len(undisturbed.changes) < 20 {
		t.Fatalf("only %d changes", len(undisturbed.changes))
	}
	for _, after := range []bool{false, true} {
		for n := 1; n <= len(undisturbed.changes); n++ {
			change := undisturbed.changes[n-1]
			t.Run(fmt.Sprintf("change %d, %s/%s, carried out %t", n, change.Model, change.Method, after), func(t *testing.T) {
				f := newFake(18, true)
				s := settings(f)
				f.failAt, f.after = n, after
				report, err := setup.New(s).Apply(t.Context())
				if !errors.Is(err, errCut) {
					t.Fatalf("Apply() = %v", err)
				}
				if report.Count(setup.Failed) != 1 || report.Steps[len(report.Steps)-1].State != setup.Failed {
					t.Errorf("steps: %v", states(report))
				}
				f.failAt = 0
				f.verify(t, apply(t, s), true)
				if diff := cmp.Diff(want, f.count()); diff != "" {
					t.Errorf("records:\n%s", diff)
				}
			})
		}
	}
}

func TestWhatWasChangedByOthersIsPutRight(t *testing.T) {
	tests := map[string]struct {
		change func(*fake, setup.Report)
		step   string
	}{
		"a user let into a real company": {func(f *fake, r setup.Report) {
			f.rows["res.users"][r.User]["company_ids"] = []float64{1, float64(r.Synthetic.Company)}
		}, "user"},
		"a user made an administrator of Invoicing": {func(f *fake, r setup.Report) {
			u := f.rows["res.users"][r.User]
			u["groups_id"] = append(list(u["groups_id"]), 16)
		}, "user"},
		"a user without Billing": {func(f *fake, r setup.Report) { f.rows["res.users"][r.User]["groups_id"] = []float64{11} }, "user"},
		"a user switched off":    {func(f *fake, r setup.Report) { f.rows["res.users"][r.User]["active"] = false }, "user"},
		"a journal secured with a hash": {func(f *fake, _ setup.Report) {
			f.find("account.journal", row{"code": "CWI"})[0]["restrict_mode_hash_table"] = true
		}, "sale-journal"},
		"an electronic format on the journal": {func(f *fake, _ setup.Report) {
			f.find("account.journal", row{"code": "CWI"})[0]["edi_format_ids"] = []float64{3}
		}, "sale-journal"},
		"an e-mail address of the journal": {func(f *fake, _ setup.Report) {
			for _, r := range f.rows["mail.alias"] {
				r["alias_name"] = "sales"
			}
		}, "mail-alias"},
		"a customer with e-mail": {func(f *fake, r setup.Report) { f.rows["res.partner"][r.Synthetic.Partner]["email"] = "a@example.com" }, "customer"},
		"a customer of all companies": {func(f *fake, r setup.Report) {
			f.rows["res.partner"][r.Synthetic.Partner]["company_id"] = nil
		}, "customer"},
		"an audit trail": {func(f *fake, r setup.Report) {
			f.rows["res.company"][r.Synthetic.Company]["check_account_audit_trail"] = true
		}, "company"},
		"a group that sees all jobs": {func(f *fake, _ setup.Report) {
			for _, r := range f.rows["ir.rule"] {
				r["domain_force"] = "[]"
			}
		}, "job-rule"},
		"a group that may delete jobs": {func(f *fake, _ setup.Report) {
			for _, r := range f.rows["ir.model.access"] {
				r["perm_unlink"] = true
			}
		}, "job-right"},
		"a job that was cleared away": {func(f *fake, _ setup.Report) { clear(f.rows["queue.job"]) }, "job"},
		"a job that was cancelled": {func(f *fake, r setup.Report) {
			f.rows["queue.job"][r.Synthetic.QueueJob]["state"] = "cancelled"
		}, "job"},
		"a password that somebody changed": {func(f *fake, r setup.Report) { f.rows["res.users"][r.User]["password"] = "other" }, "password"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFake(18, true)
			s := settings(f)
			before := f.count()
			made := apply(t, s)
			want := f.count()
			tt.change(f, made)
			plan, err := setup.New(s).Plan(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			i := slices.IndexFunc(plan.Steps, func(r setup.Result) bool { return r.Name == tt.step })
			if plan.Steps[i].State != setup.Missing || plan.Steps[i].Note == "" {
				t.Errorf("the plan says %+v", plan.Steps[i])
			}
			again := apply(t, s)
			if got := states(again)[setup.Made]; !slices.Equal(got, []string{tt.step}) {
				t.Errorf("made %v, want %s", got, tt.step)
			}
			f.verify(t, again, true)
			if diff := cmp.Diff(want, f.count()); diff != "" || maps.Equal(before, want) {
				t.Errorf("records:\n%s", diff)
			}
		})
	}
}

func TestNobodyElseIsTouched(t *testing.T) {
	t.Run("a login of somebody else", func(t *testing.T) {
		f := newFake(18, false)
		f.put("res.users", 50, row{"login": "closewatch", "active": true, "company_id": 1.0, "company_ids": []float64{1}, "password": "theirs"})
		theirs := maps.Clone(f.rows["res.users"][50])
		_, err := setup.New(settings(f)).Apply(t.Context())
		if fault.KindOf(err) != fault.Rejected || !strings.Contains(fmt.Sprint(err), "the login belongs to somebody else") {
			t.Errorf("Apply() = %v", err)
		}
		if _, err := setup.New(settings(f)).Remove(t.Context()); err != nil {
			t.Errorf("Remove() = %v", err)
		}
		if diff := cmp.Diff(theirs, f.rows["res.users"][50]); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("two companies of that name", func(t *testing.T) {
		f := newFake(18, false)
		f.put("res.company", 51, row{"name": "Closewatch synthetic", "active": true})
		f.put("res.company", 52, row{"name": "Closewatch synthetic", "active": true})
		_, err := setup.New(settings(f)).Apply(t.Context())
		if fault.KindOf(err) != fault.Rejected || len(f.changes) > 0 {
			t.Errorf("Apply() = %v, and changed %v", err, f.changes)
		}
	})
	t.Run("another setup beside", func(t *testing.T) {
		f := newFake(18, true)
		first := apply(t, settings(f))
		s := settings(f)
		s.Name, s.Login = "Second", "second"
		second := apply(t, s)
		if first.Synthetic.Company == second.Synthetic.Company || first.User == second.User || first.Synthetic.QueueJob == second.Synthetic.QueueJob {
			t.Errorf("shared: %+v and %+v", first, second)
		}
		if _, err := setup.New(s).Remove(t.Context()); err != nil {
			t.Fatal(err)
		}
		f.changes = nil
		apply(t, settings(f))
		for _, c := range f.changes {
			if c.Model != "res.users" || c.Args[1].(map[string]any)["password"] == nil { // the test's file is another
				t.Errorf("removing the second changed the first: %v", c)
			}
		}
	})
}

func TestRemoveTakesBackWhatOdooLets(t *testing.T) {
	for name, used := range map[string]bool{"nothing was ever posted": false, "entries refer to it": true} {
		t.Run(name, func(t *testing.T) {
			f := newFake(18, true)
			s := settings(f)
			before := f.count()
			made := apply(t, s)
			sale := f.find("account.journal", row{"code": "CWI"})[0]
			if used {
				f.used[fmt.Sprintf("account.journal,%d", int64(sale["id"].(float64)))] = true
				f.used[fmt.Sprintf("res.partner,%d", made.Synthetic.Partner)] = true
			}
			removed, err := setup.New(s).Remove(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			kept := []string{"company"}
			if used {
				kept = []string{"customer", "sale-journal", "company"}
			}
			if got := states(removed); !slices.Equal(got[setup.Kept], kept) || len(got[setup.Failed]) > 0 || len(got[setup.Absent]) > 0 {
				t.Errorf("steps: %v", got)
			}
			if f.rows["res.company"][made.Synthetic.Company]["active"] != false || used && sale["active"] != false {
				t.Error("what was kept is not archived")
			}
			after := f.count()
			for _, model := range []string{"res.users", "res.groups", "ir.rule", "ir.model.access", "queue.job", "queue.job.channel", "product.product"} {
				if before[model] != after[model] {
					t.Errorf("%s: %d records, %d before", model, after[model], before[model])
				}
			}

			twice, err := setup.New(s).Remove(t.Context())
			if err != nil || twice.Count(setup.Removed) > 0 {
				t.Errorf("a second time: %v, %v", states(twice), err)
			}
			again := apply(t, s)
			if again.Synthetic.Company != made.Synthetic.Company || used && again.Synthetic.Partner != made.Synthetic.Partner {
				t.Errorf("what was kept was not taken up again: %+v, then %+v", made.Synthetic, again.Synthetic)
			}
			f.verify(t, again, true)
		})
	}
}

func TestRemoveOfNothing(t *testing.T) {
	f := newFake(18, true)
	report, err := setup.New(settings(f)).Remove(t.Context())
	if err != nil || len(f.changes) > 0 || report.Count(setup.Absent) != len(report.Steps) {
		t.Errorf("Remove() = %v, %v, and changed %v", states(report), err, f.changes)
	}
}

func TestSetupRefusesWhatItDoesNotKnow(t *testing.T) {
	tests := map[string]struct {
		prepare func(*fake)
		want    string
	}{
		"another version":           {func(f *fake) { f.version = 15 }, "another version than 16 to 19"},
		"no Invoicing":              {func(f *fake) { clear(f.rows["ir.module.module"]) }, "the app Invoicing is not installed"},
		"no generic chart on 16":    {func(f *fake) { f.version = 16 }, "the generic chart is not installed"},
		"a chart that loads not":    {func(f *fake) { f.version = 17; f.rows["ir.model.data"][90] = row{} }, ""},
		"groups that are not there": {func(f *fake) { delete(f.rows["ir.model.data"], 15) }, "find the group account.group_account_user"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFake(18, false)
			tt.prepare(f)
			_, err := setup.New(settings(f)).Apply(t.Context())
			if (err == nil) != (tt.want == "") || !strings.Contains(fmt.Sprint(err), tt.want) && tt.want != "" {
				t.Errorf("Apply() = %v, want %q", err, tt.want)
			}
			if tt.want != "" && fault.HintOf(err) == "" {
				t.Errorf("%v says not what to do", err)
			}
		})
	}
}

// TestApplyTwice runs on the real database that CLOSEWATCH_ODOO_URL and _DB
// name, when CLOSEWATCH_ODOO_ADMIN_LOGIN and _ADMIN_PASSWORD are set too; else
// on the fake. What it made is taken back.
func TestApplyTwice(t *testing.T) {
	s := setup.Settings{Name: "Closewatch test", Login: "closewatch.test"}
	if client := realAdmin(t); client != nil {
		s.Client = client
		s.Password = setup.File{Path: filepath.Join(t.TempDir(), "password"), LogIn: func(ctx context.Context, login string, p secret.Value) error {
			_, err := realClient(t, login, p).UserID(ctx)
			return err
		}}
	} else {
		s = settings(newFake(19, false))
	}
	made := apply(t, s)
	again := apply(t, s)
	if n := again.Count(setup.There); n != len(again.Steps) {
		t.Errorf("the second time: %v", states(again))
	}
	if diff := cmp.Diff(made.Synthetic, again.Synthetic); diff != "" {
		t.Error(diff)
	}
	for range 2 {
		if removed, err := setup.New(s).Remove(t.Context()); err != nil {
			t.Errorf("Remove() = %v, %v", states(removed), err)
		}
	}
}

// realAdmin connects to the real database of the environment; nil when there
// is none.
func realAdmin(t *testing.T) *odoorpc.Client {
	t.Helper()
	login := os.Getenv("CLOSEWATCH_ODOO_ADMIN_LOGIN")
	if login == "" {
		return nil
	}
	return realClient(t, login, secret.New(os.Getenv("CLOSEWATCH_ODOO_ADMIN_PASSWORD")))
}

func realClient(t *testing.T, login string, password secret.Value) *odoorpc.Client {
	t.Helper()
	client, err := odoorpc.New(odoorpc.Config{
		URL: os.Getenv("CLOSEWATCH_ODOO_URL"), Database: os.Getenv("CLOSEWATCH_ODOO_DB"), Login: login, Password: password,
		Timeout: estate.Duration(2 * time.Minute),
	}, odoorpc.Options{Version: "test"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

func TestPrintAsksNothing(t *testing.T) {
	report := setup.New(setup.Settings{}).Print()
	if len(report.Steps) != len(allSteps)+len(queueSteps)+1 {
		t.Errorf("%d steps", len(report.Steps))
	}
	for i, s := range report.Steps {
		if s.Number != i+1 || s.What == "" || s.Menu == "" || s.State != "" {
			t.Errorf("%+v", s)
		}
	}
}

func TestFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "password")
	var accepted string
	file := setup.File{Path: path, LogIn: func(_ context.Context, _ string, p secret.Value) error {
		if p.Reveal() != accepted {
			return &fault.Error{Op: "log in", Kind: fault.Auth, Err: errors.New("refused")}
		}
		return nil
	}}
	if works, err := file.Works(t.Context(), "x"); works || err != nil {
		t.Errorf("without a file: %t, %v", works, err)
	}
	if err := os.WriteFile(path, []byte("old\n"), 0o644); err != nil { //nolint:gosec // too open on purpose
		t.Fatal(err)
	}
	if works, err := file.Works(t.Context(), "x"); works || err != nil {
		t.Errorf("with another password: %t, %v", works, err)
	}
	made, err := file.Renew()
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	accepted = made.Reveal()
	if len(accepted) < 32 {
		t.Errorf("a password of %d characters", len(accepted))
	}
	if works, err := file.Works(t.Context(), "x"); !works || err != nil {
		t.Errorf("with the new one: %t, %v", works, err)
	}
	down := file
	down.LogIn = func(context.Context, string, secret.Value) error {
		return &fault.Error{Op: "log in", Kind: fault.Unreachable, Err: errors.New("down")}
	}
	if _, err := down.Works(t.Context(), "x"); fault.KindOf(err) != fault.Unreachable {
		t.Errorf("with Odoo down: %v", err)
	}
	nowhere := setup.File{Path: filepath.Join(path, "below a file"), LogIn: file.LogIn}
	if _, err := nowhere.Renew(); err == nil {
		t.Error("a password was kept nowhere")
	}
}
