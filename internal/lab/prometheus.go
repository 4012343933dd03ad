package lab

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// PrometheusOptions shape a Prometheus server.
type PrometheusOptions struct {
	// Config is the whole configuration; "" scrapes Scrape every Interval
	// (default a second), evaluates Rules as often and sends to Alertmanagers.
	Config        string
	Scrape        map[string][]string // host:port by job
	Interval      time.Duration
	Rules         string   // a rule file's text
	Alertmanagers []string // host:port
	// DataDir is an existing TSDB directory to serve; "" is a new one.
	DataDir string
	Args    []string // further flags
}

// A Prometheus is a running Prometheus server. It accepts remote write.
type Prometheus struct {
	*Server
	URL string
}

// Prometheus starts a Prometheus server.
func (l *Lab) Prometheus(ctx context.Context, o PrometheusOptions) (*Prometheus, error) {
	program, err := find("prometheus", "prometheus")
	if err != nil {
		return nil, err
	}
	name := l.name("prometheus")
	dir, err := l.mkdir(nil, 0o755, name)
	if err != nil {
		return nil, err
	}
	config, err := o.write(dir)
	if err != nil {
		return nil, err
	}
	p := &Prometheus{}
	var address string
	p.Server = &Server{
		name: name, program: program, dir: dir, quit: syscall.SIGTERM,
		args: func() []string {
			return append([]string{
				"--config.file=" + config, "--storage.tsdb.path=" + cmp.Or(o.DataDir, filepath.Join(dir, "data")),
				"--web.listen-address=" + address, "--web.enable-remote-write-receiver",
				// The first send comes before Alertmanagers are discovered, the
				// next would come a minute later.
				"--rules.alert.resend-delay=1s",
			}, o.Args...)
		},
		ready: func(ctx context.Context) error { return answers(ctx, p.URL+"/-/ready") },
	}
	err = l.launch(ctx, p.Server, 1, func(ports []int) error {
		address = loopback(ports[0])
		p.URL = "http://" + address
		return nil
	})
	if err != nil {
		return nil, err
	}
	return p, nil
}

// write makes the configuration's files and returns the path of the main one.
// JSON is YAML, too.
func (o PrometheusOptions) write(dir string) (string, error) {
	config := []byte(o.Config)
	if o.Config == "" {
		static := func(targets []string) []object { return []object{{"targets": targets}} }
		every := fmt.Sprintf("%dms", cmp.Or(o.Interval, time.Second).Milliseconds())
		scrapes := []object{}
		for job, targets := range o.Scrape {
			scrapes = append(scrapes, object{"job_name": job, "static_configs": static(targets)})
		}
		c := object{
			"global":         object{"scrape_interval": every, "scrape_timeout": every, "evaluation_interval": every},
			"scrape_configs": scrapes,
		}
		if o.Rules != "" {
			c["rule_files"] = []string{"rules.yml"}
		}
		if len(o.Alertmanagers) > 0 {
			c["alerting"] = object{"alertmanagers": []object{{"static_configs": static(o.Alertmanagers)}}}
		}
		var err error
		if config, err = json.Marshal(c); err != nil {
			return "", err
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "rules.yml"), []byte(o.Rules), 0o600); err != nil {
		return "", err
	}
	path := filepath.Join(dir, "prometheus.yml")
	return path, os.WriteFile(path, config, 0o600)
}
