package telemetry

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/closewatch/closewatch/internal/estate"
	"github.com/closewatch/closewatch/internal/secret"
)

// OTLP says where traces and metrics are sent by OTLP over HTTP.
type OTLP struct {
	Endpoint string                  `yaml:"endpoint,omitempty"` // base URL, such as http://127.0.0.1:4318; empty sends nothing
	Headers  map[string]secret.Value `yaml:"headers,omitempty"`
	Interval estate.Duration         `yaml:"interval,omitempty"` // between two sendings of the metrics
}

// SetDefaults implements estate.Defaulter.
func (o *OTLP) SetDefaults() { o.Interval = estate.Duration(defaultInterval) }

// Validate implements estate.Validator.
func (o *OTLP) Validate() []estate.Problem {
	var problems []estate.Problem
	if u, err := url.Parse(o.Endpoint); o.Endpoint != "" && (err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https") {
		problems = append(problems, estate.Problem{
			Field: "endpoint", What: fmt.Sprintf("%q is not an HTTP address", o.Endpoint),
			Remedy: "write the base URL of an OTLP receiver, such as http://127.0.0.1:4318",
		})
	}
	if o.Interval < 0 {
		problems = append(problems, estate.Problem{Field: "interval", What: "is negative", Remedy: "write a duration such as 60s"})
	}
	return problems
}

// path returns the URL of one signal: its standard path below the endpoint.
func (o *OTLP) path(signal string) string {
	return strings.TrimRight(o.Endpoint, "/") + "/v1/" + signal
}

func (o *OTLP) headers() map[string]string {
	h := make(map[string]string, len(o.Headers))
	for name, v := range o.Headers {
		h[name] = v.Reveal()
	}
	return h
}
