package certificate

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"strings"
	"time"
	"unicode"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/closewatch/closewatch/internal/collector"
	"github.com/closewatch/closewatch/internal/fault"
)

// Sources of a certificate.
const (
	fromFile   = "file"
	fromServer = "served"
)

var (
	labels = []string{"name", "source"}

	readableDesc = prometheus.NewDesc("certificate_readable",
		"Whether the certificate could be read; what is told of it is absent while it cannot.", labels, nil)
	validDesc = prometheus.NewDesc("certificate_valid",
		"Whether a client that trusts the authorities takes the certificate now; absent when they are not known.", labels, nil)
	problemDesc = prometheus.NewDesc("certificate_problem",
		"Whether the certificate has a problem: expired, not_yet_valid, hostname, self_signed, untrusted or weak.", append([]string{"reason"}, labels...), nil)
	notBeforeDesc = prometheus.NewDesc("certificate_not_before_timestamp_seconds",
		"When the certificate begins.", labels, nil)
	notAfterDesc = prometheus.NewDesc("certificate_not_after_timestamp_seconds",
		"When the certificate itself ends.", labels, nil)
	chainDesc = prometheus.NewDesc("certificate_chain_not_after_timestamp_seconds",
		"When the last of the chains that verify ends, at the first end of its certificates; absent when none verifies.", labels, nil)
	remainingDesc = prometheus.NewDesc("certificate_remaining_seconds",
		"Time until clients stop taking the certificate, negative after that, by how long its whole life is: short, medium or long.", append([]string{"life"}, labels...), nil)
	infoDesc = prometheus.NewDesc("certificate_info",
		"The certificate, as labels.", append([]string{"issuer", "key", "fingerprint"}, labels...), nil)
	changesDesc = prometheus.NewDesc("certificate_changes_total",
		"Times another certificate was seen than before, and of these those with another issuer or key.", append([]string{"what"}, labels...), nil)
	mismatchDesc = prometheus.NewDesc("certificate_mismatch",
		"Whether the server shows another certificate than is in the file; absent unless both were read.", []string{"name"}, nil)

	// Names of blackbox_exporter.
	earliestDesc = prometheus.NewDesc("probe_ssl_earliest_cert_expiry",
		"When the first certificate of those the server sends ends, needed or not.", []string{"name"}, nil)
	lastChainDesc = prometheus.NewDesc("probe_ssl_last_chain_expiry_timestamp_seconds",
		"When the last of the chains that verify ends; absent when none verifies.", []string{"name"}, nil)
)

// A watch looks at one target and remembers what it saw last.
type watch struct {
	target   Target
	settings Settings
	seen     map[string]*memory // by source
}

func newWatch(t Target, s Settings) collector.Collector {
	return &watch{target: t, settings: s, seen: map[string]*memory{}}
}

// Describe implements collector.Collector.
func (*watch) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		readableDesc, validDesc, problemDesc, notBeforeDesc, notAfterDesc, chainDesc, remainingDesc, infoDesc, changesDesc, mismatchDesc,
		earliestDesc, lastChainDesc,
	} {
		ch <- d
	}
}

// Collect implements collector.Collector. A bad certificate is a finding, not a
// failure; one that cannot be read is.
func (w *watch) Collect(ctx context.Context, ch chan<- prometheus.Metric) error {
	t := w.target
	q := question{now: w.settings.Now(), name: t.serverName(), usage: x509.ExtKeyUsageServerAuth}
	if t.Served == "" {
		q.usage = x509.ExtKeyUsageAny
	}
	var failed error
	q.roots, failed = authorities(t.CA)
	if failed != nil {
		q.roots = nil
	}
	shown := map[string]*x509.Certificate{}
	look := func(source string, read func() ([]*x509.Certificate, error)) {
		chain, err := read()
		if errors.Is(ctx.Err(), context.Canceled) {
			failed = ctx.Err()
			return
		}
		failed = join(failed, err)
		gauge(ch, readableDesc, truth(err == nil), t.Name, source)
		if err != nil {
			return
		}
		shown[source] = chain[0]
		w.remember(source, chain[0])
		w.publish(ch, source, judge(chain, q), q.now)
	}
	if t.File != "" {
		look(fromFile, func() ([]*x509.Certificate, error) { return readFile(t.File) })
	}
	if t.Served != "" {
		look(fromServer, func() ([]*x509.Certificate, error) { return ask(ctx, t, w.settings.Resolver) })
	}
	if len(shown) == 2 {
		gauge(ch, mismatchDesc, truth(!shown[fromFile].Equal(shown[fromServer])), t.Name)
	}
	return fault.Wrap("look at certificate "+t.Name, failed, "")
}

// join is errors.Join that leaves a single error as it is.
func join(first, second error) error {
	switch {
	case first == nil:
		return second
	case second == nil:
		return first
	}
	return errors.Join(first, second)
}

func (w *watch) publish(ch chan<- prometheus.Metric, source string, v verdict, now time.Time) {
	name, leaf := w.target.Name, v.leaf
	timestamp := func(d *prometheus.Desc, at time.Time, labels ...string) {
		if !at.IsZero() {
			gauge(ch, d, float64(at.Unix()), labels...)
		}
	}
	timestamp(notBeforeDesc, leaf.NotBefore, name, source)
	timestamp(notAfterDesc, leaf.NotAfter, name, source)
	timestamp(chainDesc, v.end, name, source)
	if source == fromServer {
		timestamp(earliestDesc, v.earliest, name)
		timestamp(lastChainDesc, v.end, name)
	}
	gauge(ch, remainingDesc, v.until().Sub(now).Seconds(), lifeOf(leaf), name, source)
	fingerprint := sha256.Sum256(leaf.Raw)
	gauge(ch, infoDesc, 1, issuer(leaf), keyOf(leaf), hex.EncodeToString(fingerprint[:]), name, source)
	if v.judged {
		gauge(ch, validDesc, truth(v.valid()), name, source)
		for _, r := range reasons {
			gauge(ch, problemDesc, truth(v.problems[r]), string(r), name, source)
		}
	}
	for what, n := range w.seen[source].changes {
		ch <- prometheus.MustNewConstMetric(changesDesc, prometheus.CounterValue, float64(n), what, name, source)
	}
}

// A memory is what was seen of a certificate, and how often it changed.
type memory struct {
	leaf    *x509.Certificate
	changes map[string]uint64 // by what changed
}

// remember compares with what was seen last. What was seen while it could not
// be read is kept: the next look may be at another one.
func (w *watch) remember(source string, leaf *x509.Certificate) {
	m := w.seen[source]
	if m == nil {
		w.seen[source] = &memory{leaf, map[string]uint64{"certificate": 0, "issuer": 0, "key": 0}}
		return
	}
	before := m.leaf
	m.leaf = leaf
	if leaf.Equal(before) {
		return
	}
	otherIssuer := !bytes.Equal(leaf.RawIssuer, before.RawIssuer)
	otherKey := !bytes.Equal(leaf.RawSubjectPublicKeyInfo, before.RawSubjectPublicKeyInfo)
	m.changes["certificate"]++
	if otherIssuer {
		m.changes["issuer"]++
	}
	if otherKey {
		m.changes["key"]++
	}
	w.settings.Log.Info("certificate changed", "component", w.settings.Component, "certificate", w.target.Name, "source", source,
		"issuer_changed", otherIssuer, "key_changed", otherKey, "not_after", leaf.NotAfter)
}

// maxIssuer bounds a label.
const maxIssuer = 64

// issuer names the authority. A certificate that vouches for itself names
// whoever it is for, which may be a person, and is "self".
func issuer(c *x509.Certificate) string {
	if vouchesForItself(c) {
		return "self"
	}
	name := c.Issuer.CommonName
	if name == "" && len(c.Issuer.Organization) > 0 {
		name = c.Issuer.Organization[0]
	}
	name = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(name, "?"))
	if runes := []rune(name); len(runes) > maxIssuer {
		name = string(runes[:maxIssuer])
	}
	return name
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func gauge(ch chan<- prometheus.Metric, d *prometheus.Desc, v float64, labels ...string) {
	ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
}
