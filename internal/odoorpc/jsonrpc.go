package odoorpc

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/closewatch/closewatch/internal/fault"
)

// jsonRPCPath is the stateless route: credentials travel with every call. It is
// deprecated from Odoo 19 on, where JSON-2 takes its place.
const jsonRPCPath = "/jsonrpc"

func serviceCall(service, method string, args ...any) map[string]any {
	return map[string]any{"service": service, "method": method, "args": args}
}

// authenticateJSONRPC finds the user's id, which every call with a key must name.
func (c *Client) authenticateJSONRPC(ctx context.Context) (session, error) {
	a, err := c.rpc(ctx, message{
		op: opLogin, path: jsonRPCPath,
		body: serviceCall("common", "authenticate", c.cfg.Database, c.cfg.Login, c.cfg.APIKey.Reveal(), map[string]any{}),
	})
	if err != nil {
		return session{}, err
	}
	var raw json.RawMessage
	if err := a.into(&raw); err != nil {
		return session{}, err
	}
	uid := userID(raw) // false when the key is wrong: not an error to Odoo
	if uid == 0 {
		return session{}, a.failed(&fault.Error{Op: opLogin, Kind: fault.Auth, Err: errors.New("login or API key refused"), Hint: "check login and apiKey; keys of Odoo 18 and later expire"})
	}
	return session{uid: uid, dialect: jsonRPC}, nil
}

// callJSONRPC calls with an API key.
func (c *Client) callJSONRPC(ctx context.Context, s session, what call, out any) error {
	a, err := c.rpc(ctx, message{
		op: what.op(), path: jsonRPCPath, call: what,
		body: serviceCall("object", "execute_kw", c.cfg.Database, s.uid, c.cfg.APIKey.Reveal(), what.model, what.method, what.args, what.kwargs),
	})
	if err != nil {
		return err
	}
	return a.into(out)
}
