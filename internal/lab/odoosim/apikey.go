package odoosim

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// How Odoo keeps API keys: found by their first digits, hashed in few rounds
// because they are random.
const (
	keyIndex  = 8
	keyRounds = 6000
)

// keyOwner returns the user whose API key this is, or 0. Interactive logins do
// not ask for it: they take passwords only.
func (e *env) keyOwner(key string) (int64, error) {
	if len(key) < keyIndex {
		return 0, nil
	}
	rows, err := e.tx.Query(e.ctx, `SELECT k.user_id::int8, k.key FROM res_users_apikeys k JOIN res_users u ON u.id = k.user_id
		WHERE u.active AND k.index = $1 AND (k.scope IS NULL OR k.scope = 'rpc') AND (k.expiration_date IS NULL OR k.expiration_date >= $2)`, key[:keyIndex], e.now)
	if err != nil {
		return 0, err
	}
	type stored struct {
		user int64
		hash string
	}
	found, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (s stored, err error) {
		err = row.Scan(&s.user, &s.hash)
		return s, err
	})
	for _, s := range found {
		if checkPassword(s.hash, key) {
			return s.user, err
		}
	}
	return 0, err
}

// addKey gives a user an API key, ending after life unless that is 0.
func addKey(ctx context.Context, tx pgx.Tx, uid int64, key string, life time.Duration) error {
	hash, err := hashPassword(key, keyRounds)
	if err != nil {
		return err
	}
	var ends *time.Time
	if life > 0 {
		at := time.Now().UTC().Add(life)
		ends = &at
	}
	_, err = tx.Exec(ctx, `INSERT INTO res_users_apikeys (name, user_id, index, key, expiration_date) VALUES ('probe', $1, $2, $3, $4)`, uid, key[:keyIndex], hash, ends)
	return err
}
