package traefik

import "testing"

func TestNumbering(t *testing.T) {
	type line struct{ count, start int64 } // start in seconds
	tests := map[string]struct {
		lines          []line
		numbered, seen uint64
	}{
		"in order":                              {[]line{{1, 10}, {2, 11}, {3, 12}}, 3, 3},
		"out of order by a moment":              {[]line{{1, 10}, {3, 12}, {2, 11}}, 3, 3},
		"a filter drops three":                  {[]line{{1, 10}, {5, 12}}, 5, 2},
		"began in the middle":                   {[]line{{100, 10}, {101, 11}}, 2, 2},
		"request from before we began":          {[]line{{100, 10}, {50, 2}, {101, 11}}, 2, 2},
		"long websocket ends late":              {[]line{{1, 10}, {3, 12}, {90, 500}, {2, 11}}, 90, 4},
		"Traefik restarted":                     {[]line{{1, 10}, {2, 11}, {1, 50}, {2, 51}}, 4, 4},
		"restarted, first line logged is not 1": {[]line{{1, 10}, {9, 20}, {3, 50}, {1, 50}, {2, 50}}, 12, 5},
		"line without a number":                 {[]line{{-1, 10}, {0, 11}}, 0, 0},
	}
	for name, tt := range tests {
		var n numbering
		for _, l := range tt.lines {
			n.add(&request{Count: l.count, Start: l.start * 1e9})
		}
		if n.Numbered != tt.numbered || n.Seen != tt.seen {
			t.Errorf("%s: numbered %d seen %d, want %d %d", name, n.Numbered, n.Seen, tt.numbered, tt.seen)
		}
	}
}
