package odoosim

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// A session is what the cookie session_id stands for. One without a user is
// anonymous.
type session struct {
	ID    string `json:"sid"`
	DB    string `json:"db"`
	UID   int64  `json:"uid"`
	Login string `json:"login"`
}

// How long sessions last, as session modules set it.
const (
	sessionLife   = 7 * 24 * time.Hour
	anonymousLife = 3 * time.Hour
)

// A sessionStore keeps sessions. load answers nil for one it does not know.
type sessionStore interface {
	load(ctx context.Context, id string) (*session, error)
	save(ctx context.Context, s *session) error
	remove(ctx context.Context, id string) error
	close() error
}

func newSession() (*session, error) {
	b := make([]byte, 63) // 84 characters, as Odoo's
	if _, err := rand.Read(b); err != nil {
		return nil, err
	}
	return &session{ID: base64.RawURLEncoding.EncodeToString(b)}, nil
}

func (s *session) life() time.Duration {
	if s.UID == 0 {
		return anonymousLife
	}
	return sessionLife
}

// redisSessions keeps sessions as session modules do: one JSON value per key
// "session:<id>", expiring.
type redisSessions struct{ client *redis.Client }

func newRedisSessions(url string, timeout time.Duration) (*redisSessions, error) {
	opts, err := redis.ParseURL(url)
	if err != nil {
		return nil, err
	}
	opts.ReadTimeout, opts.WriteTimeout, opts.DialTimeout = timeout, timeout, timeout
	opts.MaxRetries = -1
	opts.PoolSize = 64
	opts.PoolTimeout = timeout
	opts.ClientName = "odoo-session"
	return &redisSessions{redis.NewClient(opts)}, nil
}

func (r *redisSessions) load(ctx context.Context, id string) (*session, error) {
	data, err := r.client.Get(ctx, "session:"+id).Bytes()
	if errors.Is(err, redis.Nil) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	s := &session{}
	return s, json.Unmarshal(data, s)
}

func (r *redisSessions) save(ctx context.Context, s *session) error {
	data, err := json.Marshal(s)
	if err != nil {
		return err
	}
	return r.client.Set(ctx, "session:"+s.ID, data, s.life()).Err()
}

func (r *redisSessions) remove(ctx context.Context, id string) error {
	return r.client.Del(ctx, "session:"+id).Err()
}

func (r *redisSessions) close() error { return r.client.Close() }

// maxMemorySessions bounds the memory store; beyond it anonymous sessions go first.
const maxMemorySessions = 10_000

// memorySessions keeps sessions in the process, as files are in stock Odoo.
type memorySessions struct {
	mu   sync.Mutex
	byID map[string]session
}

func (m *memorySessions) load(_ context.Context, id string) (*session, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s, ok := m.byID[id]
	if !ok {
		return nil, nil
	}
	return &s, nil
}

func (m *memorySessions) save(_ context.Context, s *session) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.byID) >= maxMemorySessions {
		for id, old := range m.byID {
			if old.UID == 0 || len(m.byID) > maxMemorySessions {
				delete(m.byID, id)
			}
		}
	}
	m.byID[s.ID] = *s
	return nil
}

func (m *memorySessions) remove(_ context.Context, id string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.byID, id)
	return nil
}

func (m *memorySessions) close() error { return nil }
