package collector_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/closewatch/closewatch/internal/collector"
)

func TestTransportChargesWhatGoesThroughIt(t *testing.T) {
	const slow = 20 * time.Millisecond
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/there" {
			http.Redirect(w, r, "/", http.StatusFound)
			return
		}
		w.WriteHeader(http.StatusOK)
		w.(http.Flusher).Flush()
		<-time.After(slow)
		_, _ = io.WriteString(w, "late")
	}))
	defer server.Close()
	tests := map[string]struct {
		paths                 []string
		requests, connections uint64
		waiting               time.Duration // at least
	}{
		"a body takes its time, too":     {[]string{"/"}, 1, 1, slow},
		"a redirect is another request":  {[]string{"/there"}, 2, 1, slow},
		"a connection is used again":     {[]string{"/", "/"}, 2, 1, 2 * slow},
		"a server that is not there":     {[]string{"http://127.0.0.1:1/"}, 1, 1, 0},
		"a request that cannot be begun": {[]string{"nonsense://"}, 1, 0, 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			client := http.Client{Transport: collector.Transport(&http.Transport{})}
			defer client.CloseIdleConnections() // goleak finds what it leaves
			var meter collector.Meter
			for _, path := range tt.paths {
				if path[0] == '/' {
					path = server.URL + path
				}
				req, err := http.NewRequestWithContext(collector.WithMeter(t.Context(), &meter), http.MethodGet, path, http.NoBody)
				if err != nil {
					t.Fatal(err)
				}
				resp, err := client.Do(req)
				if err != nil {
					continue
				}
				_, _ = io.Copy(io.Discard, resp.Body)
				_ = resp.Body.Close()
			}
			got := meter.Spent()
			if got.Requests != tt.requests || got.Connections != tt.connections || got.Waiting < tt.waiting {
				t.Errorf("spent %+v, want %d requests, %d connections, at least %v", got, tt.requests, tt.connections, tt.waiting)
			}
		})
	}
}
