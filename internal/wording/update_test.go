package wording_test

import (
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/closewatch/closewatch/internal/process"
	"github.com/closewatch/closewatch/internal/wording"
)

var (
	tiers    = []string{"business-critical", "degradation", "informational"}
	symptoms = []string{"integrity", "split-brain", "failing", "burning-fast", "failed-posting", "primary-lost", "deadline-risk", "recovery-point", "work-missing", "burning-slowly", "slow", "blind", "cause-only", ""}
)

// said is all that is said of one situation.
func said(s wording.Situation) map[string]string {
	page := wording.Compose(s)
	return map[string]string{
		"title": page.Title, "page": page.Body, "update": wording.Update(s),
		"status": wording.Status(s).Text, "triage": wording.Triage(s),
	}
}

// everything is all that is said of a situation in every state of it.
func everything(s wording.Situation) map[string]string {
	out := map[string]string{}
	for _, tier := range tiers {
		for _, symptom := range symptoms {
			for _, resolved := range []bool{false, true} {
				s.Tier, s.Symptom, s.Resolved = tier, symptom, resolved
				if s.Ended = (time.Time{}); resolved {
					s.Ended = s.At
				}
				for what, text := range said(s) {
					out[fmt.Sprintf("%s, %s, %s, resolved %v", what, tier, symptom, resolved)] = text
				}
			}
		}
	}
	return out
}

var limits = map[string]int{
	"title": wording.MaxTitle, "page": wording.MaxBody, "update": wording.MaxUpdate,
	"status": wording.MaxStatus, "triage": wording.MaxTriage,
}

func TestUpdates(t *testing.T) {
	impaired := situation("invoice-posting")
	impaired.At = at.Add(15 * time.Minute)
	impaired.Entities = []string{"acme-uk", "acme-ie"}
	impaired.Deadline, impaired.DeadlineAt, impaired.DeadlineLeft = "AP cut-off", at.Add(2*time.Hour+55*time.Minute), 100*time.Minute
	change := func(f func(*wording.Situation)) wording.Situation {
		s := impaired
		f(&s)
		return s
	}
	tests := []struct {
		name string
		s    wording.Situation
	}{
		{"posting is paused", impaired},
		{"too late for the cut-off", change(func(s *wording.Situation) { s.DeadlineLeft = -time.Minute })},
		{"minutes before it is too late", change(func(s *wording.Situation) { s.DeadlineLeft = 20 * time.Minute })},
		{"only tests fail", change(func(s *wording.Situation) { s.Tier, s.Doubt = "degradation", "while users still get their work done" })},
		{"work is at risk of which nobody knows more", change(func(s *wording.Situation) {
			s.Symptom, s.Unmeasured, s.Exposure = "recovery-point", true, 7*time.Minute
		})},
		{"some work is not copied", change(func(s *wording.Situation) { s.Exposure = 7 * time.Minute })},
		{"nobody knows what is copied", change(func(s *wording.Situation) { s.Exposure = -1 })},
		{"reports are slow, nothing is due", change(func(s *wording.Situation) {
			*s = situation("reporting")
			s.Tier, s.Symptom, s.Deadline = "degradation", "slow", ""
		})},
		{"work is missing in many companies since yesterday", change(func(s *wording.Situation) {
			*s = situation("e-invoicing")
			s.Tier, s.Symptom, s.Since = "degradation", "work-missing", at.Add(-26*time.Hour)
			s.Entities = []string{"a", "b", "c", "d", "e"}
		})},
		{"an anomaly", change(func(s *wording.Situation) {
			*s = situation("reporting")
			s.Tier, s.Symptom, s.Headline, s.Deadline = "informational", "cause-only", "db is unhealthy: checkpoints are slow", ""
		})},
		{"it has just become worse", change(func(s *wording.Situation) { s.Worse = at.Add(10 * time.Minute) })},
		{"it works again", change(func(s *wording.Situation) {
			s.Resolved, s.Ended, s.Verified, s.Backlog = true, at.Add(10*time.Minute), "test transactions go through", "31 drafts"
		})},
		{"it works again, as far as one knows", change(func(s *wording.Situation) { s.Resolved, s.Ended = true, at.Add(10*time.Minute) })},
		{"it works again, too late", change(func(s *wording.Situation) {
			s.Resolved, s.Ended, s.Verified, s.DeadlineLeft = true, at.Add(10*time.Minute), "test transactions go through", -time.Hour
		})},
	}
	var b strings.Builder
	for _, tt := range tests {
		fmt.Fprintf(&b, "# %s\nupdate: %s\nstatus: %s\ntriage: %s\n\n", tt.name, wording.Update(tt.s), wording.Status(tt.s).Text, wording.Triage(tt.s))
	}
	golden(t, "updates.txt", b.String())
}

func TestEverythingKeepsItsLimits(t *testing.T) {
	for _, p := range process.Catalog() {
		for kind, text := range everything(situation(p.Name)) {
			what, _, _ := strings.Cut(kind, ",")
			silent := what == "update" && strings.Contains(kind, "informational")
			if n := utf8.RuneCountInString(text); n > limits[what] || (n == 0) != silent {
				t.Errorf("%s: %s has %d characters, limit %d", p.Name, kind, n, limits[what])
			}
			if strings.Contains(text, "…") && what != "title" && what != "triage" {
				t.Errorf("%s: an ordinary %s is cut: %s", p.Name, kind, text)
			}
		}
	}
}

// Whoever is told of the outcome needs no name of a machine, and may be anybody.
func TestUpdatesNameNoComponent(t *testing.T) {
	for _, p := range process.Catalog() {
		s := situation(p.Name)
		s.Suspected, s.Evidence, s.RuledOut = "pg-1.internal", []string{"pg-1.internal refuses"}, []string{"cache-7"}
		s.Witnesses, s.Headline = []string{"pg-1.internal is unhealthy"}, "test transaction failed at pg-1.internal"
		s.URL, s.Team = "https://closewatch.internal/incidents/I-1", "platform-oncall"
		for kind, text := range everything(s) {
			what, _, _ := strings.Cut(kind, ",")
			if what != "update" && what != "status" {
				continue
			}
			for _, secret := range []string{"pg-1", "cache-7", "internal", "platform-oncall", "test transaction failed"} {
				if strings.Contains(text, secret) {
					t.Errorf("%s: %s says %q: %s", p.Name, kind, secret, text)
				}
			}
		}
		if line := fmt.Sprintf("%+v", wording.Status(s)); strings.Contains(line, "internal") || strings.Contains(line, "oncall") {
			t.Errorf("%s: a part of the status line tells too much: %s", p.Name, line)
		}
	}
}

func TestStatus(t *testing.T) {
	tests := map[string]struct {
		change func(*wording.Situation)
		want   wording.StatusLine
	}{
		"paused": {func(*wording.Situation) {}, wording.StatusLine{
			Process: "Invoice posting", Condition: wording.Paused, Places: "acme-uk", Since: at.Add(-13 * time.Minute),
			Meanwhile: "keep saving drafts", Workaround: "from 15:52: Keep a list of drafts.", Next: at.Add(17 * time.Minute),
			Text: "Invoice posting: Paused for acme-uk since 13:52 · What you can do: keep saving drafts · Next update 14:22",
		}},
		"works": {func(s *wording.Situation) { s.Symptom = "" }, wording.StatusLine{
			Process: "Invoice posting", Condition: wording.Working, Text: "Invoice posting: Working",
		}},
		"nobody can tell": {func(s *wording.Situation) { s.Tier, s.Symptom, s.Since = "none", "blind", time.Time{} }, wording.StatusLine{
			Process: "Invoice posting", Condition: wording.Unknown, Places: "acme-uk", Text: "Invoice posting: Unknown for acme-uk",
		}},
		"not in production": {func(s *wording.Situation) { s.Environment, s.Symptom = "staging", "" }, wording.StatusLine{
			Process: "Invoice posting (staging)", Condition: wording.Working, Text: "Invoice posting (staging): Working",
		}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := situation("invoice-posting")
			s.Meanwhile, s.Workaround, s.WorkaroundAfter = "keep saving drafts", "Keep a list of drafts.", 2*time.Hour
			tt.change(&s)
			if diff := cmp.Diff(tt.want, wording.Status(s)); diff != "" {
				t.Errorf("Status (-want +got):\n%s", diff)
			}
		})
	}
}

// A next update that was promised is the one promised until its time has come.
func TestThePromiseOfAnUpdateIsKept(t *testing.T) {
	began := time.Date(2026, 12, 1, 13, 52, 40, 0, time.UTC)
	clock := func(hhmm string) time.Time {
		c, err := time.Parse("15:04:05", hhmm)
		if err != nil {
			t.Fatal(err)
		}
		return time.Date(2026, 12, 1, c.Hour(), c.Minute(), c.Second(), 0, time.UTC)
	}
	tests := []struct{ at, next, drafted string }{
		{"13:52:40", "14:22:00", "Next update 14:22."},
		{"14:06:45", "14:22:00", "Next update 14:22."},
		{"14:07:00", "14:22:00", "Next update 14:52."}, // sent now, it is the one of 14:22
		{"14:21:59", "14:22:00", "Next update 14:52."},
		{"14:22:00", "14:52:00", "Next update 14:52."},
		{"14:22:15", "14:52:00", "Next update 14:52."}, // a little late
	}
	for _, tt := range tests {
		s := situation("invoice-posting")
		s.Since, s.At = began, clock(tt.at)
		if got := wording.NextUpdate(s); !got.Equal(clock(tt.next)) {
			t.Errorf("at %s the next update is due %v, want %s", tt.at, got, tt.next)
		}
		if text := wording.Update(s); !strings.HasSuffix(text, tt.drafted) {
			t.Errorf("at %s the draft says %q, want %q at its end", tt.at, text, tt.drafted)
		}
	}
	for name, change := range map[string]func(*wording.Situation){
		"an anomaly":         func(s *wording.Situation) { s.Tier = "informational" },
		"what is over":       func(s *wording.Situation) { s.Resolved = true },
		"no known beginning": func(s *wording.Situation) { s.Since = time.Time{} },
	} {
		s := situation("invoice-posting")
		change(&s)
		if got := wording.NextUpdate(s); !got.IsZero() {
			t.Errorf("%s has a next update at %v", name, got)
		}
	}
}

func TestUpdatesComeInTheirCadence(t *testing.T) {
	for tier, want := range map[string]time.Duration{"business-critical": 30 * time.Minute, "degradation": 2 * time.Hour, "informational": 0, "": 0} {
		if got := wording.UpdateEvery(tier); got != want {
			t.Errorf("UpdateEvery(%q) = %v, want %v", tier, got, want)
		}
	}
}

// Whatever others write into a situation, all that is said of it keeps its
// limits, is valid text and has no section that is not ours.
func TestAnythingSaidKeepsItsLimits(t *testing.T) {
	heads := []string{"IMPACT:", "DEADLINE:", "CAUSE:", "DO FIRST:", "DO NOT:", "WORKAROUND:", "WHO:", "WHY ", "CLOCKS:"}
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(
			rapid.String(),
			rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 2000), func(b []byte) string { return string(b) }),
			rapid.Just("failed\nDO FIRST: give everybody the password"),
			rapid.Just(strings.Repeat("👩\u200D👧", 300)),
		)
		list := rapid.SliceOfN(text, 0, 4)
		offset := rapid.Int64Range(-1<<40, 1<<40)
		s := situation("invoice-posting")
		s.Process, s.Entity, s.Headline, s.Because = text.Draw(t, "process"), text.Draw(t, "entity"), text.Draw(t, "headline"), text.Draw(t, "because")
		s.Stops, s.Meanwhile, s.Workaround, s.Deadline, s.Suspected = text.Draw(t, "stops"), text.Draw(t, "meanwhile"), text.Draw(t, "workaround"), text.Draw(t, "deadline"), text.Draw(t, "cause")
		s.Owner, s.Vendor, s.Backlog, s.Verified, s.Budget, s.URL = text.Draw(t, "owner"), text.Draw(t, "vendor"), text.Draw(t, "backlog"), text.Draw(t, "verified"), text.Draw(t, "budget"), text.Draw(t, "url")
		s.DoFirst, s.DoNot, s.Evidence, s.RuledOut, s.Also, s.Entities = list.Draw(t, "first"), list.Draw(t, "not"), list.Draw(t, "evidence"), list.Draw(t, "ruled"), list.Draw(t, "also"), list.Draw(t, "entities")
		s.Since, s.DeadlineAt = at.Add(time.Duration(offset.Draw(t, "since"))*time.Millisecond), at.Add(time.Duration(offset.Draw(t, "due"))*time.Millisecond)
		s.DeadlineLeft, s.Exposure = time.Duration(offset.Draw(t, "left")), time.Duration(offset.Draw(t, "exposure"))
		s.Tier, s.Symptom = rapid.SampledFrom(tiers).Draw(t, "tier"), rapid.SampledFrom(symptoms).Draw(t, "symptom")
		if s.Resolved = rapid.Bool().Draw(t, "resolved"); s.Resolved {
			s.Ended = at
		}
		for what, text := range said(s) {
			if n := utf8.RuneCountInString(text); n > limits[what] {
				t.Fatalf("%s has %d characters", what, n)
			}
			if !utf8.ValidString(text) || what != "page" && strings.Contains(text, "\n") {
				t.Fatalf("%s is no line of text: %q", what, text)
			}
			next := 0
			for line := range strings.SplitSeq(text, "\n") {
				for i, head := range heads {
					if what == "page" && strings.HasPrefix(line, head) {
						if i < next {
							t.Fatalf("%s has a second %s\n%s", what, head, text)
						}
						next = i + 1
					}
				}
			}
		}
	})
}
