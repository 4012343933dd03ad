package traefik

import "testing"

func TestErrorRatioIsOfTheTimeLinesSpeakOf(t *testing.T) {
	const minute = int64(60e9)
	now := 30_000_000 * minute
	type request struct {
		ago    int64 // minutes
		n      int
		failed bool
	}
	tests := map[string]struct {
		requests []request
		ratio    float64
		enough   bool
	}{
		"nothing":                              {},
		"a quarter failed":                     {[]request{{1, 75, false}, {1, 25, true}}, 0.25, true},
		"too few to tell":                      {[]request{{1, 19, true}}, 0, false},
		"an outage of an hour ago, read now":   {[]request{{60, 1000, true}, {1, 30, false}}, 0, true},
		"only the past, read now":              {[]request{{60, 1000, true}}, 0, false},
		"read out of order":                    {[]request{{1, 20, false}, {2, 20, true}}, 0.5, true},
		"late lines do not evict newer ones":   {[]request{{0, 30, true}, {6, 30, false}}, 1, true},
		"a clock that was set back by an hour": {[]request{{-60, 50, true}, {1, 40, false}}, 0, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWindow(2)
			for _, r := range tt.requests {
				o := served
				if r.failed {
					o = upstream
				}
				for range r.n {
					w.add(now-r.ago*minute, 1, o)
				}
			}
			if ratio, enough := w.errorRatio(1, now); ratio != tt.ratio || enough != tt.enough {
				t.Errorf("ratio %v enough %v, want %v %v", ratio, enough, tt.ratio, tt.enough)
			}
			if _, enough := w.errorRatio(0, now); enough {
				t.Error("another tenant has requests")
			}
		})
	}
}
