package traefiksim_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/closewatch/closewatch/internal/lab/traefiksim"
)

// A broken edit leaves a line in the own log and nothing in the metrics; one
// that is taken over does the opposite.
func TestOwnLogHasTheFormsOfTraefik(t *testing.T) {
	tests := map[string]struct {
		log  traefiksim.OwnLog
		want []string
	}{
		"3, JSON": {traefiksim.OwnLog{}, []string{
			`{"level":"info","message":"Traefik version 3.6.12 built on 2026-10-01T10:00:00Z","time":"now"}`,
			`{"error":"yaml: line 3: did not find expected key","level":"error","message":"Error occurred during watcher callback","providerName":"file","time":"now"}`,
		}},
		"3, text": {traefiksim.OwnLog{Text: true}, []string{
			`now INF Traefik version 3.6.12 built on 2026-10-01T10:00:00Z`,
			`now ERR Error occurred during watcher callback error="yaml: line 3: did not find expected key" providerName=file`,
		}},
		"2, JSON": {traefiksim.OwnLog{Version: 2}, []string{
			`{"level":"info","msg":"Traefik version 2.11.8 built on 2026-10-01T10:00:00Z","time":"now"}`,
			`{"level":"error","msg":"Error occurred during watcher callback: yaml: line 3: did not find expected key","providerName":"file","time":"now"}`,
		}},
		"2, text": {traefiksim.OwnLog{Version: 2, Text: true}, []string{
			`time="now" level=info msg="Traefik version 2.11.8 built on 2026-10-01T10:00:00Z"`,
			`time="now" level=error msg="Error occurred during watcher callback: yaml: line 3: did not find expected key" providerName=file`,
		}},
	}
	instant := regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`)
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			tt.log.Path = filepath.Join(t.TempDir(), "traefik.log")
			proxy, err := traefiksim.New(traefiksim.Options{EntryPoints: []traefiksim.EntryPoint{{Name: "web", Address: "127.0.0.1:0"}}, OwnLog: tt.log})
			if err != nil {
				t.Fatal(err)
			}
			if err := proxy.RefuseChange(); err == nil {
				t.Error("a proxy that was not started refused a change")
			}
			if err := proxy.Start(t.Context()); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(proxy.Kill)
			if err := proxy.RefuseChange(); err != nil {
				t.Fatal(err)
			}
			if err := proxy.TakeOver(); err != nil {
				t.Fatal(err)
			}
			data, err := os.ReadFile(tt.log.Path)
			if err != nil {
				t.Fatal(err)
			}
			// The version's own date stays.
			got := strings.Split(strings.TrimSuffix(instant.ReplaceAllStringFunc(string(data), func(s string) string {
				if s == "2026-10-01T10:00:00Z" {
					return s
				}
				return "now"
			}), "\n"), "\n")
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			r := &rig{proxy: proxy}
			if got := sample(r.metrics(t), "traefik_config_reloads_total"); got != "2" {
				t.Errorf("reloads = %s, want that of the start and the one taken over", got)
			}
		})
	}
}
