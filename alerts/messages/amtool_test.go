package messages_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/closewatch/closewatch/alerts/messages"
)

// A real amtool, of an Alertmanager that is years older than the engine of the
// other tests, takes the templates and the fields of the receivers it knows.
func TestAmtoolTakesThem(t *testing.T) {
	dir := t.TempDir()
	for _, f := range messages.Files() {
		if err := os.WriteFile(filepath.Join(dir, f.Name), []byte(f.Content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	needs := map[string]map[string]any{
		"slack_configs":     {"api_url": "http://slack.example/x"},
		"email_configs":     {"to": "on-call@example.org", "from": "closewatch@example.org", "smarthost": "mail.example:25"},
		"pagerduty_configs": {"routing_key": "x"},
		"opsgenie_configs":  {"api_key": "x"},
	}
	receiver := map[string]any{"name": "on-call"}
	for _, r := range messages.Receivers() {
		config, known := needs[r.Config]
		if !known {
			continue // msteamsv2_configs are newer than that amtool
		}
		for _, f := range r.Fields {
			if f.In == "" {
				config[f.Name] = f.Text
				continue
			}
			in, _ := config[f.In].(map[string]string)
			if in == nil {
				in = map[string]string{}
				config[f.In] = in
			}
			in[f.Name] = f.Text
		}
		receiver[r.Config] = []any{config}
	}
	config, err := json.Marshal(map[string]any{ // JSON is YAML
		"templates": []string{"*.tmpl"}, "route": map[string]any{"receiver": "on-call"}, "receivers": []any{receiver},
	})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "alertmanager.yml")
	if err := os.WriteFile(file, config, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), "amtool", "check-config", file).CombinedOutput(); err != nil {
		t.Errorf("amtool: %v (make setup installs it)\n%s", err, out)
	}
	text := `{{ template "closewatch.title" . }} {{ template "closewatch.plain" . }} {{ template "closewatch.slack.text" . }} {{ template "closewatch.teams.text" . }} {{ template "closewatch.email.text" . }}`
	if out, err := exec.CommandContext(t.Context(), "amtool", "template", "render", "--template.glob", filepath.Join(dir, "*.tmpl"), "--template.text", text).CombinedOutput(); err != nil {
		t.Errorf("amtool: %v\n%s", err, out)
	}
}
