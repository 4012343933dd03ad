package app

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/closewatch/closewatch/internal/durable"
	"github.com/closewatch/closewatch/internal/fault"
)

func deploy(at time.Time, what string) Change {
	c := Change{At: at, Kind: "deploy", Environment: "production", Component: "erp", What: what, By: "pipeline"}
	c.ID = c.id()
	return c
}

func TestWhatWasToldOutlivesAKill(t *testing.T) {
	path := filepath.Join(t.TempDir(), "told.json")
	b, err := openInbox(path)
	if err != nil {
		t.Fatal(err)
	}
	ack := Acknowledgement{At: noon, Incident: "I-1", By: "on-call"}
	for _, add := range []func(*Told){
		func(t *Told) { t.Acknowledgements = append(t.Acknowledgements, ack) },
		func(t *Told) { t.Changes = append(t.Changes, deploy(noon, "deployed a1")) },
	} {
		if err := b.add(add); err != nil {
			t.Fatal(err)
		}
	}
	again, err := openInbox(path)
	if err != nil {
		t.Fatal(err)
	}
	want := Told{Acknowledgements: []Acknowledgement{ack}, Changes: []Change{deploy(noon, "deployed a1")}}
	if diff := cmp.Diff(want, again.peek()); diff != "" {
		t.Errorf("after a kill (-want +got):\n%s", diff)
	}

	// What arrives while a tick is decided waits for the next one.
	taken := again.peek()
	if err := again.add(func(t *Told) { t.Changes = append(t.Changes, deploy(noon, "deployed b2")) }); err != nil {
		t.Fatal(err)
	}
	if err := again.done(taken); err != nil {
		t.Fatal(err)
	}
	third, err := openInbox(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Told{Changes: []Change{deploy(noon, "deployed b2")}}, third.peek(), cmp.Transformer("nil", func(t Told) []int {
		return []int{len(t.Acknowledgements), len(t.Changes)}
	})); diff != "" || third.peek().Changes[0].What != "deployed b2" {
		t.Errorf("after a tick took the first two: %+v", third.peek())
	}
}

func TestADamagedInboxIsSetAsideAndWorks(t *testing.T) {
	path := filepath.Join(t.TempDir(), "told.json")
	put(t, path, "damaged\n{}")
	b, err := openInbox(path)
	if !errors.Is(err, durable.ErrDamaged) {
		t.Fatalf("openInbox = %v, want damaged", err)
	}
	if _, err := os.Stat(path + ".damaged"); err != nil {
		t.Error(err)
	}
	if err := b.add(func(t *Told) { t.Changes = append(t.Changes, deploy(noon, "x")) }); err != nil {
		t.Errorf("the inbox accepts nothing any more: %v", err)
	}
}

func TestWhatCannotBeKeptIsNotAccepted(t *testing.T) {
	dir := t.TempDir()
	b, err := openInbox(filepath.Join(dir, "gone", "told.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := b.add(func(t *Told) { t.Changes = append(t.Changes, deploy(noon, "x")) }); err == nil || fault.HintOf(err) == "" {
		t.Errorf("add = %v, want an error with a hint", err)
	}
	if !b.peek().empty() {
		t.Errorf("what was refused waits: %+v", b.peek())
	}
}

func TestTheInboxIsBounded(t *testing.T) {
	b, err := openInbox(filepath.Join(t.TempDir(), "told.json"))
	if err != nil {
		t.Fatal(err)
	}
	b.told.Changes = make([]Change, maxTold)
	if err := b.add(func(t *Told) { t.Changes = append(t.Changes, deploy(noon, "x")) }); fault.KindOf(err) != fault.Limit {
		t.Errorf("add = %v, want the limit", err)
	}
}

func TestChangesAreRememberedOnceAndForAWhile(t *testing.T) {
	old, recent := deploy(noon.Add(-8*24*time.Hour), "old"), deploy(noon.Add(-time.Hour), "recent")
	got := remember([]Change{recent, old}, []Change{recent, deploy(noon, "new")}, noon)
	if len(got) != 2 || got[0].What != "new" || got[1].What != "recent" {
		t.Errorf("remembered %+v, want new and recent", got)
	}
}

func TestWhatAChangeMustSay(t *testing.T) {
	tests := map[string]struct {
		change Change
		want   string // "" is fine
	}{
		"complete":          {deploy(noon, "deployed a1"), ""},
		"an unknown kind":   {Change{Kind: "oops", What: "x"}, "kind: write one of deploy, configuration"},
		"nothing was said":  {Change{Kind: "deploy"}, "what: write what was changed"},
		"too much was said": {Change{Kind: "deploy", What: strings.Repeat("ä", maxWhat+1)}, "what: write what was changed"},
		"a long reference":  {Change{Kind: "deploy", What: "x", Reference: strings.Repeat("r", maxReference+1)}, "reference: write at most"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := strings.Join(tt.change.problems(), "; ")
			if tt.want == "" && got != "" || !strings.HasPrefix(got, tt.want) {
				t.Errorf("problems = %q, want %q", got, tt.want)
			}
		})
	}
}
