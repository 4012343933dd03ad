package scenario

import (
	"math"
	"strconv"
	"time"
)

// Names of metrics that scenarios have words for, as collectors publish them.
const (
	operationsTotal    = "traefik_finance_operations_total"
	operationsDuration = "traefik_finance_operation_duration_seconds"
	entriesPosted      = "odoo_journal_entries_posted_total"

	queueJobs         = "odoo_queue_jobs"
	queueOldest       = "odoo_queue_job_oldest_runnable_timestamp_seconds"
	queueLastEnqueued = "odoo_queue_job_last_enqueued_timestamp_seconds"
	queueDrain        = "odoo_queue_drain_jobs_per_second"
	queueCatchUp      = "odoo_queue_catch_up_seconds"

	actionActive      = "odoo_scheduled_action_active"
	actionInterval    = "odoo_scheduled_action_interval_seconds"
	actionNext        = "odoo_scheduled_action_next_call_timestamp_seconds"
	actionLast        = "odoo_scheduled_action_last_call_timestamp_seconds"
	actionOverdue     = "odoo_scheduled_action_overdue_seconds"
	actionDeactivated = "odoo_scheduled_action_deactivated"
)

// publishUsers publishes what the ingress counts of real users.
func (w *World) publishUsers(p *publication) {
	for _, h := range w.of(users) {
		k := key(users, h.name)
		tenants, process := w.ground.tenants(h.name)
		for _, t := range tenants {
			if t.Ingress == "" || w.Health(t.Ingress) != Well {
				continue // nobody counts
			}
			good, bad, slow := w.tally(k+"/good").count(), w.tally(k+"/bad").count(), w.tally(k+"/slow").count()
			with := func(more ...string) map[string]string {
				l := map[string]string{
					"environment": t.Environment, "component": t.Ingress, "tenant": t.Name, "operation": w.ground.Operations[process], "client": "user",
				}
				for i := 0; i+1 < len(more); i += 2 {
					l[more[i]] = more[i+1]
				}
				return l
			}
			p.put(series{operationsTotal, with("outcome", "ok")}, good+slow)
			p.put(series{operationsTotal, with("outcome", "server")}, bad)
			p.put(series{operationsDuration + "_count", with()}, good+slow)
			for _, bound := range w.ground.Buckets {
				p.put(series{operationsDuration + "_bucket", with("le", strconv.FormatFloat(bound, 'g', -1, 64))}, good)
			}
			p.put(series{operationsDuration + "_bucket", with("le", "+Inf")}, good+slow)
		}
	}
}

// publishOdoo publishes what is read in Odoo's tables.
func (w *World) publishOdoo(p *publication) {
	for _, h := range w.of(posted) {
		for _, t := range w.ground.Tenants {
			if t.Name == w.ground.Entities[h.name] {
				p.put(series{entriesPosted, t.labels("entity", h.name)}, w.tally(key(posted, h.name)).count())
			}
		}
	}
	for _, h := range w.of(jobs) {
		tenants, channel := w.ground.tenants(h.name)
		for _, t := range tenants {
			w.publishJobs(p, t, channel, h)
		}
	}
	for _, h := range w.of(actions) {
		tenants, name := w.ground.tenants(h.name)
		for _, t := range tenants {
			w.publishAction(p, t, name, h)
		}
	}
}

// labels are those of what is read in the tenant's tables.
func (t Tenant) labels(more ...string) map[string]string {
	l := map[string]string{"environment": t.Environment, "component": t.Component, "tenant": t.Name}
	for i := 0; i+1 < len(more); i += 2 {
		l[more[i]] = more[i+1]
	}
	return l
}

// publishJobs publishes a channel: jobs that wait have done so since it was
// set, unless they are taken.
func (w *World) publishJobs(p *publication, t Tenant, channel string, h *hold) {
	j := h.value.(Jobs) //nolint:forcetypeassert // put has put it there
	of := func(metric string, more ...string) series {
		return series{metric, t.labels(append([]string{"channel", channel}, more...)...)}
	}
	p.put(of(queueJobs, "state", "pending"), float64(j.Waiting))
	p.put(of(queueDrain), float64(j.Taken)/60)
	oldest, taken := h.since, h.since
	if j.Taken > 0 || j.Waiting == 0 {
		taken = w.now
	}
	if j.Taken > 0 {
		wait := time.Duration(math.Ceil(float64(j.Waiting)/float64(j.Taken)*60)) * time.Second
		p.put(of(queueCatchUp), wait.Seconds())
		oldest = later(h.since, w.now.Add(-wait))
	}
	p.put(of(queueLastEnqueued), float64(taken.Unix()))
	if j.Waiting > 0 {
		p.put(of(queueOldest), float64(oldest.Unix()))
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// publishAction publishes a scheduled action. One that is late or off was due
// when that was set.
func (w *World) publishAction(p *publication, t Tenant, name string, h *hold) {
	a := h.value.(Action) //nolint:forcetypeassert // put has put it there
	of := func(metric string) series { return series{metric, t.labels("action", name)} }
	every := a.Every
	if every == 0 {
		every = 24 * time.Hour
	}
	last, next := h.since.Add(-every), h.since
	if a.Every > 0 {
		last = w.now.Add(-(w.now.Sub(h.since) % every))
		next = last.Add(every)
	}
	active, off, overdue := 1.0, 0.0, 0.0
	switch {
	case a.Off:
		active, off = 0, 1
	case a.Late:
		overdue = w.now.Sub(next).Seconds()
	}
	p.put(of(actionActive), active)
	p.put(of(actionDeactivated), off)
	p.put(of(actionOverdue), overdue)
	p.put(of(actionInterval), every.Seconds())
	p.put(of(actionLast), float64(last.Unix()))
	p.put(of(actionNext), float64(next.Unix()))
}
