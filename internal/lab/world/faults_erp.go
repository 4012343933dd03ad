package world

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/closewatch/closewatch/internal/lab/odoosim"
)

// erpFaults break the application: its postings, its jobs, its scheduled
// actions, its workers and what it lets the prober do.
func erpFaults() []Fault {
	return []Fault{
		{"posting-fails", "makes posting answer with an error inside HTTP 200", func(_ context.Context, w *World) (mend, error) {
			return w.switched(func(f *odoosim.Faults, on bool) { f.SetPostingFails(on) }), nil
		}},
		{"module-deployed", "deploys a module, and tells of it, after which posting fails", func(ctx context.Context, w *World) (mend, error) {
			if err := w.changed(ctx, "erp", "deployed account_custom 18.0.2.1"); err != nil {
				return nil, err
			}
			return w.switched(func(f *odoosim.Faults, on bool) { f.SetPostingFails(on) }), nil
		}},
		{"posting-slow", "makes posting take ten times as long", func(_ context.Context, w *World) (mend, error) {
			w.Odoo.Faults().SetPostingSlow(10, 0)
			return func(context.Context) error { w.Odoo.Faults().SetPostingSlow(1, 0); return nil }, nil
		}},
		{"workers-exhausted", "makes posting take longer than anybody waits, until no worker is free", func(_ context.Context, w *World) (mend, error) {
			w.Odoo.Faults().SetPostingSlow(1, 15*time.Second)
			return func(context.Context) error { w.Odoo.Faults().SetPostingSlow(1, 0); return nil }, nil
		}},
		{"transactions-collide", "changes drafts while they are being posted: transactions lose against each other", func(ctx context.Context, w *World) (mend, error) {
			return over(ctx, w, "UPDATE account_move SET write_date = write_date WHERE state = 'draft'", 5*time.Millisecond)
		}},
		{"prober-refused", "archives the account of the test transactions; users are fine", func(ctx context.Context, w *World) (mend, error) {
			return w.rewritten(ctx, "UPDATE res_users SET active = false WHERE login = '"+odoosim.ProbeLogin+"'", "UPDATE res_users SET active = true WHERE login = '"+odoosim.ProbeLogin+"'")
		}},
		{"prober-without-rights", "takes every right but that to log in from the account of the test transactions; users are fine", unright},
		{"jobrunner-deaf", "has the job runner take nothing, without an error anywhere", func(_ context.Context, w *World) (mend, error) {
			return w.switched(func(f *odoosim.Faults, on bool) { f.SetJobrunnerDeaf(on) }), nil
		}},
		{"jobrunner-gone", "has the job runner lose its connection and take nothing, as after a failover", func(_ context.Context, w *World) (mend, error) {
			return w.switched(func(f *odoosim.Faults, on bool) { f.SetJobrunnerGone(on) }), nil
		}},
		{"jobs-stuck", "has workers die with the jobs they begin, which stay started", func(_ context.Context, w *World) (mend, error) {
			w.Odoo.Faults().SetJobsKilled(true)
			return w.Odoo.Faults().Clear, nil
		}},
		{"jobs-fail", "has every job end in an exception; they are set back on clear", func(_ context.Context, w *World) (mend, error) {
			again := w.switched(func(f *odoosim.Faults, on bool) { f.SetJobsFailing(on) })
			return func(ctx context.Context) error {
				return errors.Join(again(ctx), w.Database.Exec(ctx, superuser, odoosim.Database,
					"UPDATE queue_job SET state = 'pending', date_enqueued = NULL, date_started = NULL, exc_name = NULL, exc_message = NULL WHERE state = 'failed'"))
			}, nil
		}},
		{"cron-deactivated", "switches off the action that invoices subscriptions", func(ctx context.Context, w *World) (mend, error) {
			return w.Odoo.Faults().Clear, w.Odoo.Faults().DeactivateCron(ctx, odoosim.CronRecurringInvoices)
		}},
		{"printing-fails", "has every document that is printed fail for want of memory", func(_ context.Context, w *World) (mend, error) {
			w.Odoo.Faults().SetPrinting(odoosim.PrintToolCrashed)
			return func(context.Context) error { w.Odoo.Faults().SetPrinting(odoosim.PrintsWell); return nil }, nil
		}},
		{"maintenance-page", "has a page that asks for patience answer every request, with status 200", func(_ context.Context, w *World) (mend, error) {
			return w.switched(func(f *odoosim.Faults, on bool) { f.SetHTMLInstead(on) }), nil
		}},
		{"erp-stopped", "stops the application; it is started again on clear", func(ctx context.Context, w *World) (mend, error) {
			return w.startERP, w.stopERP(ctx)
		}},
	}
}

// unright takes the rights of the prober's account, all but those of a user.
func unright(ctx context.Context, w *World) (mend, error) {
	where := fmt.Sprintf(" FROM res_groups_users_rel WHERE uid = %d AND gid NOT IN (SELECT res_id FROM ir_model_data WHERE module = 'base' AND name = 'group_user')", odoosim.ProbeUID)
	held, err := w.Database.Value(ctx, superuser, odoosim.Database, "SELECT string_agg(gid::text, ',')"+where)
	if err != nil {
		return nil, err
	}
	return w.rewritten(ctx, "DELETE"+where, fmt.Sprintf("INSERT INTO res_groups_users_rel (gid, uid) SELECT unnest(ARRAY[%s]), %d ON CONFLICT DO NOTHING", held, odoosim.ProbeUID))
}

// switched turns a switch of the stand-in on, and off to mend it.
func (w *World) switched(set func(*odoosim.Faults, bool)) mend {
	set(w.Odoo.Faults(), true)
	return func(context.Context) error { set(w.Odoo.Faults(), false); return nil }
}

// rewritten changes the tenant's data, and back.
func (w *World) rewritten(ctx context.Context, broken, whole string) (mend, error) {
	back := func(ctx context.Context) error {
		return w.Database.Exec(ctx, superuser, odoosim.Database, whole)
	}
	return back, w.Database.Exec(ctx, superuser, odoosim.Database, broken)
}

// stopERP ends the application at once: requests under way are cut off.
func (w *World) stopERP(ctx context.Context) error {
	w.erpAddr = w.Odoo.Addr()
	ctx, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
	defer cancel()
	return w.Odoo.Stop(ctx)
}

// startERP starts another one in its place.
func (w *World) startERP(ctx context.Context) error {
	odoo, err := odoosim.New(w.erpOptions())
	if err != nil {
		return err
	}
	w.Odoo = odoo
	return odoo.Start(ctx, w.erpAddr)
}
