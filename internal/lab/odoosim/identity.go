package odoosim

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/jackc/pgx/v5"
)

// serveAccount answers with the address at which a user manages the account
// at the vendor's: it names the database.
func (s *Server) serveAccount(w http.ResponseWriter, r *http.Request, _ *jsonRequest) (any, error) {
	var uuid string
	err := s.asUser(w, r, func(ctx context.Context, tx pgx.Tx, _ *session) (err error) {
		uuid, err = parameter(ctx, tx, "database.uuid")
		return err
	})
	return "https://accounts.example.com/oauth2/auth?" + url.Values{"response_type": {"token"}, "client_id": {uuid}, "scope": {"userinfo"}}.Encode(), err
}

// parameter reads a system parameter with the server's own rights; "" when
// there is none.
func parameter(ctx context.Context, tx pgx.Tx, key string) (string, error) {
	var value string
	err := tx.QueryRow(ctx, `SELECT value FROM ir_config_parameter WHERE key = $1`, key).Scan(&value)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", nil
	}
	return value, err
}

// withBanner is the login page of a neutralised copy.
func withBanner(page string) string {
	return strings.Replace(page, "<body>", `<body><span id="oe_neutralize_banner">Database neutralized for testing: no emails sent, etc.</span>`, 1)
}
