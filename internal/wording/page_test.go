package wording_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/closewatch/closewatch/internal/process"
	"github.com/closewatch/closewatch/internal/wording"
)

var at = time.Date(2026, 12, 1, 14, 5, 0, 0, time.UTC)

func situation(name string) wording.Situation {
	for _, p := range process.Catalog() {
		if p.Name == name {
			return wording.Situation{
				Tier: "business-critical", Process: p.Title, Entity: "acme-uk", Environment: "production",
				Symptom: "failing", Headline: "test transaction " + name + " failed twice in a row at step post (rejected)",
				Because: "the outcome fails, confirmed by a second witness",
				Since:   at.Add(-13 * time.Minute), At: at,
				Stops: p.Stops, Meanwhile: p.Meanwhile, Workaround: p.Workaround, WorkaroundAfter: p.WorkaroundAfter,
				DoFirst: p.DoFirst, DoNot: p.DoNot, Team: p.Team, Owner: p.Owner, Vendor: p.Vendor, Refetch: p.Refetch,
				Deadline: "AP cut-off", DeadlineAt: at.Add(2*time.Hour + 55*time.Minute), DeadlineLeft: 2*time.Hour + 15*time.Minute,
				Suspected: "db does not answer", Confidence: "high", Evidence: []string{"PostgreSQL db does not answer", "it began 20s earlier"}, RuledOut: []string{"ingress (answers)", "cache (answers, takes writes)"}, Unseen: []string{"bank", "tax"},
				Also: []string{"Bank reconciliation", "Financial reporting"}, ServiceTier: "A", Phase: "close of 2026-11",
				Witnesses: []string{"2 failing runs of " + name + " in a row", "db is unhealthy"},
				RTO:       p.RecoveryIn(true).RTO, RPO: p.RecoveryIn(true).RPO, Exposure: 3 * time.Second, Budget: "62% left",
				Incident: "I-0123abcd", URL: "http://127.0.0.1:9977/incidents/I-0123abcd",
			}
		}
	}
	panic("no process " + name)
}

func TestCompose(t *testing.T) {
	degraded := situation("e-invoicing")
	degraded.Tier, degraded.Symptom, degraded.Suspected, degraded.Witnesses, degraded.Also = "degradation", "work-missing", "", nil, nil
	degraded.Headline = "expected work missing: e-invoices waiting to be sent (31 jobs pending, none taken for 3m)"
	degraded.Because = "expected work is missing; there is still time"
	noted := situation("reporting")
	noted.Tier, noted.Symptom, noted.Headline = "informational", "cause-only", "db is unhealthy: checkpoints are slow"
	noted.Because, noted.Deadline = "a component it depends on is unhealthy, the outcome is not affected", ""
	longGone := situation("payment-registration") // the workaround is due, and finance has the money's records
	longGone.Since = at.Add(-2 * time.Hour)
	entries := 42.0
	longGone.Exposure, longGone.Postings = 2*time.Minute, &entries
	tests := map[string]wording.Situation{
		"business_critical": situation("invoice-posting"),
		"long_gone":         longGone,
		"degradation":       degraded,
		"informational":     noted,
	}
	for name, s := range tests {
		t.Run(name, func(t *testing.T) {
			p := wording.Compose(s)
			golden(t, name+".txt", p.Title+"\n\n"+p.Body+"\n")
		})
	}
}

// golden compares with a file below testdata; UPDATE_GOLDEN=1 writes it anew.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("differs from %s (-want +got):\n%s", file, diff)
	}
}

func TestAPageOfWhatWorksAgainSaysWhyItLasts(t *testing.T) {
	for name, tt := range map[string]struct {
		also  []string
		title string
		want  []string
		not   string
	}{
		"others of the incident fail": {
			[]string{"Payroll", "Reporting"},
			"[BIZ] acme-uk: Invoice posting works again, Payroll not yet",
			[]string{"Invoice posting works again since 14:04:00 UTC. Still impaired: Payroll, Reporting. It was: "},
			"Also impaired",
		},
		"it has to settle": {
			nil, "[BIZ] acme-uk: Invoice posting works again, watched for a while",
			[]string{"Invoice posting works again since 14:04:00 UTC. It was: "},
			"Still impaired",
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := situation("invoice-posting")
			s.Deadline, s.Also, s.Works = "", tt.also, at.Add(-time.Minute)
			page := wording.Compose(s)
			if page.Title != tt.title {
				t.Errorf("title is %q, want %q", page.Title, tt.title)
			}
			for _, want := range tt.want {
				if !strings.Contains(page.Parts["impact"], want) {
					t.Errorf("impact is %q, want it to say %q", page.Parts["impact"], want)
				}
			}
			if strings.Contains(page.Body, tt.not) {
				t.Errorf("the page says %q:\n%s", tt.not, page.Body)
			}
			if update := wording.Update(s); !strings.Contains(update, "works again for acme-uk") || strings.Contains(update, "Please") {
				t.Errorf("the update is %q", update)
			}
		})
	}
}

func TestEveryPageKeepsItsLimits(t *testing.T) {
	for _, p := range process.Catalog() {
		s := situation(p.Name)
		s.Entity = "a-rather-long-entity-name-of-some-holding"
		s.Evidence = []string{strings.Repeat("a component said a great deal about itself ", 20)}
		page := wording.Compose(s)
		if n := utf8.RuneCountInString(page.Title); n > wording.MaxTitle {
			t.Errorf("%s: title has %d characters, limit %d", p.Name, n, wording.MaxTitle)
		}
		if n := utf8.RuneCountInString(page.Body); n > wording.MaxBody {
			t.Errorf("%s: body has %d characters, limit %d", p.Name, n, wording.MaxBody)
		}
	}
}

func TestOrdinaryPagesFitWithoutLosingASection(t *testing.T) {
	for _, p := range process.Catalog() {
		page := wording.Compose(situation(p.Name))
		for _, part := range []string{"impact", "deadline", "cause", "do_first", "do_not", "workaround", "who", "why", "clocks"} {
			if page.Parts[part] == "" {
				t.Errorf("%s: the page has no %s", p.Name, part)
			}
		}
		if strings.Contains(page.Body, "…") {
			t.Errorf("%s: an ordinary page is cut:\n%s", p.Name, page.Body)
		}
	}
}

func TestAPageSaysWhatIsAround(t *testing.T) {
	tests := map[string]struct {
		change func(*wording.Situation)
		part   string
		want   string
	}{
		"some of the entities":    {func(s *wording.Situation) { s.Entities, s.Of = []string{"acme-uk", "acme-ie"}, 5 }, "impact", " for acme-uk and acme-ie (2 of 5 entities)."},
		"one of them":             {func(s *wording.Situation) { s.Of = 5 }, "impact", " for 1 of 5 entities."},
		"the only one":            {func(s *wording.Situation) { s.Of = 1 }, "impact", "Since 13:52:00 UTC."},
		"many":                    {func(s *wording.Situation) { s.Entities, s.Of = []string{"a", "b", "c", "d"}, 7 }, "impact", " for 4 of 7 entities."},
		"it becomes worse":        {func(s *wording.Situation) { s.Becomes = at.Add(26 * time.Hour) }, "deadline", " It becomes business-critical Wed 16:05 if it lasts."},
		"an order of recovery":    {func(s *wording.Situation) { s.Order = []string{"db", "Payroll of acme-uk"} }, "do_first", " Recover in this order: db, Payroll of acme-uk."},
		"what was changed before": {func(s *wording.Situation) { s.Changes = []string{"13:40 erp: deployed", "09:12 db: setting"} }, "changes", "13:40 erp: deployed; 09:12 db: setting."},
		"nothing was changed":     {func(*wording.Situation) {}, "changes", "nothing known in the 24h before."},
		"when others hear more":   {func(*wording.Situation) {}, "who", " Stakeholders: next update 14:22, draft ready."},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := situation("invoice-posting")
			s.DoNot, s.RuledOut, s.Unseen, s.Also, s.Witnesses = nil, nil, nil, nil, nil // room for all
			tt.change(&s)
			if got := wording.Compose(s).Parts[tt.part]; !strings.HasSuffix(got, tt.want) {
				t.Errorf("%s is %q, want %q at its end", tt.part, got, tt.want)
			}
		})
	}
}

// Whatever is written into a page, no section of it is lost: what goes first is
// what a reader can do without.
func TestNoSectionIsEverPushedOut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		long := rapid.StringMatching(`[a-z]{1,12}( [a-z]{1,12}){5,80}`)
		list := rapid.SliceOfN(long, 1, 5)
		s := situation(rapid.SampledFrom(process.Catalog()).Draw(t, "process").Name)
		s.Headline, s.Because, s.Stops, s.Workaround, s.Suspected = long.Draw(t, "headline"), long.Draw(t, "because"), long.Draw(t, "stops"), long.Draw(t, "workaround"), long.Draw(t, "suspected")
		s.Owner, s.Vendor, s.Deadline, s.Budget, s.Phase = long.Draw(t, "owner"), long.Draw(t, "vendor"), long.Draw(t, "deadline"), long.Draw(t, "budget"), long.Draw(t, "phase")
		s.DoFirst, s.DoNot, s.Evidence, s.RuledOut = list.Draw(t, "first"), list.Draw(t, "not"), list.Draw(t, "evidence"), list.Draw(t, "ruled out")
		s.Changes, s.Order, s.Also, s.Witnesses = list.Draw(t, "changes"), list.Draw(t, "order"), list.Draw(t, "also"), list.Draw(t, "witnesses")
		body := wording.Compose(s).Body
		for _, head := range []string{"IMPACT: ", "\nDEADLINE: ", "\nCAUSE: ", "\nDO FIRST: ", "\nDO NOT: ", "\nWORKAROUND: ", "\nWHO: ", "\nWHY BIZ: ", "\nCLOCKS: ", "\n" + s.Incident + " " + s.URL} {
			if !strings.Contains(body, head) {
				t.Fatalf("the page has no %q:\n%s", head, body)
			}
		}
	})
}

func TestNotesOfADigest(t *testing.T) {
	noted := situation("reporting")
	noted.Tier, noted.Symptom, noted.Headline, noted.Deadline = "informational", "cause-only", "db is unhealthy: checkpoints are slow", ""
	over := noted
	over.Resolved, over.Ended = true, at
	settles := noted
	settles.Works, settles.Also = at, nil
	higher := noted
	higher.Told = "degradation"
	for want, s := range map[string]wording.Situation{
		"[INFO] acme-uk: Financial reporting works, a part is unhealthy, since 13:52. Db is unhealthy: checkpoints are slow. Nothing to do at once: look at it in working hours.": noted,
		"[INFO] acme-uk: Financial reporting works again since 14:05.":                                                                          over,
		"[INFO] acme-uk: Financial reporting works again, watched for a while. It was: Db is unhealthy: checkpoints are slow.":                  settles,
		"[INFO] acme-uk: Financial reporting works, a part is unhealthy, since 13:52. It is degradation by now: another alert says what to do.": higher,
	} {
		if got := wording.Note(s); got != want {
			t.Errorf("Note = %q, want %q", got, want)
		}
	}
}

// Who is paged for what works again by now has nothing to restore, and is not told how
// to do without.
func TestPageOfWhatWorksAgain(t *testing.T) {
	s := situation("invoice-posting")
	s.Works, s.Also = s.At.Add(-2*time.Minute), nil
	body := wording.Compose(s).Body
	for _, want := range []string{"works again since 14:03:00", "DO FIRST: nothing has to be restored", "DO NOT: Do not", "CLOCKS: was down 11m of RTO"} {
		if !strings.Contains(body, want) {
			t.Errorf("the page does not say %q:\n%s", want, body)
		}
	}
	for _, wrong := range []string{"WORKAROUND", "WHY BIZ", "CHANGED", "none within a day"} {
		if strings.Contains(body, wrong) {
			t.Errorf("the page says %q:\n%s", wrong, body)
		}
	}
	s.Also = []string{"Payroll"}
	if body := wording.Compose(s).Body; !strings.Contains(body, "WORKAROUND") || strings.Contains(body, "nothing has to be restored") {
		t.Errorf("what goes on is not to be restored:\n%s", body)
	}
}

// A recovery point is missed while people work on: the page says what would be lost,
// and its end is not that work goes on again.
func TestPageOfARecoveryPoint(t *testing.T) {
	s := situation("invoice-posting")
	s.Symptom, s.Headline, s.Also = "recovery-point", "97s of committed work is not on any standby of db (objective 60s)", nil
	if body := wording.Compose(s).Body; !strings.Contains(body, "IMPACT: Work goes on, but what was entered last is on one server only") || !strings.Contains(body, "CLOCKS: impaired 13m of RTO") {
		t.Errorf("the page does not say what would be lost:\n%s", body)
	}
	s.Works = s.At.Add(-time.Minute)
	for got, want := range map[string]string{
		wording.Title(s): "recent work is safe again, watched for a while",
		wording.Title(in(s, "a-company-of-24-letters.")): "[BIZ] a-company-of-24-letters.: Invoice posting: recent work is safe again",
		wording.Over(s):   "[BIZ over] acme-uk: Invoice posting: recent work is safe again",
		wording.Update(s): "Invoice posting works for acme-uk; the latest entries are protected again by a second copy since 14:04. Entered data is safe. AP cut-off (17:00) can be met.",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("said %q, want %q", got, want)
		}
	}
	about, same := wording.AboutSymptom("recovery-point")
	if !same || !about.Cause || about.Workaround == "" {
		t.Errorf("what is to be done is that of a process: %+v", about)
	}
}

// in is a situation in another entity.
func in(s wording.Situation, entity string) wording.Situation {
	s.Entity = entity
	return s
}

// What is told of as more by now says so, and not that there is nothing to do.
func TestPageOfALowerAlert(t *testing.T) {
	s := situation("reporting")
	s.Tier, s.Told = "informational", "business-critical"
	if body := wording.Compose(s).Body; !strings.Contains(body, "WHY INFO: it was that at first. It is business-critical by now: another alert says what to do.") {
		t.Errorf("the page does not lead to the other:\n%s", body)
	}
}

// What must not be repeated is said wherever its cause is in play, once.
func TestDuplicateRisksOfACause(t *testing.T) {
	own := []string{"Do not whistle.", "Do not sing."}
	tests := map[string]struct {
		kind, family string
		lines        []string
		want         int    // lines
		second       string // begins so
	}{
		"a deaf job runner":         {"odoo", "job-runner", own, 3, "Do not requeue"},
		"an ingress":                {"traefik", "routing", own, 3, "Do not repeat a payment file"},
		"a late standby":            {"postgres", "replication", own, 2, "Do not sing"},
		"nothing known":             {"", "", own, 2, "Do not sing"},
		"the process says it":       {"odoo", "job-runner", []string{"a", "Do not requeue jobs."}, 2, "Do not requeue jobs."},
		"a process that says none":  {"endpoint", "service", nil, 1, ""},
		"one of another sort alike": {"odoo", "workers", own, 3, "Do not repeat a payment file"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := wording.NotFor(tt.lines, tt.kind, tt.family)
			if len(got) != tt.want || tt.second != "" && !strings.HasPrefix(got[1], tt.second) {
				t.Errorf("NotFor = %q", got)
			}
		})
	}
}

func TestWhatIsOverIsNotSaidToWorkUnlessItDoes(t *testing.T) {
	s := situation("invoice-posting")
	if got := wording.Over(s); got != "[BIZ over] acme-uk: Invoice posting" {
		t.Errorf("Over = %q", got)
	}
	s.Works = at
	if got := wording.Over(s); got != "[BIZ over] acme-uk: Invoice posting works again" {
		t.Errorf("Over = %q", got)
	}
}

// What was changed just before is told where room is short: it is the first thing
// that whoever is on call asks.
func TestAChangeIsKeptWhereRoomIsShort(t *testing.T) {
	s := situation("invoice-posting")
	s.Changes = []string{"13:51 erp: deployed account_custom 18.0.2.1", "09:12 db: setting work_mem is now 64 MiB"}
	body := wording.Compose(s).Body
	if !strings.Contains(body, "CHANGED: 13:51 erp: deployed account_custom 18.0.2.1") || strings.Contains(body, "work_mem") {
		t.Errorf("the page says of changes:\n%s", body)
	}
}
