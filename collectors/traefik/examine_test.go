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
		"a directory":           {Config{AccessLog: dir}, "accesslog | missing | read " + dir + ": is not a file"},
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
			if !strings.Contains(b.String(), tt.want) {
				t.Errorf("nothing says %q:\n%s", tt.want, b.String())
			}
		})
	}
}
