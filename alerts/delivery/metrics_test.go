package delivery_test

import (
	"bytes"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
)

// published are the lines of the metrics with a prefix.
func (r *rig) published(t *testing.T, prefix string) string {
	t.Helper()
	var text bytes.Buffer
	if err := r.settings.Own.WritePrometheus(&text); err != nil {
		t.Fatal(err)
	}
	problems, err := promlint.New(bytes.NewReader(text.Bytes())).Lint()
	if err != nil || len(problems) > 0 {
		t.Errorf("promlint: %v %v", problems, err)
	}
	var out []string
	for line := range strings.Lines(text.String()) {
		if strings.HasPrefix(line, prefix) {
			out = append(out, strings.TrimSpace(line))
		}
	}
	return strings.Join(out, "\n")
}

func TestQueueIsPublishedWithItsAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.a.set(down)
		r.publish(t, named("A"))
		time.Sleep(time.Minute)
		r.publish(t, named("A"), named("B"))
		for _, want := range []string{
			`closewatch_notifications_queue_length{endpoint="http://a:9093"} 2`,
			`closewatch_notifications_queue_length{endpoint="http://b:9093/"} 0`,
			`closewatch_notifications_queue_oldest_timestamp_seconds{endpoint="http://a:9093"} 9.466848e+08`,
			`closewatch_notifications_endpoint_up{endpoint="http://a:9093"} 0`,
			`closewatch_notifications_endpoint_up{endpoint="http://b:9093/"} 1`,
		} {
			if got := r.published(t, "closewatch_notifications_"); !strings.Contains(got, want+"\n") {
				t.Errorf("not published: %s\n%s", want, got)
			}
		}
		r.a.set(nil)
		time.Sleep(time.Minute)
		expect(t, "oldest when all is told", r.published(t, "closewatch_notifications_queue_oldest"), "")
	})
}
