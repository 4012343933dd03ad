package odoo

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/closewatch/closewatch/collectors/odoo/serverlog"
	"github.com/closewatch/closewatch/internal/collector"
	"github.com/closewatch/closewatch/internal/collector/collectortest"
	"github.com/closewatch/closewatch/internal/estate"
	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/pgsession"
	"github.com/closewatch/closewatch/internal/secret"
)

func TestConfig(t *testing.T) {
	tests := map[string]struct {
		change func(*Config)
		want   []string // fields with a problem
	}{
		"as in the minimal estate": {func(*Config) {}, nil},
		"companies by name":        {func(c *Config) { c.Companies = []Company{{ID: 1, Entity: "acme-uk"}, {ID: 7, Synthetic: true}} }, nil},
		"every mistake at once": {func(c *Config) {
			c.Companies = []Company{{ID: 1, Entity: "a"}, {ID: 1, Entity: "b"}, {Entity: "c"}, {ID: 4}}
			c.SQL.DSN, c.SQL.Interval, c.SQL.SlowInterval = secret.New("host='"), estate.Duration(time.Hour), 0
			c.Health.URL, c.Health.Timeout = "odoo:8069", 0
			c.Filestore, c.Databases.Max, c.Copies.Allow = "filestore/prod", 1001, []string{"mail_out", "fax"}
		}, []string{"companies[1].id", "companies[2].id", "companies[3].entity", "sql.dsn", "filestore", "databases.max", "copies.allow[1]", "health.url", "sql.interval", "sql.slowInterval", "health.timeout"}},
		"mistakes about pages and log": {func(c *Config) {
			c.Web.Interval, c.Web.Websocket = estate.Duration(time.Hour), "odoo:8072"
			c.Log.File, c.Log.Format, c.Log.Slow = "odoo.log", "syslog", 0
		}, []string{"web.websocket", "log.file", "log.format", "web.interval", "log.slow"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var c Config
			c.SetDefaults()
			c.URL, c.Database = "https://erp.example.com", "prod"
			tt.change(&c)
			var got []string
			for _, p := range c.Validate() {
				got = append(got, p.Field)
				if p.What == "" || p.Remedy == "" {
					t.Errorf("%+v lacks what is wrong or what to write", p)
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestTasks(t *testing.T) {
	tests := map[string]struct {
		change func(*Settings)
		want   []string
	}{
		"without a DSN only health is asked":      {func(*Settings) {}, []string{"health", "web", "exposure"}},
		"with the DSN of the estate's PostgreSQL": {func(s *Settings) { s.DSN = secret.New("postgres://reader@127.0.0.1:1/postgres") }, []string{"health", "web", "exposure", "actions", "queue", "postings", "ledger", "controls", "hashes", "einvoices", "mails", "reports", "filestore", "measured", "copies"}},
		"with its own DSN, without url and queue": {func(s *Settings) {
			s.Config.SQL.DSN, s.Config.URL, s.Config.SQL.Queue = secret.New("postgres://reader@127.0.0.1:1/postgres"), "", false
		}, []string{"actions", "postings", "ledger", "controls", "hashes", "einvoices", "mails", "reports", "filestore", "measured", "copies"}},
		"with the other databases of the server": {func(s *Settings) {
			s.Config.SQL.DSN, s.Config.URL, s.Config.Databases.Include = secret.New("postgres://reader@127.0.0.1:1/postgres"), "", []string{"*"}
		}, []string{"actions", "queue", "postings", "ledger", "controls", "hashes", "einvoices", "mails", "reports", "filestore", "measured", "copies", "fleet"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := Settings{Component: "erp", Environment: "production"}
			s.Config.SetDefaults()
			s.Config.URL, s.Config.Database = "https://erp.example.com/", "prod"
			tt.change(&s)
			i := New(s)
			defer i.Close()
			var got []string
			for _, task := range i.Tasks() {
				got = append(got, task.Name)
				if task.Interval <= 0 || task.Timeout <= 0 || task.Timeout > task.Interval || task.Kind != Kind || task.Component != "erp" {
					t.Errorf("task %+v", task)
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if err := i.Run(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestHealthURL(t *testing.T) {
	for _, tt := range []struct{ url, own, want string }{
		{"https://erp.example.com", "", "https://erp.example.com/web/health"},
		{"https://erp.example.com/", "", "https://erp.example.com/web/health"},
		{"https://erp.example.com", "http://odoo:8069/web/health", "http://odoo:8069/web/health"},
		{"", "", ""},
	} {
		if got := healthURL(Config{URL: tt.url, Health: Health{URL: tt.own}}); got != tt.want {
			t.Errorf("healthURL(%q, %q) = %q, want %q", tt.url, tt.own, got, tt.want)
		}
	}
}

// all are the collectors that read the database.
func all(db *database) map[string]collector.Collector {
	return map[string]collector.Collector{
		"actions": &actions{db: db}, "queue": newQueue(db), "postings": newPostings(db),
		"ledger": newLedger(db, keeper{}), "controls": newControls(db), "hashes": newHashes(db, keeper{}),
		"einvoices": newEInvoices(db), "mails": newMails(db), "reports": &reports{db: db}, "filestore": newFilestore(db, ""),
		"measured": &measured{db: db}, "copies": &copies{db: db, watch: newCopyWatch(Settings{})},
		"fleet": newFleet(db, Databases{Include: []string{"*"}, Max: 1}, newCopyWatch(Settings{}), nil),
	}
}

func TestCollectorsReturnWhenTheDatabaseHangs(t *testing.T) {
	hang := func(ctx context.Context, qs ...pgsession.Query) pgsession.Results {
		<-ctx.Done()
		rs := make(pgsession.Results, len(qs))
		for i := range rs {
			rs[i].Err = fault.Wrap("ask PostgreSQL", ctx.Err(), "")
		}
		return rs
	}
	for name, c := range all(&database{tenant: "prod", ask: hang, now: time.Now}) {
		if err := collectortest.Deadline(t, c); fault.KindOf(err) != fault.Timeout {
			t.Errorf("%s: %v, want timeout", name, err)
		}
	}
}

func TestAStoppedDatabaseIsOneFindingPerTaskAndNoNumbers(t *testing.T) {
	session := pgsession.Open(pgsession.Settings{DSN: secret.New("postgres://reader@127.0.0.1:1/postgres"), Database: "prod"})
	defer session.Close()
	for name, c := range all(&database{tenant: "prod", ask: session.Batch, now: time.Now}) {
		got, err := collect(t, c)
		if fault.KindOf(err) != fault.Unreachable || fault.HintOf(err) == "" {
			t.Errorf("%s: %v, want unreachable with a hint", name, err)
		}
		want := map[string]float64{}
		if name == "actions" {
			want["odoo_database_up{}"] = 0
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestADatabaseThatRefusesUsIsNotSaidToBeDown(t *testing.T) {
	for _, kind := range []fault.Kind{fault.Auth, fault.Denied} {
		refuse := func(context.Context, ...pgsession.Query) pgsession.Results {
			return pgsession.Results{{Err: &fault.Error{Op: "log in", Kind: kind, Err: errors.New("role reader may not")}}}
		}
		got, err := collect(t, &actions{db: &database{tenant: "prod", ask: refuse, now: time.Now}})
		if fault.KindOf(err) != kind || len(got) > 0 {
			t.Errorf("err = %v, published %v; want %s and nothing", err, got, kind)
		}
	}
}

func TestEntities(t *testing.T) {
	named := newEntities([]Company{{ID: 1, Entity: "old"}, {ID: 1, Entity: "acme-uk"}, {ID: 3, Entity: "x", Synthetic: true}, {ID: 4}}, "")
	whole := newEntities([]Company{{ID: 3, Synthetic: true}}, "acme")
	for _, tt := range []struct {
		e       entities
		company int64
		known   bool
		want    string
	}{
		{named, 1, true, "acme-uk"},
		{named, 2, true, "company-2"},
		{named, 3, true, "synthetic"},
		{named, 4, true, "company-4"},
		{named, 0, false, "none"},
		{whole, 1, true, "acme"},
		{whole, 3, true, "synthetic"},
		{whole, 0, false, "acme"},
	} {
		if got := tt.e.name(tt.company, tt.known); got != tt.want {
			t.Errorf("name(%d, %v) = %q, want %q", tt.company, tt.known, got, tt.want)
		}
	}
}

func TestLabelsAreShortValidAndOnOneLine(t *testing.T) {
	long := label(strings.Repeat("é", 200))
	if len(long) > 100 || !strings.HasSuffix(long, "é") {
		t.Errorf("long label = %q", long)
	}
	if got := label(" a\n\tb\xff "); got != "a b\uFFFD" {
		t.Errorf("label = %q", got)
	}
}

func TestWatermarkLagsBehindTheHighestID(t *testing.T) {
	w := watermark{lag: 2 * time.Minute}
	start := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	for _, step := range []struct {
		after time.Duration
		id    int64
		want  int64
	}{
		{0, 100, 100}, {time.Minute, 110, 100}, {2 * time.Minute, 120, 100}, {3 * time.Minute, 130, 110}, {10 * time.Minute, 140, 130}, {13 * time.Minute, 150, 140},
	} {
		if got := w.advance(start.Add(step.after), step.id); got != step.want {
			t.Errorf("after %v the mark is %d, want %d", step.after, got, step.want)
		}
	}
	if len(w.highs) > 2 {
		t.Errorf("%d highs kept", len(w.highs))
	}
}

func TestSignalsReadPublishedMetrics(t *testing.T) {
	described := map[string]bool{}
	ch := make(chan *prometheus.Desc, 1000)
	health{}.Describe(ch)
	(&web{}).Describe(ch)
	exposure{}.Describe(ch)
	(&serverlog.Log{}).Describe(ch)
	for _, c := range all(&database{}) {
		c.Describe(ch)
	}
	close(ch)
	for d := range ch {
		name, _, _ := strings.Cut(strings.TrimPrefix(d.String(), `Desc{fqName: "`), `"`)
		described[name] = true
	}
	seen := map[string]bool{}
	for _, s := range Signals() {
		if !described[s.Metric] {
			t.Errorf("signal %s reads %s, which nobody publishes", s.Name, s.Metric)
		}
		if seen[s.Name] {
			t.Errorf("signal %s is defined twice", s.Name)
		}
		seen[s.Name] = true
	}
}
