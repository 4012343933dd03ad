package auth_test

import (
	"net/http"
	"testing"

	"github.com/closewatch/closewatch/internal/auth"
)

// nowhere takes an answer and keeps nothing.
type nowhere struct{ h http.Header }

func (n nowhere) Header() http.Header         { return n.h }
func (n nowhere) Write(b []byte) (int, error) { return len(b), nil }
func (n nowhere) WriteHeader(int)             {}

// BenchmarkGuard is what the guard costs a request.
func BenchmarkGuard(b *testing.B) {
	g, err := auth.New(auth.Settings{Web: web()})
	if err != nil {
		b.Fatal(err)
	}
	h, err := g.Handler([]auth.Route{{Method: "GET", Pattern: "/metrics", Scope: auth.Scrape, Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})}})
	if err != nil {
		b.Fatal(err)
	}
	for name, with := range map[string]string{"loopback": "", "token": bearer(scrapeToken), "wrong": bearer(wrongToken)} {
		b.Run(name, func(b *testing.B) {
			r := request("GET", "/metrics", fromHere, with)
			b.ReportAllocs()
			for b.Loop() {
				h.ServeHTTP(nowhere{http.Header{}}, r)
			}
		})
	}
}
