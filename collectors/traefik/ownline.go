package traefik

import (
	"bytes"
	"encoding/json"
	"strings"
	"time"
)

// A trouble is what an error in Traefik's own log is about.
type trouble uint8

const (
	troubleConfiguration trouble = iota // a change of the configuration was not taken over
	troubleRouter                       // a router, service or middleware of a configuration that was taken over does not work
	troubleCertificate                  // a certificate could not be obtained, renewed or loaded
	troubleProvider                     // what the configuration comes from cannot be reached
	troubleOther
	troubles // how many there are
)

var troubleNames = [troubles]string{"configuration", "router", "certificate", "provider", "other"}

// An ownLine is one line of Traefik's own log, as far as it matters.
type ownLine struct {
	at      time.Time // zero when the line does not tell
	failed  bool      // its level is error or worse
	started bool      // Traefik says which version it is, first thing after its start
	about   trouble   // of a line that failed
	dead    bool      // a provider could not start, and is not started again
}

// parseOwn understands the log of Traefik 2 and 3, as JSON and as text, in
// colour or not. False is any other line, such as the rest of a message that
// has several.
func parseOwn(b []byte) (l ownLine, ok bool) {
	if !bytes.HasPrefix(b, []byte("{")) {
		return parseOwnText(uncoloured(b))
	}
	var f struct {
		Level, Msg, Message, Error, Time                      string
		ProviderName, RouterName, ServiceName, MiddlewareName string
		DownstreamStatus                                      json.RawMessage
	}
	if json.Unmarshal(b, &f) != nil || f.Level == "" || f.DownstreamStatus != nil { // the last is an access log's
		return l, false
	}
	l.at = instantOf(f.Time)
	text := f.Msg + f.Message
	l.started = strings.HasPrefix(text, versionLine)
	switch f.Level {
	case "error", "fatal", "panic":
		l.failed, l.dead = true, strings.Contains(text, deadLine)
		part := f.RouterName != "" || f.ServiceName != "" || f.MiddlewareName != ""
		l.about = troubleOf(text+" "+f.Error, f.ProviderName, part)
	}
	return l, true
}

// versionLine is how Traefik's first line begins, deadLine how it gives a
// provider up.
const (
	versionLine = "Traefik version "
	deadLine    = "Cannot start the provider"
)

// parseOwnText reads what Traefik 2 writes:
//
//	time="2026-11-22T02:10:19Z" level=error msg="…" providerName=file
//
// and what Traefik 3 does:
//
//	2026-11-22T02:10:19Z ERR … error="…" providerName=file
func parseOwnText(s string) (l ownLine, ok bool) {
	var level, text string
	if rest, two := strings.CutPrefix(s, `time="`); two {
		var stamp string
		if stamp, rest, ok = strings.Cut(rest, `" level=`); !ok {
			return l, false
		}
		level, text, _ = strings.Cut(rest, " ")
		l.at, text = instantOf(stamp), strings.TrimPrefix(text, `msg="`)
	} else {
		stamp, rest, _ := strings.Cut(s, " ")
		level, text, _ = strings.Cut(rest, " ")
		if l.at = instantOf(stamp); l.at.IsZero() {
			return l, false
		}
	}
	l.started = strings.HasPrefix(text, versionLine)
	switch level {
	case "error", "fatal", "panic", "ERR", "FTL", "PNC":
		l.failed, l.dead = true, strings.Contains(text, deadLine)
		_, provider, _ := strings.Cut(text, "providerName=")
		provider, _, _ = strings.Cut(provider, " ")
		part := strings.Contains(text, "routerName=") || strings.Contains(text, "serviceName=") || strings.Contains(text, "middlewareName=")
		l.about = troubleOf(text, strings.Trim(provider, `"`), part)
	case "debug", "info", "warning", "trace", "TRC", "DBG", "INF", "WRN", "???":
	default:
		return ownLine{}, false
	}
	return l, true
}

// phrases tell troubles apart by what Traefik says, the first that is found.
// They are parts of its messages, alike in its versions 2 and 3.
var phrases = []struct {
	part  string
	about trouble
}{
	{"Provider connection error", troubleProvider},
	{"Provider error, retrying", troubleProvider},
	{"ACME", troubleCertificate},
	{"acme", troubleCertificate},
	{"during watcher callback", troubleConfiguration},
	{deadLine, troubleConfiguration},
	{"starting provider aggregator", troubleConfiguration},
	{"reloading all providers", troubleConfiguration},
	{"building configuration", troubleConfiguration},
	{"decode the configuration", troubleConfiguration},
	{"Unable to watch", troubleConfiguration},
	{"ertificate", troubleCertificate},
}

// troubleOf is what an error is about. part says that it names a router,
// service or middleware.
func troubleOf(text, provider string, part bool) trouble {
	if strings.HasSuffix(provider, ".acme") {
		return troubleCertificate
	}
	for _, p := range phrases {
		if strings.Contains(text, p.part) {
			return p.about
		}
	}
	switch {
	case part:
		return troubleRouter
	case provider != "":
		return troubleProvider
	}
	return troubleOther
}

// instantOf reads the time of a line, zero when it is none.
func instantOf(s string) time.Time {
	if ns := parseRFC3339([]byte(s)); ns != 0 {
		return time.Unix(0, ns)
	}
	return time.Time{}
}

// uncoloured is a line without the sequences that colour it on a terminal.
func uncoloured(b []byte) string {
	if !bytes.Contains(b, []byte{0x1b}) {
		return string(b)
	}
	var out []byte
	for i := 0; i < len(b); i++ {
		if b[i] != 0x1b {
			out = append(out, b[i])
			continue
		}
		for i < len(b) && b[i] != 'm' {
			i++
		}
	}
	return string(out)
}
