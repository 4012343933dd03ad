package traefiksim

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/closewatch/closewatch/internal/secret"
)

// requireUser lets only known users through to next.
func requireUser(users map[string]secret.Value, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rec := recordOf(r.Context())
		user, password, _ := r.BasicAuth()
		want, known := users[user]
		given, expected := sha256.Sum256([]byte(password)), sha256.Sum256([]byte(want.Reveal()))
		if same := subtle.ConstantTimeCompare(given[:], expected[:]) == 1; !known || !same {
			rec.user = ""
			w.Header().Set("Content-Type", "text/plain")
			w.Header().Set("Www-Authenticate", `Basic realm="traefik"`)
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = io.WriteString(w, "401 Unauthorized\n")
			return
		}
		rec.user = user
		next.ServeHTTP(w, r)
	})
}

// redirect answers 302 to the same place under another scheme.
func redirect(to Redirect) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _ := splitHostPort(r.Host)
		if to.Port != "" {
			host = net.JoinHostPort(host, to.Port)
		}
		w.Header().Set("Location", to.Scheme+"://"+host+r.URL.RequestURI())
		w.WriteHeader(http.StatusFound)
		_, _ = io.WriteString(w, http.StatusText(http.StatusFound))
	})
}

// maxClients bounds how many addresses a limiter remembers.
const maxClients = 4096

// A limiter is a token bucket per client address.
type limiter struct {
	conf RateLimit
	next http.Handler

	mu      sync.Mutex
	clients map[string]bucket
}

// A bucket held tokens at a time; tokens may be owed.
type bucket struct {
	tokens float64
	at     time.Time
}

func limit(conf RateLimit, next http.Handler) http.Handler {
	return &limiter{conf: conf, next: next, clients: map[string]bucket{}}
}

// ServeHTTP forwards, forwards after a short wait, or answers 429 when the
// wait for a token would be longer than half the interval between two (half a
// second at most).
func (l *limiter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	client, _ := splitHostPort(r.RemoteAddr)
	wait, ok := l.take(client, time.Now())
	if !ok {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
		w.Header().Set("X-Retry-In", fmt.Sprint(wait))
		w.WriteHeader(http.StatusTooManyRequests)
		_, _ = io.WriteString(w, http.StatusText(http.StatusTooManyRequests))
		return
	}
	if wait > 0 {
		select {
		case <-time.After(wait):
		case <-r.Context().Done():
		}
	}
	l.next.ServeHTTP(w, r)
}

// take reserves a token and says how long to wait for it, or that the wait is
// too long and nothing was reserved.
func (l *limiter) take(client string, now time.Time) (wait time.Duration, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	b, known := l.clients[client]
	if !known {
		if len(l.clients) >= maxClients {
			clear(l.clients)
		}
		b = bucket{tokens: float64(l.conf.Burst), at: now}
	}
	b.tokens = min(float64(l.conf.Burst), b.tokens+now.Sub(b.at).Seconds()*l.conf.Average)
	b.at = now
	if b.tokens < 1 {
		wait = time.Duration((1 - b.tokens) / l.conf.Average * float64(time.Second))
	}
	longest := min(500*time.Millisecond, time.Duration(float64(time.Second)/(2*l.conf.Average)))
	if wait > longest {
		l.clients[client] = b
		return wait, false
	}
	b.tokens--
	l.clients[client] = b
	return wait, true
}
