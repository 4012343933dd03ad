package routing_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/alertmanager/timeinterval"
	"pgregory.net/rapid"

	"github.com/closewatch/closewatch/alerts/routing"
	"github.com/closewatch/closewatch/internal/calendar"
	"github.com/closewatch/closewatch/internal/lab"
)

var november = time.Date(2026, 11, 27, 9, 0, 0, 0, time.UTC)

func zone(t *testing.T, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// options are of an entity in London, whose month is closed and frozen, and of one
// in Vienna that plans no close.
func options(t *testing.T) routing.Options {
	t.Helper()
	plan := calendar.DefaultClosePlan()
	holidays := map[calendar.Date]string{{Year: 2026, Month: 12, Day: 25}: "Christmas Day", {Year: 2026, Month: 12, Day: 28}: "Boxing Day"}
	uk := calendar.Plan{
		Entity: "acme-uk", Zone: zone(t, "Europe/London"), Close: &plan, Days: calendar.NewDays("gb", calendar.MondayToFriday(), holidays, nil),
		Freezes: []calendar.Freeze{{ID: "close", Level: calendar.HardFreeze, From: plan.PreClose.From, To: plan.Target}},
	}
	at := calendar.Plan{Entity: "acme-at", Zone: zone(t, "Europe/Vienna")}
	from, to := calendar.Horizon(november)
	o := routing.Options{
		From: november, Horizon: 45 * 24 * time.Hour, Teams: []string{"erp-on-call"}, Header: []string{"Generated."},
		Pace: routing.Pace{Page: 10 * time.Second, Ticket: time.Minute, Info: time.Minute, Interval: time.Minute}, Hours: routing.Hours{From: 8 * 60, To: 18 * 60},
	}
	for _, p := range []calendar.Plan{uk, at} {
		o.Calendars = append(o.Calendars, routing.Calendar{Entity: p.Entity, Timeline: calendar.Compile(p, from, to), Week: calendar.MondayToFriday()})
	}
	return o
}

func generate(t *testing.T, o routing.Options) *routing.Config {
	t.Helper()
	c, err := routing.Generate(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func book(t *testing.T) routing.Book {
	t.Helper()
	b, err := routing.ReadBook("receivers.yml", []byte(receivers))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

const receivers = `
receivers:
  - name: finance-page
    pagerduty_configs:
      - routing_key_file: /run/secrets/pagerduty
        description: '{{ .CommonAnnotations.title }}'
  - name: finance-ticket
    webhook_configs:
      - url: https://tickets.example.com/hook
        http_config: {authorization: {credentials_file: /run/secrets/tickets}}
  - name: finance-ticket-erp-on-call
    slack_configs: [{api_url_file: /run/secrets/slack, channel: '#erp'}]
`

// An alert's labels, as the daemon and the rules write them.
func alert(name, severity, tier string, more ...string) map[string]string {
	out := map[string]string{"alertname": name, "severity": severity, "tier": tier, "environment": "production", "team": "finance-platform"}
	for i := 0; i+1 < len(more); i += 2 {
		out[more[i]] = more[i+1]
	}
	return out
}

func impaired(severity, tier string, more ...string) map[string]string {
	return alert("FinanceProcessImpaired", severity, tier, append([]string{"process", "payroll", "entity", "acme-uk", "tenant", "acme"}, more...)...)
}

func TestWhoIsTold(t *testing.T) {
	const (
		quiet = "2026-11-18T11:00:00Z" // a Wednesday far from any close
		close = "2026-12-01T11:00:00Z"
		night = "2026-11-18T23:00:00Z"
		feast = "2026-12-28T11:00:00Z" // Boxing Day's substitute in London, a Monday in Vienna; pre-close in London
	)
	page := impaired("page", "business-critical")
	tests := map[string]struct {
		alert  map[string]string
		others []map[string]string
		at     string
		want   []string
	}{
		"a page":                                     {page, nil, night, []string{"finance-page"}},
		"a page of a team":                           {impaired("page", "business-critical", "team", "erp-on-call"), nil, quiet, []string{"finance-page-erp-on-call"}},
		"a page in the close":                        {page, nil, close, []string{"finance-close", "finance-page"}},
		"what rides with a page":                     {impaired("ticket", "business-critical", "process", "e-invoicing"), []map[string]string{page}, night, []string{"finance-ticket"}},
		"a degradation":                              {impaired("ticket", "degradation"), nil, night, []string{"finance-ticket"}},
		"a degradation of a team":                    {impaired("ticket", "degradation", "team", "erp-on-call"), nil, night, []string{"finance-ticket-erp-on-call"}},
		"a degradation that became worse":            {impaired("ticket", "degradation"), []map[string]string{page}, night, nil},
		"a degradation of another entity":            {impaired("ticket", "degradation", "entity", "acme-at"), []map[string]string{page}, night, []string{"finance-ticket"}},
		"information in working hours":               {impaired("info", "informational"), nil, quiet, []string{"finance-info"}},
		"information at night":                       {impaired("info", "informational"), nil, night, nil},
		"information on a holiday":                   {impaired("info", "informational"), nil, feast, nil},
		"information on a holiday elsewhere":         {impaired("info", "informational", "entity", "acme-at"), nil, feast, []string{"finance-info"}},
		"information after the calendar has ended":   {impaired("info", "informational"), nil, "2031-05-14T11:00:00Z", []string{"finance-info"}},
		"information about no entity":                {alert("FinanceSignalWarning", "info", "informational", "signal", "s"), nil, feast, []string{"finance-info"}},
		"a signal while somebody is paged":           {alert("FinanceSignalWarning", "info", "informational", "signal", "s"), []map[string]string{page}, quiet, nil},
		"a ticket on a signal while one is paged":    {alert("FinanceSignalCritical", "ticket", "degradation", "signal", "s"), []map[string]string{page}, quiet, []string{"finance-ticket"}},
		"a signal that is critical, too":             {alert("FinanceSignalWarning", "info", "informational", "signal", "s", "component", "db"), []map[string]string{alert("FinanceSignalCritical", "ticket", "degradation", "signal", "s", "component", "db")}, quiet, nil},
		"a signal where another is critical":         {alert("FinanceSignalWarning", "info", "informational", "signal", "s", "component", "db"), []map[string]string{alert("FinanceSignalCritical", "ticket", "degradation", "signal", "other", "component", "db")}, quiet, []string{"finance-info"}},
		"a burn of what the daemon tells of":         {alert("FinanceErrorBudgetBurnFast", "ticket", "degradation", "process", "payroll", "tenant", "acme"), []map[string]string{impaired("ticket", "degradation")}, quiet, nil},
		"a burn that pages by itself":                {alert("FinanceErrorBudgetBurnFast", "page", "degradation", "process", "payroll", "tenant", "acme"), []map[string]string{page}, quiet, []string{"finance-page"}},
		"objectives that are not measured":           {alert("FinanceObjectivesUnmeasured", "ticket", "degradation", "tenant", "acme"), []map[string]string{page}, night, []string{"finance-ticket"}},
		"the watchdog":                               {alert("ClosewatchWatchdog", "none", ""), nil, night, []string{"finance-watchdog"}},
		"somebody else's":                            {alert("DiskFull", "critical", ""), nil, night, []string{"finance-ticket"}},
		"business-critical information is no ticket": {impaired("info", "business-critical"), nil, night, []string{"finance-ticket"}},
	}
	c := generate(t, options(t))
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			at, err := time.Parse(time.RFC3339, tt.at)
			if err != nil {
				t.Fatal(err)
			}
			got := c.Told(tt.alert, append([]map[string]string{tt.alert}, tt.others...), at)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("told (-want +got):\n%s", diff)
			}
		})
	}
}

// A real Alertmanager takes the file, and says of alerts of every kind that fire
// together what we say: which receivers they go to, and whether another mutes them.
// Nothing business-critical is.
func TestRoutingAgreesWithAlertmanager(t *testing.T) {
	c := generate(t, options(t))
	l, err := lab.New(lab.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	nobody := routing.Book{} // nothing is sent anywhere
	am, err := l.Alertmanager(t.Context(), lab.AlertmanagerOptions{Config: string(c.File(nobody))})
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, 2))
	for round := range 4 {
		all := someAlerts(random, fmt.Sprint("round-", round), 60)
		send(t, am.URL, all)
		for _, labels := range all {
			if len(c.Told(labels, all, november)) == 0 && labels["tier"] == "business-critical" {
				t.Errorf("%v is business-critical and muted", labels)
			}
		}
		agree(t, am, func(a lab.Alert) string {
			switch ours := c.Reached(a.Labels); {
			case a.Labels["environment"] != all[0]["environment"]:
				return ""
			case !slices.Equal(ours, names(a)):
				return fmt.Sprintf("%v goes to %v, Alertmanager says %v", a.Labels, ours, names(a))
			case c.Muted(a.Labels, all) != (len(a.Status.InhibitedBy) > 0):
				return fmt.Sprintf("%v is muted: %t, Alertmanager says %v", a.Labels, c.Muted(a.Labels, all), a.Status.InhibitedBy)
			}
			return ""
		}, len(all)*(round+1))
	}
}

// someAlerts are different alerts of an environment of their own.
func someAlerts(random *rand.Rand, environment string, n int) []map[string]string {
	draw := func(values ...string) string { return values[random.IntN(len(values))] }
	var out []map[string]string
	seen := map[string]bool{}
	for len(out) < n {
		labels := map[string]string{
			"alertname": draw("FinanceProcessImpaired", "FinanceLedgerIntegrity", "FinanceErrorBudgetBurnFast", "FinanceSignalCritical",
				"FinanceSignalWarning", "FinanceSignalUnmeasured", "ClosewatchWatchdog", "Other"),
			"severity": draw("page", "ticket", "info", "none"), "tier": draw("business-critical", "degradation", "informational", ""),
			"process": draw("payroll", "reporting", ""), "entity": draw("acme-uk", "acme-at", ""), "tenant": draw("acme", ""),
			"environment": environment, "team": draw("finance-platform", "erp-on-call"),
			"signal": draw("lag", ""), "component": draw("db", ""), "window": draw("always", "close", ""),
		}
		for name, value := range labels {
			if value == "" {
				delete(labels, name)
			}
		}
		if !seen[key(labels)] {
			seen[key(labels)] = true
			out = append(out, labels)
		}
	}
	return out
}

func key(labels map[string]string) string { return fmt.Sprint(labels) } // maps print in order

func names(a lab.Alert) []string {
	var out []string
	for _, r := range a.Receivers {
		if !slices.Contains(out, r.Name) {
			out = append(out, r.Name)
		}
	}
	return out
}

func send(t *testing.T, address string, all []map[string]string) {
	t.Helper()
	type posted struct {
		Labels map[string]string `json:"labels"`
	}
	var list []posted
	for _, labels := range all {
		list = append(list, posted{labels})
	}
	body, err := json.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address+"/api/v2/alerts", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	http.DefaultClient.CloseIdleConnections()
	if answer.StatusCode != http.StatusOK {
		t.Fatalf("Alertmanager answers %s", answer.Status)
	}
}

// agree waits until Alertmanager has so many alerts and says of each what we do: it
// takes them up in its own time.
func agree(t *testing.T, am *lab.Alertmanager, differs func(lab.Alert) string, n int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	pause := time.NewTicker(50 * time.Millisecond)
	defer pause.Stop()
	said := ""
	for {
		all, err := am.Alerts(ctx)
		if err != nil {
			t.Fatalf("%s\n%v", said, err)
		}
		said = fmt.Sprintf("it has %d alerts of %d", len(all), n)
		if len(all) == n {
			said = ""
			for _, a := range all {
				if x := differs(a); x != "" {
					said += x + "\n"
				}
			}
		}
		if said == "" {
			return
		}
		<-pause.C
	}
}

// The intervals hold when Alertmanager's package says so.
func TestIntervalsAgreeWithAlertmanager(t *testing.T) {
	c := generate(t, options(t))
	var file struct {
		Intervals []struct {
			Name  string                      `yaml:"name"`
			Times []timeinterval.TimeInterval `yaml:"time_intervals"`
		} `yaml:"time_intervals"`
	}
	if err := yaml.Unmarshal(c.File(routing.Book{}), &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Intervals) != len(c.Intervals) || len(c.Intervals) != 4 {
		t.Fatalf("%d intervals, in the file %d", len(c.Intervals), len(file.Intervals))
	}
	rapid.Check(t, func(t *rapid.T) {
		at := time.Date(2026, 10, 20, 0, 0, 0, 0, time.UTC).Add(time.Duration(rapid.IntRange(0, 90*24*60).Draw(t, "minutes")) * time.Minute)
		if rapid.Bool().Draw(t, "late") {
			at = at.Add(time.Duration(rapid.IntRange(0, 2000).Draw(t, "days")) * 24 * time.Hour)
		}
		for i, theirs := range file.Intervals {
			want := slices.ContainsFunc(theirs.Times, func(x timeinterval.TimeInterval) bool { return x.ContainsTime(at) })
			if got := c.Intervals[i].Holds(at); got != want {
				t.Fatalf("%s at %v: %t, Alertmanager says %t", theirs.Name, at, got, want)
			}
		}
	})
}

// The intervals say what the calendar says, minute by minute.
func TestIntervalsAreTheCalendar(t *testing.T) {
	o := options(t)
	c := generate(t, o)
	tl := o.Calendars[0].Timeline
	for _, i := range c.Intervals {
		if i.Name != "closewatch-close-acme-uk" && i.Name != "closewatch-freeze-acme-uk" {
			continue
		}
		for at := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC); at.Before(c.Until); at = at.Add(7 * time.Minute) {
			place := tl.At(at)
			want := place.Freeze != ""
			if strings.Contains(i.Name, "-close-") {
				want = place.Phase == calendar.PreClose || place.Phase == calendar.Close
			}
			if i.Holds(at) != want {
				t.Fatalf("%s at %v: %t, the calendar says %v", i.Name, at, i.Holds(at), place)
			}
		}
	}
}

func TestGenerate(t *testing.T) {
	c := generate(t, options(t))
	golden(t, "alertmanager.yml", c.File(book(t)))
	golden(t, "fragment.yml", c.Fragment(book(t)))
	if diff := cmp.Diff(c.File(book(t)), generate(t, options(t)).File(book(t))); diff != "" {
		t.Errorf("twice is not the same:\n%s", diff)
	}
	if diff := cmp.Diff([]string{"finance-watchdog", "finance-close", "finance-info"}, book(t).Nobody(c)); diff != "" {
		t.Errorf("reach nobody (-want +got):\n%s", diff)
	}
	o := options(t)
	o.Horizon = 10 * 365 * 24 * time.Hour
	if _, err := routing.Generate(o); err == nil || !strings.Contains(err.Error(), "the calendar of acme-uk is laid out from") {
		t.Errorf("beyond what is compiled: %v", err)
	}
}

// Waits are as they are asked for, all scaled alike, and never none.
func TestPace(t *testing.T) {
	o := options(t)
	o.Pace = routing.Pace{Page: 30 * time.Second, Ticket: 2 * time.Minute, Info: 5 * time.Minute, Interval: 10 * time.Second, Scale: 0.01}
	o.Hours = routing.Hours{From: 0, To: 24 * 60}
	c := generate(t, o)
	all := c.Root.Routes[1].Routes
	page, info := all[1], all[3]
	for what, pair := range map[string][2]time.Duration{
		"a ticket":                 {c.Root.Wait, 1200 * time.Millisecond},
		"a page":                   {page.Wait, 300 * time.Millisecond},
		"information":              {info.Wait, 3 * time.Second},
		"what is new in a group":   {c.Root.Interval, time.Second},
		"a page that goes on":      {page.Repeat, 36 * time.Second},
		"the dead man's heartbeat": {c.Root.Routes[0].Repeat, 600 * time.Millisecond},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s waits %v, want %v", what, pair[0], pair[1])
		}
	}
	if page.Match[0].String() != `severity="page"` || info.Match[0].String() != `severity="info"` {
		t.Fatalf("the routes are %v and %v", page.Match, info.Match)
	}
	night := time.Date(2026, 11, 18, 23, 30, 0, 0, time.UTC)
	if got := c.Told(impaired("info", "informational"), nil, night); len(got) != 1 {
		t.Errorf("at night of working hours without an end, information is told to %v", got)
	}
	file := filepath.Join(t.TempDir(), "alertmanager.yml")
	if err := os.WriteFile(file, c.File(book(t)), 0o600); err != nil {
		t.Fatal(err)
	}
	amtool(t, "check-config", file)
}

// A fragment, put where its comments say, is a whole configuration that Alertmanager
// loads, and takes the same alerts.
func TestFragmentFitsIn(t *testing.T) {
	c := generate(t, options(t))
	whole := strings.Replace(string(c.Fragment(book(t))), "routes:\n", "route:\n  receiver: others\n  routes:\n", 1)
	whole = strings.Replace(whole, "receivers:\n", "receivers:\n  - name: others\n", 1)
	lines := strings.Split(whole, "\n")
	inRoutes := false
	for i, l := range lines { // what was a list at the left becomes one below the route
		switch {
		case l == "  routes:":
			inRoutes = true
		case l == "inhibit_rules:":
			inRoutes = false
		case inRoutes:
			lines[i] = "  " + l
		}
	}
	file := filepath.Join(t.TempDir(), "alertmanager.yml")
	if err := os.WriteFile(file, []byte(strings.Join(lines, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	amtool(t, "check-config", file)
	for want, labels := range map[string]string{"finance-page": "alertname=FinanceProcessImpaired severity=page", "others": "alertname=DiskFull severity=critical"} {
		args := append([]string{"config", "routes", "test", "--config.file=" + file}, strings.Fields(labels)...)
		if got := strings.TrimSpace(amtool(t, args...)); got != want {
			t.Errorf("%s goes to %s, want %s", labels, got, want)
		}
	}
}

// A real amtool takes the file, and sends alerts where we say.
func TestAmtool(t *testing.T) {
	c := generate(t, options(t))
	file := filepath.Join(t.TempDir(), "alertmanager.yml")
	if err := os.WriteFile(file, c.File(book(t)), 0o600); err != nil {
		t.Fatal(err)
	}
	amtool(t, "check-config", file)
	for _, labels := range []map[string]string{
		impaired("page", "business-critical"), impaired("page", "business-critical", "team", "erp-on-call"),
		impaired("ticket", "degradation"), impaired("info", "informational"), alert("ClosewatchWatchdog", "none", ""),
	} {
		args := []string{"config", "routes", "test", "--config.file=" + file}
		for k, v := range labels {
			if v != "" {
				args = append(args, k+"="+v)
			}
		}
		if got, want := strings.TrimSpace(amtool(t, args...)), strings.Join(c.Reached(labels), ","); got != want {
			t.Errorf("%v: amtool says %q, we say %q", labels, got, want)
		}
	}
}

func amtool(t *testing.T, args ...string) string {
	t.Helper()
	var said bytes.Buffer // warnings, too
	cmd := exec.CommandContext(t.Context(), "amtool", args...)
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		t.Errorf("amtool %s: %v (make setup installs it)\n%s%s", strings.Join(args, " "), err, out, said.String())
	}
	return string(out)
}

func TestReceiversByReference(t *testing.T) {
	tests := map[string]struct{ file, want string }{
		"a key":                   {"receivers: [{name: a, pagerduty_configs: [{routing_key: s3cret}]}]", "receivers[0].pagerduty_configs[0].routing_key: holds a secret; write it to a file that Alertmanager reads and name that under routing_key_file"},
		"a password deep down":    {"receivers: [{name: a, webhook_configs: [{url: http://x, http_config: {basic_auth: {username: u, password: s3cret}}}]}]", "basic_auth.password: holds a secret"},
		"an address with a token": {"receivers: [{name: a, slack_configs: [{api_url: https://hooks.example.com/s3cret}]}]", "api_url: holds a secret"},
		"a password in a URL":     {"receivers: [{name: a, webhook_configs: [{url: 'https://u:s3cret@example.com'}]}]", "url: holds a secret"},
		"no name":                 {"receivers: [{webhook_configs: []}]", "has no name; write one that the routes lead to, such as finance-page"},
		"a name twice":            {"receivers: [{name: a}, {name: a}]", "a is there twice"},
		"no receivers":            {"route: {}", "cannot be read as a list under receivers"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := routing.ReadBook("r.yml", []byte(tt.file))
			if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "s3cret") {
				t.Errorf("ReadBook = %v, want %q", err, tt.want)
			}
		})
	}
	if _, err := routing.ReadBook("r.yml", []byte("receivers: [{name: a, opsgenie_configs: [{api_key_file: /x, api_url: 'https://api.example.com/'}]}]")); err != nil {
		t.Errorf("an address that is no secret: %v", err)
	}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := os.MkdirAll("testdata", 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}
