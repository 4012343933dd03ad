package odoorpc

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/closewatch/closewatch/internal/fault"
)

// jsonTwoPath begins the routes of JSON-2, which Odoo has from 19 on: an API
// key, named arguments, real HTTP codes.
const jsonTwoPath = "/json/2/"

// authenticateJSON2 finds out whose the API key is. JSON-2 itself never asks
// for a login, so a key of somebody else would go unnoticed.
func (c *Client) authenticateJSON2(ctx context.Context) (session, error) {
	var who struct {
		UID json.RawMessage `json:"uid"`
	}
	if err := c.callJSON2(ctx, opLogin, call{model: "res.users", method: "context_get"}, &who); err != nil {
		return session{}, err
	}
	uid := userID(who.UID)
	if uid == 0 {
		return session{}, &fault.Error{Op: opLogin, Kind: fault.Schema, Err: errors.New("no user in the answer"), Hint: version}
	}
	var users []struct {
		Login string `json:"login"`
	}
	own := call{model: "res.users", method: "read", args: []any{[]int64{uid}, []string{"login"}}}
	if err := c.callJSON2(ctx, opLogin, own, &users); err != nil {
		return session{}, err
	}
	if len(users) != 1 || users[0].Login != c.cfg.Login {
		return session{}, &fault.Error{Op: opLogin, Kind: fault.Auth, Err: errors.New("the API key belongs to another user"), Hint: "correct login or apiKey: a key acts as the user who made it"}
	}
	return session{uid: uid, dialect: jsonTwo}, nil
}

// callJSON2 calls with the API key.
func (c *Client) callJSON2(ctx context.Context, op string, what call, out any) error {
	body, err := what.named()
	if err != nil {
		return err
	}
	one := what.createsOne(body)
	if one {
		body["vals_list"] = []any{body["vals_list"]}
	}
	x, err := c.send(ctx, message{
		op: op, path: jsonTwoPath + what.model + "/" + what.method, key: c.cfg.APIKey, body: body, call: what,
	})
	if err != nil {
		return err
	}
	if x.page.status != http.StatusOK || !json.Valid(x.page.body) {
		return x.failed(notOdoo(op, x.message.path, x.page))
	}
	if !one {
		return x.resultInto(x.page.body, out)
	}
	var created []json.RawMessage
	if err := x.resultInto(x.page.body, &created); err != nil {
		return err
	}
	if len(created) != 1 {
		return x.failed(&fault.Error{Op: op, Kind: fault.Schema, Err: errors.New("created something else than one record"), Hint: version})
	}
	return x.resultInto(created[0], out)
}
