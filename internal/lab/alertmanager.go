package lab

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/closewatch/closewatch/internal/fault"
)

// AlertmanagerOptions shape an Alertmanager.
type AlertmanagerOptions struct {
	// Config is the whole configuration; "" is one route that waits a second
	// and repeats after an hour, to WebhookURL or to nobody.
	Config     string
	File       string // a configuration that is there, with the templates that it names, instead
	WebhookURL string
	// Cluster has it listen for others; Peers are those of its cluster that run.
	Cluster bool
	Peers   []*Alertmanager
	Args    []string // further flags
}

// An Alertmanager is a running Alertmanager.
type Alertmanager struct {
	*Server
	URL        string
	ConfigPath string
	cluster    string // address where it listens for others; "" is none
}

// Alertmanager starts an Alertmanager.
func (l *Lab) Alertmanager(ctx context.Context, o AlertmanagerOptions) (*Alertmanager, error) {
	program, err := find("prometheus-alertmanager", "prometheus-alertmanager", "alertmanager")
	if err != nil {
		return nil, err
	}
	name := l.name("alertmanager")
	dir, err := l.mkdir(nil, 0o755, name)
	if err != nil {
		return nil, err
	}
	a := &Alertmanager{ConfigPath: o.File}
	if a.ConfigPath == "" {
		config := o.Config
		if config == "" {
			if config, err = defaultRoute(o.WebhookURL); err != nil {
				return nil, err
			}
		}
		a.ConfigPath = filepath.Join(dir, "alertmanager.yml")
		if err := os.WriteFile(a.ConfigPath, []byte(config), 0o600); err != nil {
			return nil, err
		}
	}
	var address string
	a.Server = &Server{
		name: name, program: program, dir: dir, quit: syscall.SIGTERM,
		args: func() []string {
			args := []string{
				"--config.file=" + a.ConfigPath, "--storage.path=" + filepath.Join(dir, "data"),
				"--web.listen-address=" + address, "--cluster.listen-address=" + a.cluster,
			}
			for _, p := range o.Peers {
				args = append(args, "--cluster.peer="+p.cluster)
			}
			return append(args, o.Args...)
		},
		ready: func(ctx context.Context) error { return answers(ctx, a.URL+"/-/ready") },
	}
	err = l.launch(ctx, a.Server, 2, func(ports []int) error {
		address = loopback(ports[0])
		a.URL = "http://" + address
		if o.Cluster {
			a.cluster = loopback(ports[1])
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return a, nil
}

// Configure replaces the whole configuration of a running Alertmanager, which goes on
// with the alerts it has. One that it refuses is an error, and the one before stays
// in force.
func (a *Alertmanager) Configure(ctx context.Context, config []byte) error {
	op := "configure " + a.name
	if err := os.WriteFile(a.ConfigPath, config, 0o600); err != nil {
		return fault.Wrap(op, err, "")
	}
	_, err := ask(ctx, http.MethodPost, a.URL+"/-/reload")
	return fault.Wrap(op, err, "")
}

// defaultRoute is a configuration in JSON, which is YAML, too.
func defaultRoute(webhookURL string) (string, error) {
	receiver := object{"name": "lab"}
	if webhookURL != "" {
		receiver["webhook_configs"] = []object{{"url": webhookURL, "send_resolved": true}}
	}
	config, err := json.Marshal(object{
		"route":     object{"receiver": "lab", "group_wait": "1s", "group_interval": "2s", "repeat_interval": "1h"},
		"receivers": []object{receiver},
	})
	return string(config), err
}

// An Alert is an alert as Alertmanager's API v2 shows it.
type Alert struct {
	Fingerprint  string            `json:"fingerprint"`
	Labels       map[string]string `json:"labels"`
	Annotations  map[string]string `json:"annotations"`
	StartsAt     time.Time         `json:"startsAt"`
	EndsAt       time.Time         `json:"endsAt"`
	UpdatedAt    time.Time         `json:"updatedAt"`
	GeneratorURL string            `json:"generatorURL"`
	Receivers    []struct {
		Name string `json:"name"`
	} `json:"receivers"`
	Status struct {
		State       string   `json:"state"` // unprocessed, active, suppressed
		SilencedBy  []string `json:"silencedBy"`
		InhibitedBy []string `json:"inhibitedBy"`
	} `json:"status"`
}

// Alerts lists what Alertmanager holds: all that has not ended, silenced and
// inhibited alerts included.
func (a *Alertmanager) Alerts(ctx context.Context) ([]Alert, error) {
	var alerts []Alert
	err := getJSON(ctx, a.URL+"/api/v2/alerts?active=true&silenced=true&inhibited=true&unprocessed=true", &alerts)
	return alerts, fault.Wrap("list alerts of "+a.name, err, "")
}
