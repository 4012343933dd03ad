package incident_test

import (
	"testing"
	"time"

	"github.com/closewatch/closewatch/internal/incident"
	"github.com/closewatch/closewatch/internal/tiering"
)

func TestTheFirstAcknowledgementStays(t *testing.T) {
	m := incident.NewManager(incident.Settings{})
	m.Step(start, []tiering.Impact{impact("invoice-posting", crit, "")})
	id := m.Open()[0].ID
	first := start.Add(2 * time.Minute)
	lines := len(m.Open()[0].Timeline)
	for _, ack := range []struct {
		at time.Time
		by string
	}{{first, "on-call"}, {first, "on-call"}, {first.Add(time.Minute), "controller"}} {
		if !m.Acknowledge(ack.at, id, ack.by) {
			t.Fatalf("an open incident cannot be acknowledged by %s", ack.by)
		}
	}
	inc := m.Open()[0]
	if !inc.Acknowledged.Equal(first) || inc.AcknowledgedBy != "on-call" {
		t.Errorf("acknowledged %v by %q, want %v by on-call", inc.Acknowledged, inc.AcknowledgedBy, first)
	}
	if n := len(inc.Timeline) - lines; n != 2 {
		t.Errorf("%d lines for two acknowledgements, one of them told twice", n)
	}
	if last := inc.Timeline[len(inc.Timeline)-1]; last.Text != "acknowledged by controller" {
		t.Errorf("the timeline ends with %q, want the second acknowledgement", last.Text)
	}
	if m.Acknowledge(first, "I-00000000", "on-call") {
		t.Error("an incident that does not exist was acknowledged")
	}
	m.Step(first, []tiering.Impact{impact("invoice-posting", none, "")})
	if m.Acknowledge(first, id, "on-call") {
		t.Error("a recovered incident was acknowledged")
	}
}

func TestAnAcknowledgementSurvivesAMergeAndARestart(t *testing.T) {
	m := incident.NewManager(incident.Settings{})
	m.Step(start, []tiering.Impact{impact("invoice-posting", crit, ""), impact("bank-reconciliation", crit, "")})
	if len(m.Open()) != 2 {
		t.Fatalf("%d open incidents, want two without a common cause", len(m.Open()))
	}
	m.Acknowledge(start.Add(time.Minute), m.Open()[1].ID, "on-call")
	m.Step(start.Add(2*time.Minute), []tiering.Impact{impact("invoice-posting", crit, "db"), impact("bank-reconciliation", crit, "db")})
	if len(m.Open()) != 1 || m.Open()[0].AcknowledgedBy != "on-call" {
		t.Fatalf("after the merge: %d open, acknowledged by %q; want one, taken by on-call", len(m.Open()), m.Open()[0].AcknowledgedBy)
	}
	again := incident.NewManager(incident.Settings{})
	again.Restore(m.Memory())
	if got := again.Open()[0]; got.AcknowledgedBy != "on-call" || got.Acknowledged.IsZero() {
		t.Errorf("after a restart it is acknowledged %v by %q", got.Acknowledged, got.AcknowledgedBy)
	}
}
