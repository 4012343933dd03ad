package app

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/closewatch/closewatch/alerts/delivery"
	"github.com/closewatch/closewatch/internal/collector"
	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/odoorpc"
	"github.com/closewatch/closewatch/internal/secret"
)

// A LiveFinding is one thing that was looked at where it is.
type LiveFinding struct {
	Component   string `json:"component"`
	Environment string `json:"environment"`
	collector.Finding
}

// Bounds of looking: how long one component may take, and how many are looked at
// at a time.
const (
	liveTimeout = 5 * time.Second
	liveAtOnce  = 8
)

// A look is one part of the estate that is asked by itself.
type look struct {
	component, environment string
	examine                func(context.Context) []collector.Finding
}

// Live asks every component of the estate whether it can be watched, and every
// Alertmanager, webhook and mail server whether it lets us in, with what the estate
// says, and returns what was found in the
// estate's order. done is told the name of each when it has been looked at, from
// one goroutine at a time. Nothing is kept, and nothing is changed anywhere.
func (p *Plan) Live(ctx context.Context, version string, done func(component string)) []LiveFinding {
	looks := p.looks(version)
	found := make([][]collector.Finding, len(looks))
	turns := make(chan struct{}, liveAtOnce)
	var wg sync.WaitGroup
	var telling sync.Mutex
	for n, l := range looks {
		wg.Go(func() {
			turns <- struct{}{}
			defer func() { <-turns }()
			bounded, cancel := context.WithTimeout(ctx, liveTimeout)
			defer cancel()
			found[n] = l.examine(bounded)
			telling.Lock()
			defer telling.Unlock()
			done(l.component)
		})
	}
	wg.Wait()
	var out []LiveFinding
	for n, l := range looks {
		for _, f := range found[n] {
			out = append(out, LiveFinding{l.component, l.environment, f})
		}
	}
	return out
}

func (p *Plan) looks(version string) []look {
	var looks []look
	for _, c := range p.components {
		looks = append(looks, look{c.Name, c.Environment, func(ctx context.Context) []collector.Finding {
			i := c.Open(p.site(c, slog.New(slog.DiscardHandler), time.Now, ""))
			defer i.Close()
			found := collector.Examine(ctx, i)
			if c.odoo != nil {
				found = append(found, login(ctx, c.odoo.RPC, version)...)
			}
			return found
		}})
	}
	for _, a := range p.Estate.Alertmanagers {
		looks = append(looks, look{"alertmanager", p.Estate.Environment, func(ctx context.Context) []collector.Finding {
			return alertmanagerReady(ctx, a, accessOf(p.Estate.Notifications.Alertmanager))
		}})
	}
	return append(looks, channelLooks(p.Estate)...)
}

// login asks Odoo what it is and lets the flows' user in, who reads one thing.
func login(ctx context.Context, c odoorpc.Config, version string) []collector.Finding {
	client, err := odoorpc.New(c, odoorpc.Options{Version: version})
	if err != nil {
		return collector.Judge("login", "", err)
	}
	defer client.Close()
	odoo, err := client.Version(ctx)
	found := collector.Judge("version", "Odoo "+odoo.Text, err)
	if err != nil {
		return found
	}
	id, err := client.UserID(ctx)
	var seen int
	if err == nil {
		err = client.Call(ctx, "res.users", "search_count", []any{[]any{[]any{"id", "=", id}}}, nil, &seen)
	}
	return append(found, collector.Judge("login", "the user of the flows is let in", err)...)
}

// alertmanagerReady asks an Alertmanager whether it takes alerts. Its address is
// said without what is secret in it.
func alertmanagerReady(ctx context.Context, address secret.Value, access delivery.Access) []collector.Finding {
	u, err := url.Parse(strings.TrimRight(address.Reveal(), "/") + "/-/ready")
	if err != nil || u.Host == "" {
		return []collector.Finding{{Subject: "ready", State: collector.Missing, Text: "its address is not an HTTP URL", Do: "write the base URL, such as http://127.0.0.1:9093"}}
	}
	subject := "ready " + u.Host
	if err = ready(ctx, u, access); err != nil {
		err = fault.Wrap("ask "+u.Host, err, "check that Alertmanager runs there: alerts wait in the outbox until one takes them")
	}
	return collector.Judge(subject, "takes alerts", err)
}

func ready(ctx context.Context, u *url.URL, access delivery.Access) error {
	transport, err := access.Transport()
	if err != nil {
		return err
	}
	client := &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), http.NoBody)
	if err != nil {
		return err
	}
	req.Close = true
	resp, err := client.Do(req)
	if err != nil {
		if inner, ok := err.(*url.Error); ok { //nolint:errorlint // Do returns exactly this type; it repeats the URL
			return inner.Err
		}
		return err
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 4<<10)) // nothing is read of it
	switch resp.StatusCode {
	case http.StatusOK:
		return nil
	case http.StatusUnauthorized:
		return &fault.Error{Op: fmt.Sprintf("HTTP %d", resp.StatusCode), Kind: fault.Auth, Hint: "write user and password, or a token, under notifications.alertmanager"}
	default:
		return &fault.Error{Op: fmt.Sprintf("HTTP %d", resp.StatusCode), Kind: fault.Unavailable}
	}
}

// LiveTotals counts findings by standing.
func LiveTotals(found []LiveFinding) map[collector.Standing]int {
	out := map[collector.Standing]int{}
	for _, f := range found {
		out[f.State]++
	}
	return out
}

// WorstFirst orders findings for people: what needs doing first, each group in
// the estate's order.
func WorstFirst(found []LiveFinding) []LiveFinding {
	order := []collector.Standing{collector.Refused, collector.Missing, collector.Unclear, collector.Advised, collector.Fine}
	out := slices.Clone(found)
	slices.SortStableFunc(out, func(a, b LiveFinding) int {
		return cmp.Compare(slices.Index(order, a.State), slices.Index(order, b.State))
	})
	return out
}
