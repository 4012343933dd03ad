package grafana

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/closewatch/closewatch/dashboards"
	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/secret"
)

// maxAnswer bounds what is read of an answer.
const maxAnswer = 8 << 20

// A Grafana is reached at its root, with the token of a service account that
// may write dashboards and folders (role Editor).
type Grafana struct {
	URL    string
	Token  secret.Value
	Client *http.Client
}

// A Result is what became of one dashboard.
type Result struct {
	File   string   `json:"file"`
	UID    string   `json:"uid"`
	Title  string   `json:"title"`
	Done   Done     `json:"done"`
	Change []string `json:"change,omitempty"` // what is different from what is there, one line each
}

// Done says what was done with a dashboard, or would be.
type Done string

// What is done with a dashboard.
const (
	Created   Done = "created"
	Replaced  Done = "replaced"
	Unchanged Done = "unchanged"
)

const op = "bring the dashboards into Grafana"

// Push brings every dashboard into the folder of Closewatch, which it makes
// when missing. With dry nothing is written. It stops at the first error and
// returns what was done until then.
func (g Grafana) Push(ctx context.Context, all []dashboards.Dashboard, dry bool) ([]Result, error) {
	if err := g.folder(ctx, dry); err != nil {
		return nil, err
	}
	var out []Result
	for _, d := range all {
		r, err := g.push(ctx, d, dry)
		if err != nil {
			return out, err
		}
		out = append(out, r)
	}
	return out, nil
}

func (g Grafana) folder(ctx context.Context, dry bool) error {
	err := g.call(ctx, http.MethodGet, "/api/folders/"+dashboards.FolderUID, nil, nil)
	if !errors.Is(err, errNotFound) || dry {
		if errors.Is(err, errNotFound) {
			return nil
		}
		return err
	}
	return g.call(ctx, http.MethodPost, "/api/folders", map[string]string{"uid": dashboards.FolderUID, "title": dashboards.Folder}, nil)
}

func (g Grafana) push(ctx context.Context, d dashboards.Dashboard, dry bool) (Result, error) {
	text, err := d.JSON()
	if err != nil {
		return Result{}, err
	}
	var ours map[string]any
	if err := json.Unmarshal(text, &ours); err != nil {
		return Result{}, err
	}
	r := Result{File: d.File, UID: *d.Model.Uid, Title: *d.Model.Title, Done: Created}
	var there struct {
		Dashboard map[string]any
		Meta      struct{ FolderUID string }
	}
	switch err := g.call(ctx, http.MethodGet, "/api/dashboards/uid/"+url.PathEscape(r.UID), nil, &there); {
	case errors.Is(err, errNotFound):
	case err != nil:
		return Result{}, err
	default:
		r.Done = Replaced
		r.Change = difference(there.Dashboard, ours)
		if there.Meta.FolderUID != dashboards.FolderUID {
			r.Change = append(r.Change, fmt.Sprintf("folder: %q becomes %q", there.Meta.FolderUID, dashboards.FolderUID))
		}
		if len(r.Change) == 0 {
			r.Done = Unchanged
		}
	}
	if dry || r.Done == Unchanged {
		return r, nil
	}
	return r, g.call(ctx, http.MethodPost, "/api/dashboards/db", map[string]any{
		"dashboard": ours, "folderUid": dashboards.FolderUID, "overwrite": true, "message": "closewatch generate dashboards",
	}, nil)
}

var errNotFound = errors.New("not found")

// call sends one request and decodes the answer into into, unless it is nil.
func (g Grafana) call(ctx context.Context, method, path string, body, into any) error {
	var send io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return err
		}
		send = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimRight(g.URL, "/")+path, send)
	if err != nil {
		return fault.Wrap(op, err, "write the address of Grafana after --push, such as https://grafana.example.com")
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Authorization", "Bearer "+g.Token.Reveal())
	resp, err := g.Client.Do(req)
	if err != nil {
		return fault.Wrap(op, err, "look whether Grafana answers at this address")
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return fault.Wrap(op, err, "")
	}
	if resp.StatusCode != http.StatusOK {
		return refused(method+" "+path, resp.StatusCode, answer)
	}
	if into == nil {
		return nil
	}
	if err := json.Unmarshal(answer, into); err != nil {
		return &fault.Error{Op: op, Kind: fault.Schema, Err: fmt.Errorf("%s %s answers no JSON", method, path), Hint: "write the address of Grafana itself, without a login page before it"}
	}
	return nil
}

// refused tells why Grafana did not do what it was asked.
func refused(what string, status int, answer []byte) error {
	var said struct{ Message string }
	_ = json.Unmarshal(answer, &said) // a proxy answers otherwise
	err := fmt.Errorf("%s: %d %s", what, status, strings.TrimSpace(said.Message))
	switch {
	case status == http.StatusNotFound:
		return errNotFound
	case status == http.StatusUnauthorized:
		return &fault.Error{Op: op, Kind: fault.Auth, Err: err, Hint: "make a new token of a service account and write it into the file"}
	case status == http.StatusForbidden:
		return &fault.Error{Op: op, Kind: fault.Denied, Err: err, Hint: "give the service account the role Editor"}
	case status == http.StatusBadRequest && strings.Contains(said.Message, "provisioned"):
		return &fault.Error{Op: op, Kind: fault.Conflict, Err: err, Hint: "Grafana has this dashboard from a file: change the file, or take it away first"}
	case status >= 500:
		return &fault.Error{Op: op, Kind: fault.Unavailable, Err: err, Hint: "look at Grafana's log and try again: what is there already is left alone"}
	}
	return &fault.Error{Op: op, Kind: fault.Rejected, Err: err}
}
