package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/secret"
)

// tokenFileVariable names the file of the token when --token-file does not.
const tokenFileVariable = "CLOSEWATCH_TOKEN_FILE"

// daemonAt is a running daemon that a command asks.
type daemonAt struct{ address, tokenFile string }

func (d *daemonAt) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&d.address, "address", "http://127.0.0.1:9977", "address of the running daemon")
	cmd.Flags().StringVar(&d.tokenFile, "token-file", "", "file with the token to show it (default $"+tokenFileVariable+")")
}

// url is the daemon's address: people write host:port, as after --listen.
func (d *daemonAt) url() string {
	address := d.address
	if !strings.Contains(address, "://") {
		address = "http://" + address
	}
	return strings.TrimRight(address, "/")
}

// ask sends a request; whoever gets the response closes its body.
func (d *daemonAt) ask(ctx context.Context, method, path string, body io.Reader) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, d.url()+path, body)
	if err != nil {
		return nil, err
	}
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/json")
	}
	token, err := d.token()
	if err != nil {
		return nil, err
	}
	if !token.IsZero() {
		req.Header.Set("Authorization", "Bearer "+token.Reveal())
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		if wrapped, ok := errors.AsType[*url.Error](err); ok {
			err = wrapped.Err // without the query
		}
		return nil, fault.Wrap("ask the daemon at "+d.url(), err, "start it with closewatch run or closewatch demo, or name it with --address")
	}
	return resp, nil
}

func (d *daemonAt) token() (secret.Value, error) {
	file := cmp.Or(d.tokenFile, os.Getenv(tokenFileVariable))
	if file == "" {
		return secret.Value{}, nil
	}
	token, err := secret.Expand("${file:"+file+"}", os.LookupEnv)
	if err == nil && strings.ContainsAny(token.Reveal(), " \t\r\n") {
		err = errors.New("it holds more than one word")
	}
	return token, fault.Wrap("read the token in "+file, err, "name a file with one token with --token-file")
}

// refused says why a daemon gave no answer. The response's body is read.
func (d *daemonAt) refused(resp *http.Response) error {
	body, err := io.ReadAll(io.LimitReader(resp.Body, 4<<10))
	if err != nil {
		body = nil // the status says enough
	}
	detail := strings.TrimSpace(string(body))
	var problem struct{ Detail string }
	if json.Unmarshal(body, &problem) == nil {
		detail = problem.Detail
	}
	detail, _, _ = strings.Cut(detail, "\n")
	detail = strings.Map(func(r rune) rune {
		if r < ' ' {
			return -1
		}
		return r
	}, detail)
	e := &fault.Error{
		Op: "ask the daemon at " + d.url(), Err: fmt.Errorf("%s: %s", strings.ToLower(http.StatusText(resp.StatusCode)), detail),
		Kind: fault.Auth, Hint: "name a token that may do this with --token-file",
	}
	switch resp.StatusCode {
	case http.StatusUnauthorized, http.StatusBadRequest:
	case http.StatusNotFound, http.StatusConflict, http.StatusUnprocessableEntity, http.StatusServiceUnavailable:
		if problem.Detail == "" {
			return fmt.Errorf("%s answered %s, as no closewatch does; name the daemon's address with --address", d.url(), resp.Status)
		}
		e.Kind, e.Hint, e.Err = fault.Rejected, "", errors.New(problem.Detail)
	case http.StatusForbidden:
		e.Kind = fault.Denied
	case http.StatusTooManyRequests:
		e.Kind, e.Hint = fault.Limit, "wait "+resp.Header.Get("Retry-After")+"s"
	case http.StatusMisdirectedRequest:
		e.Kind, e.Hint = fault.Denied, "name the daemon with --address as its web.externalURL does"
	default:
		return fmt.Errorf("%s answered %s, as no closewatch does; name the daemon's address with --address", d.url(), resp.Status)
	}
	return e
}
