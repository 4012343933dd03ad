package redis

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/closewatch/closewatch/internal/estate"
	"github.com/closewatch/closewatch/internal/secret"
)

func TestConfigValidate(t *testing.T) {
	scan := func(change func(*Scan)) func(*Config) {
		return func(c *Config) {
			c.Scan = &Scan{Patterns: []string{"queue:*"}}
			c.Scan.SetDefaults()
			change(c.Scan)
		}
	}
	sentinels := func(master string, urls ...string) func(*Config) {
		return func(c *Config) {
			c.Sentinels = &Sentinels{Master: master}
			for _, u := range urls {
				c.Sentinels.URLs = append(c.Sentinels.URLs, secret.New(u))
			}
		}
	}
	tests := map[string]struct {
		change func(*Config)
		want   string
	}{
		"sound":               {func(*Config) {}, ""},
		"no url":              {func(c *Config) { c.URL = secret.Value{} }, "url"},
		"not redis":           {func(c *Config) { c.URL = secret.New("http://h:6379") }, "url"},
		"tolerance":           {func(c *Config) { c.Tolerance = "sessions" }, "tolerance"},
		"too fast":            {func(c *Config) { c.Interval, c.PingInterval, c.Timeout = 1, 1, 1 }, "interval pingInterval timeout"},
		"everything":          {func(c *Config) { *c = Config{} }, "url tolerance interval pingInterval timeout"},
		"keys":                {func(c *Config) { c.Keys = []string{"a", "", "a", strings.Repeat("x", 200), "\xff"} }, "keys[1] keys[2] keys[3] keys[4]"},
		"too many keys":       {func(c *Config) { c.Keys = strings.Split(strings.Repeat("k", 65), "") }, "keys"},
		"sentinels":           {sentinels("m", "redis://a:26379", "redis://b:26379"), ""},
		"no sentinel":         {sentinels(""), "sentinels.master sentinels.urls"},
		"sentinel twice":      {sentinels("m", "redis://a:26379", "redis://a:26379"), "sentinels.urls[1]"},
		"sentinel not redis":  {sentinels("m", "a:26379"), "sentinels.urls[0]"},
		"scan":                {scan(func(*Scan) {}), ""},
		"scan for nothing":    {scan(func(s *Scan) { s.Patterns = nil }), "scan.patterns"},
		"scan for too much":   {scan(func(s *Scan) { s.Patterns = []string{"a", "b", "c", "d", "e"} }), "scan.patterns"},
		"scan without limits": {scan(func(s *Scan) { s.KeysPerSecond, s.MaxKeys, s.Interval = 0, 0, 0 }), "scan.keysPerSecond scan.maxKeys scan.interval"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var c Config
			c.SetDefaults()
			c.URL = secret.New("redis://127.0.0.1:6379/0")
			tt.change(&c)
			var fields []string
			add := func(prefix, field string) {
				if field = prefix + field; len(fields) == 0 || fields[len(fields)-1] != field {
					fields = append(fields, field)
				}
			}
			for _, p := range c.Validate() {
				add("", p.Field)
			}
			if c.Sentinels != nil {
				for _, p := range c.Sentinels.Validate() {
					add("sentinels.", p.Field)
				}
			}
			if c.Scan != nil {
				for _, p := range c.Scan.Validate() {
					add("scan.", p.Field)
				}
			}
			if got := strings.Join(fields, " "); got != tt.want {
				t.Errorf("problems with %q, want %q", got, tt.want)
			}
		})
	}
}

// Each mistake is told with its place and what to write instead, all of them at
// once, and none of them shows a password.
func TestMistakesAreToldWithTheirPlace(t *testing.T) {
	data, err := os.ReadFile("testdata/mistakes.yaml")
	must(t, err)
	e, err := estate.Parse("mistakes.yaml", data, estate.Options{Kinds: []string{"redis"}})
	must(t, err)
	var told strings.Builder
	for _, c := range e.Components {
		for _, m := range c.Section.Decode(new(Config)) {
			told.WriteString(m.String() + "\n")
		}
	}
	golden(t, "testdata/mistakes.txt", told.String())
	if strings.Contains(told.String(), "hunter2") {
		t.Error("a password is shown")
	}
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	if os.Getenv("UPDATE_GOLDEN") != "" {
		must(t, os.WriteFile(file, []byte(got), 0o644))
	}
	want, err := os.ReadFile(file)
	must(t, err)
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("differs from %s (-want +got):\n%s", file, diff)
	}
}

func TestExampleIsSound(t *testing.T) {
	data, err := os.ReadFile("../../deploy/examples/acme.yaml")
	must(t, err)
	uncommented := strings.NewReplacer("# sentinels: ", "sentinels: ", "# keys: ", "keys: ", "# scan: ", "scan: ").Replace(string(data))
	for _, text := range []string{string(data), uncommented} {
		// What else the file names, other files and processes, is not looked for
		// here: the estate's own tests load all of it.
		e, err := estate.Parse("acme.yaml", []byte(text), estate.Options{
			Kinds: []string{"redis", "postgres", "traefik", "odoo"}, LookupEnv: func(string) (string, bool) { return "x", true },
		})
		if e == nil {
			t.Fatal(err)
		}
		for _, c := range e.Components {
			if c.Kind != "redis" {
				continue
			}
			var cfg Config
			if mistakes := c.Section.Decode(&cfg); len(mistakes) > 0 {
				t.Error(mistakes)
			}
			if cfg.Tolerance != Session {
				t.Errorf("tolerance %q", cfg.Tolerance)
			}
		}
	}
}
