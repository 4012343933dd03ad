package auth_test

import (
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/closewatch/closewatch/internal/auth"
	"github.com/closewatch/closewatch/internal/telemetry"
)

// A clock is set by hand.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

func newClock() *clock { return &clock{at: time.Date(2026, 11, 26, 9, 0, 30, 0, time.UTC)} }

func TestGuessingIsLimited(t *testing.T) {
	for name, wrong := range map[string]string{
		"tokens":    bearer(wrongToken),
		"passwords": basic("bob", "hunter2"),
		"names":     basic("mallory", "hunter2"),
		"nonsense":  "Basic %%%",
	} {
		t.Run(name, func(t *testing.T) {
			c := newClock()
			_, h := guarded(t, auth.Settings{Web: web(), File: webFile(t, users(t)), Now: c.now})
			code := func(from, with string) int { return ask(h, request("GET", "/", from, with)).Code }
			if got := code(fromNetwork, bearer(readToken)); got != http.StatusOK {
				t.Fatalf("a right token = %d", got)
			}
			for i := range 10 {
				if got := code(fromNetwork, wrong); got != http.StatusUnauthorized && got != http.StatusBadRequest {
					t.Fatalf("attempt %d = %d", i+1, got)
				}
			}
			limited := ask(h, request("GET", "/", fromNetwork, wrong))
			if limited.Code != http.StatusTooManyRequests || limited.Header().Get("Retry-After") != "6" {
				t.Errorf("the eleventh = %d, Retry-After %q, want 429 and 6", limited.Code, limited.Header().Get("Retry-After"))
			}
			if got := code(fromNetwork, basic("alice", alicesWord)); got != http.StatusTooManyRequests {
				t.Errorf("a right guess while limited = %d, want 429", got)
			}
			if got := code(fromNetwork, bearer(readToken)); got != http.StatusOK {
				t.Errorf("a token that was right before = %d, want 200", got)
			}
			if got := code(fromWorld, basic("alice", alicesWord)); got != http.StatusOK {
				t.Errorf("from another address = %d, want 200", got)
			}
			if got := ask(h, request("GET", "/-/healthy", fromNetwork, wrong)).Code; got != http.StatusOK {
				t.Errorf("health = %d, want 200", got)
			}
			for range 10 {
				code(fromWorld, wrong)
			}
			if got := code(fromWorld, bearer(readToken)); got != http.StatusTooManyRequests {
				t.Errorf("a token that was right before, but elsewhere = %d, want 429", got)
			}
			c.pass(6 * time.Second)
			if got := code(fromNetwork, basic("alice", alicesWord)); got != http.StatusOK {
				t.Errorf("after the wait = %d, want 200", got)
			}
			c.pass(-time.Hour)
			if got := code(fromNetwork, wrong); got == http.StatusTooManyRequests {
				t.Errorf("after the clock was set back = %d", got)
			}
			if got := code(fromNetwork, wrong); got != http.StatusTooManyRequests {
				t.Errorf("the clock that was set back won an attempt: %d", got)
			}
		})
	}
}

func TestRightCredentialsAreNotCounted(t *testing.T) {
	c := newClock()
	_, h := guarded(t, auth.Settings{Web: web(), File: webFile(t, users(t)), Now: c.now})
	for i := range 50 {
		from := fmt.Sprintf("10.0.0.7:%d", 2000+i)
		if got := ask(h, request("GET", "/", from, basic("alice", alicesWord))).Code; got != http.StatusOK {
			t.Fatalf("request %d = %d", i+1, got)
		}
	}
}

func TestANeighbourhoodOfIPv6IsOne(t *testing.T) {
	c := newClock()
	_, h := guarded(t, auth.Settings{Web: web(), Now: c.now})
	for i := range 10 {
		ask(h, request("GET", "/", fmt.Sprintf("[2001:db8::%x]:50000", i+1), bearer(wrongToken)))
	}
	if got := ask(h, request("GET", "/", "[2001:db8::ffff:1:2:3]:50000", bearer(wrongToken))).Code; got != http.StatusTooManyRequests {
		t.Errorf("from the same /64 = %d, want 429", got)
	}
	if got := ask(h, request("GET", "/", "[2001:db8:0:1::1]:50000", bearer(wrongToken))).Code; got != http.StatusUnauthorized {
		t.Errorf("from the next /64 = %d, want 401", got)
	}
}

func TestAddressesOfIPv4InIPv6AreToldApart(t *testing.T) {
	c := newClock()
	_, h := guarded(t, auth.Settings{Web: web(), Now: c.now})
	for range 11 {
		ask(h, request("GET", "/", "[::ffff:10.0.0.7]:50000", bearer(wrongToken)))
	}
	if got := ask(h, request("GET", "/", "10.0.0.7:50000", bearer(wrongToken))).Code; got != http.StatusTooManyRequests {
		t.Errorf("the same address = %d, want 429", got)
	}
	if got := ask(h, request("GET", "/", "[::ffff:10.0.0.8]:50000", bearer(wrongToken))).Code; got != http.StatusUnauthorized {
		t.Errorf("the next address = %d, want 401", got)
	}
}

// More addresses than are told apart share one allowance; the table does not
// grow, and who has waited is told apart again.
func TestManyAddressesShareAnAllowance(t *testing.T) {
	c := newClock()
	_, h := guarded(t, auth.Settings{Web: web(), Now: c.now})
	code := func(i int) int {
		return ask(h, request("GET", "/", fmt.Sprintf("203.%d.%d.%d:50000", i>>16&255, i>>8&255, i&255), bearer(wrongToken))).Code
	}
	answers := map[int]int{}
	for i := range 4096 + 100 {
		answers[code(i)]++
	}
	if answers[http.StatusUnauthorized] != 4096+10 || answers[http.StatusTooManyRequests] != 90 {
		t.Errorf("answers = %v, want 4106 × 401 and 90 × 429", answers)
	}
	c.pass(time.Minute)
	for range 11 {
		code(9998)
	}
	if got := code(9998); got != http.StatusTooManyRequests {
		t.Errorf("the twelfth of an address = %d, want 429", got)
	}
	if got := code(9999); got != http.StatusUnauthorized {
		t.Errorf("another address after all have waited = %d, want 401", got)
	}
}

// Many guesses at once are not more than one after the other.
func TestGuessingAtOnceGainsNothing(t *testing.T) {
	c := newClock()
	own := telemetry.NewOwn()
	_, h := guarded(t, auth.Settings{Web: web(), File: webFile(t, users(t)), Now: c.now, Own: own})
	codes := make(chan int, 200)
	var all sync.WaitGroup
	for i := range cap(codes) {
		all.Go(func() { codes <- ask(h, request("GET", "/", fromNetwork, basic("bob", strconv.Itoa(i)))).Code })
	}
	all.Wait()
	close(codes)
	looked := 0
	for code := range codes {
		if code == http.StatusUnauthorized {
			looked++
		} else if code != http.StatusTooManyRequests {
			t.Errorf("answer = %d", code)
		}
	}
	if looked > 10 {
		t.Errorf("%d guesses were looked at, want at most 10", looked)
	}
	if got := own.Counter("closewatch_auth_failures_total", "", "kind", "credentials").Get(); got != uint64(looked) {
		t.Errorf("closewatch_auth_failures_total{kind=credentials} = %d, want %d", got, looked)
	}
}
