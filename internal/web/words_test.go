package web

import (
	"testing"
	"time"

	"github.com/closewatch/closewatch/internal/wording"
)

func TestSpan(t *testing.T) {
	tests := map[time.Duration]string{
		0: "0 ms", 84 * time.Millisecond: "84 ms", 1240 * time.Millisecond: "1.2 s", 5 * time.Second: "5 s",
		40 * time.Second: "40 s", 90 * time.Second: "1 min 30 s", 12*time.Minute + 50*time.Second: "12 min",
		time.Hour: "1 h", 2*time.Hour + 55*time.Minute: "2 h 55 min", 47 * time.Hour: "47 h",
		76 * time.Hour: "3 d 4 h", -12 * time.Minute: "12 min",
	}
	for d, want := range tests {
		if got := span(d); got != want {
			t.Errorf("span(%v) = %q, want %q", d, got, want)
		}
	}
}

func TestHeadline(t *testing.T) {
	now := time.Date(2026, 12, 1, 14, 5, 0, 0, time.UTC)
	secs := func(d time.Duration) *Seconds { s := Seconds(d); return &s }
	working := func(title string) Process { return Process{Title: title, Tier: TierNone, DataAt: now} }
	at := func(title string, tier Tier) Process { return Process{Title: title, Tier: tier, DataAt: now} }
	tests := map[string]struct {
		o          Overview
		text, next string
		tone       string
	}{
		"before the first tick": {Overview{}, "Taking the first look: nothing has been judged yet", "Reload in a minute.", "unknown"},
		"nothing is watched":    {Overview{AsOf: now, Processes: []Process{{Title: "Payroll", Tier: TierUnknown}}}, "No finance process is watched", "1 more is not watched.", "unknown"},
		"all well": {
			Overview{AsOf: now, Processes: []Process{working("Reporting"), working("Payroll"), {Title: "Stock", Tier: TierUnknown}}},
			"All 2 watched finance processes are working", "1 more is not watched.", "ok",
		},
		"one well": {Overview{AsOf: now, Processes: []Process{working("Reporting")}}, "Reporting is working", "", "ok"},
		"one process in two entities counts once": {
			Overview{AsOf: now, Processes: []Process{at("Reporting", TierDegradation), at("Reporting", TierDegradation)}},
			"Reporting is degraded", "", "warning",
		},
		"the worst is named": {
			Overview{AsOf: now, Processes: []Process{at("A", TierDegradation), at("B", TierBusinessCritical), at("C", TierUnknown)}},
			"B is impaired: business-critical", "", "critical",
		},
		"out of sight is not well": {
			Overview{AsOf: now, Processes: []Process{working("A"), at("B", TierUnknown)}}, "B cannot be judged", "", "unknown",
		},
		"many are counted": {
			Overview{AsOf: now, Processes: []Process{at("A", TierDegradation), at("B", TierDegradation), at("C", TierDegradation), at("D", TierDegradation)}},
			"A, B and 2 more are degraded", "", "warning",
		},
		"the tightest deadline comes next": {
			Overview{AsOf: now, Processes: []Process{
				{Title: "A", Tier: TierNone, Deadline: &Deadline{Name: "VAT", Slack: secs(5 * time.Hour)}},
				{Title: "B", Tier: TierNone, Deadline: &Deadline{Name: "AP cut-off", Slack: secs(-12 * time.Minute)}},
				{Title: "C", Tier: TierNone, Deadline: &Deadline{Name: "not known"}},
			}},
			"All 3 watched finance processes are working", "Tightest deadline: AP cut-off, beyond reach by 12 min.", "ok",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			h := headlineOf(tt.o, now, time.Minute)
			if h.Text != tt.text || h.Next != tt.next || h.Status.Tone != tt.tone {
				t.Errorf("headline %q, %q, %s; want %q, %q, %s", h.Text, h.Next, h.Status.Tone, tt.text, tt.next, tt.tone)
			}
		})
	}
}

func TestStatusHeadline(t *testing.T) {
	now := time.Date(2026, 12, 1, 14, 5, 0, 0, time.UTC)
	line := func(process string, c wording.Condition) StatusLine {
		return StatusLine{Process: process, Condition: c}
	}
	tests := map[string]struct {
		asOf       time.Time
		lines      []StatusLine
		text, tone string
	}{
		"before the first tick":             {time.Time{}, nil, "Taking the first look: nothing has been judged yet", "unknown"},
		"what was true does not count":      {now.Add(-time.Hour), []StatusLine{line("A", wording.Working)}, "Unknown: the last verdict is 1 h old", "unknown"},
		"nothing is measured":               {now, nil, "Nothing is measured here", "unknown"},
		"one works":                         {now, []StatusLine{line("A", wording.Working)}, "A works", "ok"},
		"all work":                          {now, []StatusLine{line("A", wording.Working), line("B", wording.Working)}, "All 2 finance processes work", "ok"},
		"one cannot be told":                {now, []StatusLine{line("A", wording.Unknown), line("B", wording.Working)}, "Nobody can tell at present: A", "unknown"},
		"what is impaired comes first":      {now, []StatusLine{line("A", wording.Slow), line("B", wording.Unknown)}, "Not everything works: A", "warning"},
		"a pause is the worst":              {now, []StatusLine{line("A", wording.Paused), line("B", wording.Delayed)}, "Not everything works: A and B", "critical"},
		"one in two conditions counts once": {now, []StatusLine{line("A", wording.Paused), line("A", wording.Slow)}, "Not everything works: A", "critical"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			h := statusHeadline(Status{AsOf: tt.asOf, Lines: tt.lines}, now, time.Minute)
			if h.Text != tt.text || h.Status.Tone != tt.tone {
				t.Errorf("headline %q, %s; want %q, %s", h.Text, h.Status.Tone, tt.text, tt.tone)
			}
			for _, f := range append(wording.Jargon(h.Text+" "+h.Next), wording.PII(h.Text)...) {
				t.Errorf("%q: %s", h.Text, f.Why)
			}
		})
	}
}

// A condition that nobody knows is unknown, never well.
func TestConditionsHaveAWordAnIconAndATone(t *testing.T) {
	for c, tone := range map[wording.Condition]string{
		wording.Working: "ok", wording.Slow: "warning", wording.Unsteady: "warning", wording.Delayed: "warning",
		wording.Paused: "critical", wording.Unknown: "unknown", "": "unknown", "Astray": "unknown",
	} {
		if s := conditionStatus(c); s.Tone != tone || s.Word == "" || s.Icon == "" {
			t.Errorf("%q is shown as %+v, want tone %s", c, s, tone)
		}
	}
}
