package traefik

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/closewatch/closewatch/internal/collector"
)

// calls is an access log of so many calls of each model method.
func calls(of map[string]int) string {
	var b strings.Builder
	for method, n := range of {
		for range n {
			fmt.Fprintf(&b, "{\"DownstreamStatus\":200,\"Duration\":1000,\"RequestMethod\":\"POST\",\"RequestPath\":\"/web/dataset/call_kw/%s\"}\n", method)
		}
	}
	return b.String()
}

func TestExamine(t *testing.T) {
	dir := t.TempDir()
	file := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	answering := serve(t, http.StatusOK, "traefik_config_reloads_total 1\n").URL
	forbidden := serve(t, http.StatusForbidden, "").URL
	missing := filepath.Join(dir, "missing.log")
	tests := map[string]struct {
		config Config
		want   string
	}{
		"all is well":           {Config{Metrics: answering, Ping: []string{answering}, AccessLog: file("a.log", "{\"time\":1}\n")}, "metrics | ok | answers | \nping | ok | answers | \naccesslog | ok | readable, JSON | \n"},
		"metrics are refused":   {Config{Metrics: forbidden}, "metrics | refused | read Traefik's metrics: HTTP 403 Forbidden"},
		"no log":                {Config{AccessLog: missing}, "accesslog | missing | read " + missing + ": file does not exist | switch it on in Traefik"},
		"a log of another kind": {Config{AccessLog: file("b.log", "127.0.0.1 - -\n"), Format: formatJSON}, "accesslog | missing | read " + filepath.Join(dir, "b.log") + ": its lines are not JSON"},
		"CLF":                   {Config{AccessLog: file("c.log", "127.0.0.1 - -\n")}, "accesslog | ok | readable, CLF"},
		"an empty log":          {Config{AccessLog: file("d.log", "")}, "accesslog | ok | readable, and empty so far"},
		"the own log":           {Config{Log: file("e.log", "2026-11-22T02:10:19Z INF Traefik version 3.6.12 built on 2026-10-01T10:00:00Z\n")}, "log | ok | readable | \n"},
		"the access log for the own": {
			Config{Log: file("f.log", string(lineAt("erp.example.com", 200))+"\n")},
			"log | missing | read " + filepath.Join(dir, "f.log") + ": its lines are not those of Traefik's own log | write the path of Traefik's log.filePath",
		},
		"no own log": {Config{Log: missing}, "log | missing | read " + missing + ": file does not exist | switch it on in Traefik: log: {filePath: " + missing + ", level: INFO}"},
		"methods without a label": {
			Config{AccessLog: file("g.log", calls(map[string]int{"sale.order/action_quotation_send": 9, "stock.picking/action_confirm": 20, "res.partner/web_search_read": 90, "x.y/action_rare": 4, "account.move/action_post": 30}))},
			"operations | advice | 2 model methods that change something are called often and count as other | list those an objective is about: operations: [stock.picking/action_confirm, sale.order/action_quotation_send]\n",
		},
		"methods that have one by now": {
			Config{AccessLog: file("h.log", calls(map[string]int{"stock.picking/action_confirm": 20})), Operations: []string{"stock.picking/action_confirm"}},
			"accesslog | ok | readable, JSON | \n",
		},
		"a directory": {Config{AccessLog: dir}, "accesslog | missing | read " + dir + ": is not a file"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var b strings.Builder
			c := tt.config
			c.SetDefaults()
			if tt.config.Format != "" {
				c.Format = tt.config.Format
			}
			i := New(Settings{Component: "ingress", Config: c})
			defer i.Close()
			for _, f := range collector.Examine(t.Context(), i) {
				fmt.Fprintf(&b, "%s | %s | %s | %s\n", f.Subject, f.State, f.Text, f.Do)
			}
			if name == "methods that have one by now" && b.String() != tt.want {
				t.Errorf("says\n%s", b.String())
			}
			if !strings.Contains(b.String(), tt.want) {
				t.Errorf("nothing says %q:\n%s", tt.want, b.String())
			}
		})
	}
}
