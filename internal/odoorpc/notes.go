package odoorpc

import (
	"context"
	"fmt"
	"time"
)

// A Note is something about how the client gets in that works today and is
// worth knowing before it does not.
type Note struct {
	Text    string
	Hint    string    // what to do; may be empty
	Expires time.Time // when the credentials end; zero when nobody says so
}

// Notes logs in when needed and says what there is to know about the
// credentials: what they cost Odoo and when they end.
func (c *Client) Notes(ctx context.Context) ([]Note, error) {
	s, err := c.login(ctx, session{})
	if err != nil {
		return nil, err
	}
	if s.dialect == webSession {
		return []Note{{
			Text: "logs in by password: each login costs Odoo one password hash, about half a second of a worker",
			Hint: "nothing to do: the session is kept for days, and only the login flow logs in more often",
		}}, nil
	}
	notes := []Note{{Text: "calls with an API key over " + string(s.dialect), Hint: "printing and the websocket need login and password as well: Odoo makes no web session for a key"}}
	if s.dialect == jsonRPC {
		notes = append(notes, Note{
			Text: "over /jsonrpc each worker of Odoo checks the key once by a password hash, about half a second, and again after it restarts",
			Hint: "read slow first calls with that in mind; login and password cost less below Odoo 19",
		})
	}
	expiry, err := c.keyExpiry(ctx)
	if err != nil {
		return nil, err
	}
	return append(notes, expiry...), nil
}

// keyExpiry says when the user's API keys end. Which of several is ours cannot
// be asked: the first to end is named.
func (c *Client) keyExpiry(ctx context.Context) ([]Note, error) {
	const model, field = "res.users.apikeys", "expiration_date"
	var known map[string]any
	if err := c.Call(ctx, model, "fields_get", []any{[]string{field}, []string{"type"}}, nil, &known); err != nil {
		return nil, err
	}
	if known[field] == nil {
		return nil, nil // below 18 keys do not end
	}
	var keys []struct {
		Expires dateTime `json:"expiration_date"`
	}
	if err := c.Call(ctx, model, "search_read", []any{[]any{[]any{"user_id.login", "=", c.cfg.Login}}}, map[string]any{"fields": []string{field}, "order": "expiration_date", "limit": 100}, &keys); err != nil {
		return nil, err
	}
	for _, k := range keys {
		at := time.Time(k.Expires)
		if at.IsZero() || time.Until(at) < 0 {
			continue
		}
		text := "the API key ends on " + at.Format(time.DateOnly)
		if len(keys) > 1 {
			text = fmt.Sprintf("the first of the user's %d API keys ends on %s", len(keys), at.Format(time.DateOnly))
		}
		return []Note{{Text: text, Hint: "make a new key before then and put it under apiKey", Expires: at}}, nil
	}
	return nil, nil
}

// A dateTime is Odoo's: UTC without saying so, or false.
type dateTime time.Time

// UnmarshalJSON implements json.Unmarshaler.
func (d *dateTime) UnmarshalJSON(b []byte) error {
	if string(b) == "false" || string(b) == "null" {
		return nil
	}
	at, err := time.Parse(`"`+time.DateTime+`"`, string(b))
	if err == nil {
		*d = dateTime(at)
	}
	return err
}
