package traefiksim

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/closewatch/closewatch/internal/fault"
)

// An OwnLog says where the proxy writes what it has to say about itself, in the
// forms of Traefik 2 and 3. The stand-in reads no configuration while it runs,
// so what Traefik would complain of is brought about by RefuseChange and
// Complain.
type OwnLog struct {
	Path    string // "" writes no log
	Version int    // 2 or 3; 0 means 3
	Text    bool   // JSON otherwise
}

// A Complaint is an error Traefik would write to its own log.
type Complaint struct {
	Message  string
	Error    string
	Provider string // such as file, docker or le.acme
	Router   string
}

// errNotRunning is what a stopped proxy answers.
var errNotRunning = errors.New("it is not running")

// RefuseChange does what a broken edit of the configuration does in Traefik 3:
// it leaves a line in the own log, and nothing in the metrics.
func (p *Proxy) RefuseChange() error {
	return p.Complain(Complaint{
		Message: "Error occurred during watcher callback", Error: "yaml: line 3: did not find expected key", Provider: "file",
	})
}

// Complain writes one error to the own log.
func (p *Proxy) Complain(c Complaint) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.run == nil {
		return &fault.Error{Op: "complain in the stand-in's log", Kind: fault.Unavailable, Err: errNotRunning}
	}
	return p.opts.OwnLog.write("error", c)
}

// TakeOver does what an edit of the configuration does that is taken over: the
// metrics tell it, the own log does not.
func (p *Proxy) TakeOver() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.run == nil {
		return &fault.Error{Op: "change the stand-in's configuration", Kind: fault.Unavailable, Err: errNotRunning}
	}
	p.run.chain.telemetry.reloaded()
	return nil
}

// started writes Traefik's first line.
func (o OwnLog) started() error {
	version := "3.6.12"
	if o.Version == 2 {
		version = "2.11.8"
	}
	return o.write("info", Complaint{Message: "Traefik version " + version + " built on 2026-10-01T10:00:00Z"})
}

// write appends one line.
func (o OwnLog) write(level string, c Complaint) error {
	if o.Path == "" {
		return nil
	}
	file, err := os.OpenFile(o.Path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	_, err = file.Write(append(o.line(time.Now(), level, c), '\n'))
	return errors.Join(err, file.Close())
}

// line renders one line. Traefik 2 writes the error into the message, Traefik 3
// beside it.
func (o OwnLog) line(at time.Time, level string, c Complaint) []byte {
	stamp := at.UTC().Format(time.RFC3339)
	fields := [][2]string{{"providerName", c.Provider}, {"routerName", c.Router}}
	if o.Version == 2 {
		if c.Error != "" {
			c.Message += ": " + c.Error
		}
	} else {
		fields = append([][2]string{{"error", c.Error}}, fields...)
	}
	if !o.Text {
		f := map[string]string{"level": level, "time": stamp}
		for _, kv := range fields {
			if kv[1] != "" {
				f[kv[0]] = kv[1]
			}
		}
		f[map[bool]string{true: "msg", false: "message"}[o.Version == 2]] = c.Message
		line, _ := json.Marshal(f) // strings only
		return line
	}
	var b strings.Builder
	if o.Version == 2 {
		fmt.Fprintf(&b, "time=%q level=%s msg=%q", stamp, level, c.Message)
	} else {
		fmt.Fprintf(&b, "%s %s %s", stamp, map[string]string{"error": "ERR", "info": "INF"}[level], c.Message)
	}
	for _, kv := range fields {
		switch {
		case kv[1] == "":
		case strings.ContainsAny(kv[1], ` "=`):
			fmt.Fprintf(&b, " %s=%q", kv[0], kv[1])
		default:
			fmt.Fprintf(&b, " %s=%s", kv[0], kv[1])
		}
	}
	return []byte(b.String())
}
