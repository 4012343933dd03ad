package traefik

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/closewatch/closewatch/internal/logtail"
)

// rig is an access log that is followed by hand.
type rig struct {
	t     *testing.T
	log   string
	clock time.Time
	n     int // lines made so far, so that no two are equal
	f     *logtail.Follower[counted]
	tally *tally
}

func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{t: t, log: filepath.Join(t.TempDir(), "access.log"), clock: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)}
	t.Cleanup(func() {
		if r.f != nil {
			r.f.Close()
		}
	})
	return r
}

// start begins as the daemon does, keeping nothing on disk.
func (r *rig) start() {
	r.tally = newTally(newClassifier(nil, nil), newTenants(map[string]string{"erp.example.com": "prod"}, ""))
	r.f = logtail.New(logtail.Options{
		Path: r.log, Name: "access log", Hint: "write it", Every: time.Second,
		Now: func() time.Time { return r.clock }, Log: slog.New(slog.DiscardHandler),
	}, &reader{newParser(formatAuto), r.tally})
}

func (r *rig) poll() {
	r.t.Helper()
	for range 2 { // to read, and to save what was read
		r.clock = r.clock.Add(time.Second)
		r.f.Poll(r.t.Context())
	}
}

// lines makes n lines that differ from all before.
func (r *rig) lines(n int) string {
	var b strings.Builder
	for range n {
		r.n++
		fmt.Fprintf(&b, `{"DownstreamStatus":200,"Duration":%d,"OriginDuration":1000,"OriginStatus":200,"RequestCount":%d,"RequestHost":"erp.example.com","RequestPath":"/web/dataset/call_kw/account.move/action_post","ServiceName":"s","StartUTC":"%s"}`+"\n",
			r.n*1000, r.n, r.clock.Add(time.Duration(r.n)*time.Millisecond).Format(time.RFC3339Nano))
	}
	return b.String()
}

func (r *rig) write(s string) {
	r.t.Helper()
	f, err := os.OpenFile(r.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		r.t.Fatal(err)
	}
	if _, err := f.WriteString(s); err != nil {
		r.t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		r.t.Fatal(err)
	}
}
