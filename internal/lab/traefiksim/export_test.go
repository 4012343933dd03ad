package traefiksim

import "time"

// A Limiter exposes the token bucket to tests.
type Limiter struct{ *limiter }

// NewLimiter makes a limiter with nothing behind it.
func NewLimiter(conf RateLimit) Limiter {
	return Limiter{&limiter{conf: conf, clients: map[string]bucket{}}}
}

// Take reserves a token.
func (l Limiter) Take(client string, now time.Time) (time.Duration, bool) { return l.take(client, now) }
