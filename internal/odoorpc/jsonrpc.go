package odoorpc

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/closewatch/closewatch/internal/fault"
)

// jsonRPC is the stateless route: credentials travel with every call.
const jsonRPC = "/jsonrpc"

func serviceCall(service, method string, args ...any) map[string]any {
	return map[string]any{"service": service, "method": method, "args": args}
}

// authenticateKey finds the user's id, which every call with a key must name.
func (c *Client) authenticateKey(ctx context.Context) (session, error) {
	const op = "log in to Odoo"
	a, err := c.post(ctx, op, jsonRPC, "", serviceCall("common", "authenticate", c.cfg.Database, c.cfg.Login, c.cfg.APIKey.Reveal(), map[string]any{}))
	if err != nil {
		return session{}, err
	}
	var raw json.RawMessage
	if err := resultInto(op, a, &raw); err != nil {
		return session{}, err
	}
	uid := userID(raw) // false when the key is wrong: not an error to Odoo
	if uid == 0 {
		return session{}, &fault.Error{Op: op, Kind: fault.Auth, Err: errors.New("login or API key refused"), Hint: "check login and apiKey; keys of Odoo 18 and later expire"}
	}
	return session{uid: uid}, nil
}

// callKey calls with an API key.
func (c *Client) callKey(ctx context.Context, model, method string, args []any, kwargs map[string]any, out any) error {
	op := "call " + model + "/" + method
	s, err := c.login(ctx, session{})
	if err != nil {
		return err
	}
	a, err := c.post(ctx, op, jsonRPC, "", serviceCall("object", "execute_kw", c.cfg.Database, s.uid, c.cfg.APIKey.Reveal(), model, method, args, kwargs))
	if err != nil {
		return err
	}
	return resultInto(op, a, out)
}
