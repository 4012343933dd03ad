package main

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/closewatch/closewatch/internal/lab"
)

// What people are told is said in a line for each alert: once what always fires, and
// what goes on as such.
func TestWhatPeopleAreTold(t *testing.T) {
	of := func(status, team, title string) lab.NotificationAlert {
		return lab.NotificationAlert{
			Status: status, Fingerprint: title, Labels: map[string]string{"alertname": "FinanceProcessImpaired", "team": team},
			Annotations: map[string]string{"title": title, "over": title + " is over"},
		}
	}
	beat := of("firing", "finance-platform", "watching")
	unnamed := lab.NotificationAlert{Status: "resolved", Fingerprint: "x", Labels: map[string]string{"alertname": "DiskFull"}}
	heard, got := newListener(), ""
	for i, n := range []lab.Notification{
		{Receiver: "finance-watchdog", Alerts: []lab.NotificationAlert{beat}},
		{Receiver: "finance-page-erp-on-call", Alerts: []lab.NotificationAlert{of("firing", "erp-on-call", "posting stops")}},
		{Receiver: "finance-watchdog", Alerts: []lab.NotificationAlert{beat}},
		{Receiver: "finance-ticket", Alerts: []lab.NotificationAlert{of("firing", "finance-platform", "posting stops"), of("firing", "finance-platform", "reports are late")}},
		{Receiver: "finance-page-erp-on-call", Alerts: []lab.NotificationAlert{of("firing", "erp-on-call", "posting stops")}},
		{Receiver: "finance-info", Alerts: []lab.NotificationAlert{of("firing", "finance-platform", "a standby is behind")}},
		{Receiver: "finance-page-erp-on-call", Alerts: []lab.NotificationAlert{of("resolved", "erp-on-call", "posting stops")}},
		{Receiver: "finance-page-erp-on-call", Alerts: []lab.NotificationAlert{of("firing", "erp-on-call", "posting stops")}},
		{Receiver: "finance-close", Alerts: []lab.NotificationAlert{unnamed}},
	} {
		n.Arrived = time.Date(2026, 11, 27, 16, 30, i, 0, time.UTC)
		got += heard.lines(n)
	}
	const want = `16:30:00  watchdog     finance-platform  heard         watching
16:30:01  page         erp-on-call       firing        posting stops
16:30:03  ticket       finance-platform  firing        posting stops
16:30:03  ticket       finance-platform  firing        reports are late
16:30:04  page         erp-on-call       still firing  posting stops
16:30:05  information  finance-platform  firing        a standby is behind
16:30:06  page         erp-on-call       resolved      posting stops is over
16:30:07  page         erp-on-call       firing        posting stops
16:30:08  close desk                     resolved      Over: DiskFull
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
}

func TestLinesDoNotMix(t *testing.T) {
	var out bytes.Buffer
	l := &wholeLines{to: &out}
	var writers sync.WaitGroup
	for i := range 8 {
		writers.Go(func() {
			for range 50 {
				fmt.Fprintln(l, strings.Repeat(strconv.Itoa(i), 20))
			}
		})
	}
	writers.Wait()
	_, _ = io.WriteString(l, "half ")
	if strings.Contains(out.String(), "half") {
		t.Error("half a line is written")
	}
	_, _ = io.WriteString(l, "and half\nrest")
	all := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	if len(all) != 401 || all[400] != "half and half" {
		t.Fatalf("%d lines, the last %q", len(all), all[len(all)-1])
	}
	for _, line := range all[:400] {
		if line != strings.Repeat(line[:1], 20) {
			t.Fatalf("a line is mixed: %q", line)
		}
	}
}
