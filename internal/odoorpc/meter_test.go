package odoorpc

import (
	"net/http"
	"strings"
	"sync"
	"testing"
)

func TestAMeterCountsWhatCallsCost(t *testing.T) {
	f := newFake(t)
	f.call = func(w http.ResponseWriter, _ *http.Request, _ string, _ map[string]any) {
		reply(w, `"result":"`+strings.Repeat("a", 1000)+`"`)
	}
	c := client(t, f)
	mustCall(t, c) // without a meter nothing is counted
	var m Meter
	ctx := WithMeter(t.Context(), &m)
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			if err := c.Call(ctx, "res.users", "read", []any{[]int64{1}}, nil, nil); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	got := m.Usage()
	if got.Requests != 10 || got.Received < 10*1000 || got.Received > 10*1200 || got.Sent < 10*80 || got.Sent > 10*400 || got.Waiting <= 0 {
		t.Errorf("Usage() = %+v of ten calls with a thousand bytes each", got)
	}
	f.Close()
	_ = c.Call(ctx, "res.users", "read", nil, nil, nil)
	if n := m.Usage().Requests; n != 11 {
		t.Errorf("%d requests, want the one that was not answered as well", n)
	}
}
