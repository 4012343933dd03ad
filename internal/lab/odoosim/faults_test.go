package odoosim_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/lab/odoosim"
)

func TestFaults(t *testing.T) {
	r := newRig(t, "faults", func(o *odoosim.Options) { o.PostingCost = 20 * time.Millisecond })
	f := r.server.Faults()
	newUser := func(t *testing.T) *user {
		return r.in(t).login(odoosim.ProbeLogin, probePassword, odoosim.SyntheticCompany)
	}
	clear := func(t *testing.T) {
		t.Helper()
		if err := f.Clear(t.Context()); err != nil {
			t.Fatal(err)
		}
		if active := f.Active(); len(active) > 0 {
			t.Errorf("after Clear() still active: %v", active)
		}
	}

	t.Run("posting fails with an error object and status 200", func(t *testing.T) {
		u := newUser(t)
		id := u.newInvoice(odoosim.SyntheticSaleJournal, odoosim.SyntheticPartner, 1)
		f.SetPostingFails(true)
		if name, _ := u.refused("account.move", "action_post", []any{[]int64{id}}, nil); name != "odoo.exceptions.ValidationError" {
			t.Errorf("action_post raised %s", name)
		}
		if got := u.read(id).State; got != "draft" {
			t.Errorf("the invoice is %s, want draft", got)
		}
		clear(t)
		u.post(id)
	})

	t.Run("posting is slow by a factor", func(t *testing.T) {
		u := newUser(t)
		id := u.newInvoice(odoosim.SyntheticSaleJournal, odoosim.SyntheticPartner, 1)
		f.SetPostingSlow(10, 50*time.Millisecond)
		started := time.Now()
		u.post(id)
		if took := time.Since(started); took < 250*time.Millisecond {
			t.Errorf("posting took %v, want 10 × 20 ms + 50 ms", took)
		}
		clear(t)
	})

	t.Run("everything is HTML", func(t *testing.T) {
		f.SetHTMLInstead(true)
		a, err := r.send(t.Context(), http.MethodPost, "/jsonrpc", "application/json", "", []byte(`{}`))
		if err != nil || a.status != http.StatusOK || !strings.HasPrefix(a.header.Get("Content-Type"), "text/html") {
			t.Errorf("/jsonrpc = %d %s, %v", a.status, a.header.Get("Content-Type"), err)
		}
		clear(t)
	})

	t.Run("the job runner is deaf", func(t *testing.T) {
		u := newUser(t)
		f.SetJobrunnerDeaf(true)
		id := u.newInvoice(odoosim.SyntheticSaleJournal, odoosim.SyntheticPartner, 1)
		u.post(id)
		var wizard int64
		u.call(&wizard, "account.move.send.wizard", "create", []any{map[string]any{"move_id": id}}, nil)
		u.call(nil, "account.move.send.wizard", "action_send_and_print", []any{[]int64{wizard}}, nil)
		pending := "SELECT string_agg(channel || ' ' || state, ', ' ORDER BY channel) FROM queue_job WHERE state <> 'done'"
		if got := r.value(pending); got != "root.einvoice pending, root.mail pending" {
			t.Errorf("jobs are %q, want both pending", got)
		}
		clear(t)
		eventually(t, "the jobs being done", func() bool { return r.value(pending) == "" })
		got := r.value(`SELECT bool_and(date_enqueued >= date_created AND date_started >= date_enqueued AND date_done >= date_started AND exec_time >= 0 AND worker_pid > 0) FROM queue_job`)
		if got != "t" {
			t.Error("the jobs' dates are out of order")
		}
		if got := r.value("SELECT count(*) FROM mail_mail WHERE state = 'outgoing'"); got != "0" {
			t.Errorf("%s mails are still outgoing", got)
		}
	})

	t.Run("a scheduled action is deactivated and comes back", func(t *testing.T) {
		active := fmt.Sprintf("SELECT active FROM ir_cron WHERE cron_name = '%s'", odoosim.CronRecurringInvoices)
		if err := f.DeactivateCron(t.Context(), odoosim.CronRecurringInvoices); err != nil {
			t.Fatal(err)
		}
		if got := r.value(active); got != "f" {
			t.Errorf("active is %s, want f", got)
		}
		if diff := cmp.Diff([]string{"cron-deactivated"}, f.Active()); diff != "" {
			t.Errorf("Active() (-want +got):\n%s", diff)
		}
		clear(t)
		if got := r.value(active); got != "t" {
			t.Errorf("active is %s after Clear(), want t", got)
		}
		if err := f.DeactivateCron(t.Context(), "No Such Action"); fault.KindOf(err) != fault.Rejected {
			t.Errorf("DeactivateCron() of an unknown action = %v, want a rejection", err)
		}
	})
}

func TestScheduledActions(t *testing.T) {
	r := newRig(t, "crons", func(o *odoosim.Options) { o.CronScale = 1.0 / 86400 }) // a day is a second
	f := r.server.Faults()
	invoices := "SELECT count(*) FROM account_move WHERE invoice_origin LIKE 'CONTRACT/%' AND state = 'posted'"
	column := func(name, column string) string {
		return r.value(fmt.Sprintf("SELECT %s FROM ir_cron WHERE cron_name = '%s'", column, name))
	}
	eventually(t, "billing two contracts", func() bool { return r.value(invoices) >= "2" })
	if got := column(odoosim.CronRecurringInvoices, "lastcall IS NOT NULL AND nextcall > lastcall AND failure_count = 0"); got != "t" {
		t.Error("the action's calls are not recorded")
	}
	if got := r.value("SELECT count(*) > 0 FROM ir_cron_progress"); got != "t" {
		t.Error("no progress is recorded")
	}

	t.Run("an idle server calls nothing", func(t *testing.T) {
		f.SetIdle(true)
		defer f.SetIdle(false)
		overdue := "SELECT bool_and(nextcall < now() AT TIME ZONE 'utc' - interval '500 milliseconds') FROM ir_cron WHERE active"
		eventually(t, "every action being overdue", func() bool { return r.value(overdue) == "t" })
	})

	t.Run("inactive ones do not run", func(t *testing.T) {
		if got := column(odoosim.CronFetchmail, "lastcall IS NULL"); got != "t" {
			t.Error("an inactive action ran")
		}
	})

	t.Run("a draft whose day has come is posted", func(t *testing.T) {
		u := r.in(t).login(odoosim.LoadLogin, loadPassword, odoosim.MainCompany)
		id := u.newInvoice(odoosim.MainSaleJournal, odoosim.FirstCustomer, 1)
		u.call(nil, "account.move", "write", []any{[]int64{id}, map[string]any{"auto_post": "at_date"}}, nil)
		eventually(t, "posting automatically", func() bool { return u.read(id).State == "posted" })
	})

	t.Run("failures are counted and forgotten after a success", func(t *testing.T) {
		f.SetPostingFails(true)
		eventually(t, "failing twice", func() bool {
			return column(odoosim.CronRecurringInvoices, "failure_count >= 2 AND first_failure_date IS NOT NULL AND lastcall > first_failure_date") == "t"
		})
		f.SetPostingFails(false)
		eventually(t, "forgetting", func() bool {
			return column(odoosim.CronRecurringInvoices, "failure_count = 0 AND first_failure_date IS NULL") == "t"
		})
	})

	t.Run("none runs while a module waits to be upgraded", func(t *testing.T) {
		r.sql("UPDATE ir_module_module SET state = 'to upgrade' WHERE name = 'mail'")
		seen := column(odoosim.CronSendInvoices, "lastcall")
		overdue := fmt.Sprintf("nextcall < now() AT TIME ZONE 'utc' - interval '1 second' AND (lastcall = '%s' OR lastcall < now() AT TIME ZONE 'utc' - interval '2 seconds')", seen)
		eventually(t, "becoming overdue", func() bool { return column(odoosim.CronSendInvoices, overdue) == "t" })
		r.sql("UPDATE ir_module_module SET state = 'installed' WHERE name = 'mail'")
		eventually(t, "running again", func() bool {
			return column(odoosim.CronSendInvoices, "lastcall > now() AT TIME ZONE 'utc' - interval '1 second'") == "t"
		})
	})
}
