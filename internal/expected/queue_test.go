package expected

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/closewatch/closewatch/internal/process"
	"github.com/closewatch/closewatch/internal/signal"
	"github.com/closewatch/closewatch/internal/tiering"
)

const channel = "root.einvoice"

// einvoices is work due half an hour after it became runnable.
var einvoices = process.Work{Source: process.QueueJobs, Match: []string{"*einvoice*"}, Within: 30 * time.Minute, Says: "e-invoices waiting to be sent"}

// queue is what is published about a channel whose oldest runnable job has
// waited since oldest, and from which a job was last taken at taken.
func queue(waiting float64, oldest, taken time.Time) []signal.Sample {
	of := labels{"channel": channel}
	out := []signal.Sample{
		sample("odoo_queue_jobs", waiting-1, labels{"channel": channel, "state": "pending"}),
		sample("odoo_queue_jobs", 1, labels{"channel": channel, "state": "enqueued"}),
		sample("odoo_queue_jobs", 99, labels{"channel": channel, "state": "done"}),
		sample("odoo_queue_job_oldest_runnable_timestamp_seconds", seconds(oldest), of),
		sample("odoo_queue_jobs", 7, labels{"channel": "root.mail", "state": "pending"}), // not ours
	}
	if !taken.IsZero() {
		out = append(out, sample("odoo_queue_job_last_enqueued_timestamp_seconds", seconds(taken), of))
	}
	return out
}

func TestQueuedWork(t *testing.T) {
	minutes := func(n int) time.Time { return noon.Add(-time.Duration(n) * time.Minute) }
	tests := map[string]struct {
		samples []signal.Sample
		want    []tiering.Work
	}{
		"nothing is published": {},
		"jobs are taken": {
			samples: queue(3, minutes(2), minutes(1)),
			want:    []tiering.Work{{Source: process.QueueJobs, Name: channel, Says: einvoices.Says, Count: 3, Oldest: minutes(2), Stalled: minutes(1), Due: noon.Add(28 * time.Minute)}},
		},
		"the queue is empty": {
			samples: queue(0, time.Unix(0, 0), minutes(90)),
			want:    []tiering.Work{{Source: process.QueueJobs, Name: channel, Says: einvoices.Says}},
		},
		"the runner is deaf": {
			samples: queue(31, minutes(12), minutes(13)),
			want: []tiering.Work{{
				Source: process.QueueJobs, Name: channel, Says: einvoices.Says, Count: 31, Oldest: minutes(12), Stalled: minutes(12), Due: noon.Add(18 * time.Minute),
				Missing: true, Lacks: 31, Since: minutes(7), Why: "31 jobs wait in root.einvoice, the oldest for 12m, and none is taken",
			}},
		},
		"the runner is deaf, and the pace of the last minutes was good": {
			samples: append(queue(31, minutes(12), minutes(13)), sample("odoo_queue_drain_jobs_per_second", 0.5, labels{"channel": channel}), sample("odoo_queue_catch_up_seconds", 62, labels{"channel": channel})),
			want: []tiering.Work{{
				Source: process.QueueJobs, Name: channel, Says: einvoices.Says, Count: 31, Oldest: minutes(12), Stalled: minutes(12), Due: noon.Add(18 * time.Minute),
				Missing: true, Lacks: 31, Since: minutes(7), Why: "31 jobs wait in root.einvoice, the oldest for 12m, and none is taken",
			}},
		},
		"the runner never took any": {
			samples: queue(31, minutes(12), time.Time{}),
			want: []tiering.Work{{
				Source: process.QueueJobs, Name: channel, Says: einvoices.Says, Count: 31, Oldest: minutes(12), Stalled: minutes(12), Due: noon.Add(18 * time.Minute),
				Missing: true, Lacks: 31, Since: minutes(7), Why: "31 jobs wait in root.einvoice, the oldest for 12m, and none is taken",
			}},
		},
		"the runner has been idle and work has just come": {
			samples: queue(2, minutes(1), minutes(60)),
			want:    []tiering.Work{{Source: process.QueueJobs, Name: channel, Says: einvoices.Says, Count: 2, Oldest: minutes(1), Stalled: minutes(1), Due: noon.Add(29 * time.Minute)}},
		},
		"one job waits": {
			samples: queue(1, minutes(12), time.Time{}),
			want: []tiering.Work{{
				Source: process.QueueJobs, Name: channel, Says: einvoices.Says, Count: 1, Oldest: minutes(12), Stalled: minutes(12), Due: noon.Add(18 * time.Minute),
				Missing: true, Lacks: 1, Since: minutes(7), Why: "1 job waits in root.einvoice, the oldest for 12m, and none is taken",
			}},
		},
		"jobs are taken, but the oldest is overdue": {
			samples: queue(500, minutes(31), minutes(1)),
			want: []tiering.Work{{
				Source: process.QueueJobs, Name: channel, Says: einvoices.Says, Count: 500, Oldest: minutes(31), Stalled: minutes(1), Due: noon.Add(-time.Minute),
				Missing: true, Lacks: 500, Since: noon.Add(-time.Minute), Why: "500 jobs wait in root.einvoice, the oldest for 31m",
			}},
		},
		"the database's clock is ten minutes ahead": { // the oldest is two minutes old there
			samples: append(queue(3, noon.Add(8*time.Minute), noon.Add(9*time.Minute)), sample("odoo_database_clock_offset_seconds", 600, nil)),
			want:    []tiering.Work{{Source: process.QueueJobs, Name: channel, Says: einvoices.Says, Count: 3, Oldest: noon.Add(8 * time.Minute), Stalled: minutes(1), Due: noon.Add(28 * time.Minute)}},
		},
		"the database's clock is ten minutes behind": { // the oldest is twelve minutes old there
			samples: append(queue(3, minutes(22), minutes(23)), sample("odoo_database_clock_offset_seconds", -600, nil)),
			want: []tiering.Work{{
				Source: process.QueueJobs, Name: channel, Says: einvoices.Says, Count: 3, Oldest: minutes(22), Stalled: minutes(12), Due: noon.Add(18 * time.Minute),
				Missing: true, Lacks: 3, Since: minutes(7), Why: "3 jobs wait in root.einvoice, the oldest for 12m, and none is taken",
			}},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			subj := acme("e-invoicing", einvoices)
			got := New(5*time.Minute).Judge(noon, published(tt.samples), subj)
			if diff := cmp.Diff(tt.want, got, ignoreDone); diff != "" {
				t.Errorf("Judge (-want +got):\n%s", diff)
			}
		})
	}
}

// What the collector says of the pace is taken as it is.
func TestDrainTellsTheCatchUp(t *testing.T) {
	of := labels{"channel": channel}
	rate := func(perSecond float64) signal.Sample {
		return sample("odoo_queue_drain_jobs_per_second", perSecond, of)
	}
	catchUp := func(d time.Duration) signal.Sample { return sample("odoo_queue_catch_up_seconds", d.Seconds(), of) }
	tests := map[string]struct {
		pace    []signal.Sample
		drains  bool
		catchUp time.Duration
	}{
		"the pace is not known yet":  {nil, false, 0},
		"two jobs a minute":          {[]signal.Sample{rate(2.0 / 60), catchUp(30 * time.Minute)}, true, 30 * time.Minute},
		"jobs wait and none is done": {[]signal.Sample{rate(0)}, false, 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			samples := append(queue(60, noon.Add(-time.Minute), noon), tt.pace...)
			got := New(5*time.Minute).Judge(noon, published(samples), acme("e-invoicing", einvoices))[0]
			if got.Drains != tt.drains || got.CatchUp != tt.catchUp {
				t.Errorf("drains %v, catch-up %v; want %v, %v", got.Drains, got.CatchUp, tt.drains, tt.catchUp)
			}
		})
	}
}

func TestMatcher(t *testing.T) {
	tests := map[string]struct {
		patterns []string
		text     string
		want     bool
	}{
		"the whole name":               {[]string{"root.einvoice"}, "root.einvoice", true},
		"a part is not enough":         {[]string{"einvoice"}, "root.einvoice", false},
		"a star stands for anything":   {[]string{"root.*"}, "root.einvoice.at", true},
		"and for nothing":              {[]string{"root*"}, "root", true},
		"case does not matter":         {[]string{"generate recurring*"}, "Generate Recurring Invoices", true},
		"a dot is a dot":               {[]string{"root.einvoice"}, "rootxeinvoice", false},
		"any of several":               {[]string{"x", "y*"}, "yes", true},
		"without a pattern, no match":  {nil, "root", false},
		"a name over two lines":        {[]string{"a*b"}, "a\nb", true},
		"what looks like a repetition": {[]string{"a+"}, "aa", false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := matcher(tt.patterns)(tt.text); got != tt.want {
				t.Errorf("matcher(%q)(%q) = %v, want %v", tt.patterns, tt.text, got, tt.want)
			}
		})
	}
}
