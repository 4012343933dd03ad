package serverlog

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// failing is a record of several lines that names a person, and one after it.
const failing = "2026-11-22 12:00:01,123 7 ERROR prod odoo.http: Exception during request handling.\n" +
	"Traceback (most recent call last):\n" +
	"  File \"/opt/odoo/addons/account/models/account_move.py\", line 4, in action_post\n    self.env[\"x\"]\n" +
	"KeyError: 'Müller \U0001f4b6'\n" +
	"2026-11-22 12:00:02,123 7 INFO prod odoo.service.model: SERIALIZATION_FAILURE, 4 tries left, try again in 0.3170 sec...\n"

// TestEnvelopes reads the same records out of whatever they are kept in.
func TestEnvelopes(t *testing.T) {
	want := []string{"prod conflict retried serialization 1", "prod conflict_retried 1", "prod error account KeyError 1", "prod request_failed 1"}
	wrap := func(each func(line string) string) string {
		var b strings.Builder
		for line := range strings.Lines(failing) {
			b.WriteString(each(strings.TrimSuffix(line, "\n")))
		}
		return b.String()
	}
	quote := func(s string) string {
		b, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	tests := map[string]struct{ format, log string }{
		"Odoo's file":  {Plain, failing},
		"with returns": {Plain, strings.ReplaceAll(failing, "\n", "\r\n")},
		"in colours, as for a terminal": {Plain, strings.NewReplacer(" ERROR ", " \x1b[1;31m\x1b[1;49mERROR\x1b[0m ", " INFO ", " \x1b[1;32m\x1b[1;49mINFO\x1b[0m ").
			Replace(failing)},
		"an export of the journal, line by line": {Export, wrap(func(line string) string {
			return "__CURSOR=s=7;i=1\n__REALTIME_TIMESTAMP=1795348801123456\n_PID=7\nPRIORITY=6\nMESSAGE=" + line + "\n_UID=101\n\n"
		})},
		"an export of the journal, messages of several lines": {Export, func() string {
			var b strings.Builder
			for i, message := range strings.SplitAfter(failing, "💶'\n") {
				message = strings.TrimSuffix(message, "\n")
				length := binary.LittleEndian.AppendUint64(nil, uint64(len(message)))
				fmt.Fprintf(&b, "__CURSOR=s=7;i=%d\nMESSAGE\n%s%s\n_PID=7\n\n", i, length, message)
			}
			return b.String()
		}()},
		"the journal as JSON": {JSON, wrap(func(line string) string {
			return `{"__CURSOR":"s=7","_CMDLINE":"odoo {\"MESSAGE\": 1}","X":{"MESSAGE":[1,{"a":"]"}]},"MESSAGE":` + quote(line) + `,"_PID":"7"}` + "\n"
		})},
		"the journal as JSON, messages of several lines": {JSON, `{"PRIORITY":"6", "MESSAGE" : ` + quote(failing) + "}\n"},
		"the journal as JSON, messages as bytes": {JSON, wrap(func(line string) string {
			numbers, _ := json.Marshal(func() (n []int) {
				for _, c := range []byte(line) {
					n = append(n, int(c))
				}
				return n
			}())
			return `{"MESSAGE":` + string(numbers) + "}\n"
		})},
		"a container's JSON lines": {JSON, wrap(func(line string) string {
			return `{"log":` + quote(line+"\n") + `,"stream":"stderr","time":"2026-11-22T12:00:01.1Z"}` + "\n"
		})},
		"a Kubernetes container":     {Runtime, wrap(func(line string) string { return "2026-11-22T12:00:01.123456789Z stderr F " + line + "\n" })},
		"between lines of no record": {Plain, "/usr/lib/python3: DeprecationWarning\n" + failing},
	}
	for name, tt := range tests {
		for _, format := range []string{tt.format, Auto} {
			t.Run(name+", "+format, func(t *testing.T) {
				r := newReader(format)
				r.read(tt.log)
				r.settle()
				if diff := cmp.Diff(want, said(r.Save())); diff != "" {
					t.Errorf("counted differs (-want +got):\n%s\nof\n%s", diff, tt.log)
				}
			})
		}
	}
}

// The length of a message may begin with the byte that ends a line.
func TestExportLengthThatLooksLikeALineEnd(t *testing.T) {
	message := failing + strings.Repeat("x", 0x20a-len(failing))
	r := newReader(Export)
	r.read("MESSAGE\n" + string(binary.LittleEndian.AppendUint64(nil, uint64(len(message)))) + message + "\n_PID=7\n\n")
	r.settle()
	if got := r.Save().Tenants["prod"].Events["request_failed"]; got != 1 {
		t.Errorf("%d failed requests, want 1", got)
	}
}

// A file that changes its format, as with another logging driver, is understood
// again.
func TestFormatThatChanges(t *testing.T) {
	r := newReader(Auto)
	r.read(`{"log":"2026-11-22 12:00:01,123 7 ERROR prod odoo.x: x\n"}` + "\n")
	r.read(strings.Repeat("2026-11-22 12:00:01,123 7 INFO prod odoo.x: x\n", manyStrange+2))
	r.read("2026-11-22 12:00:01,123 7 ERROR prod odoo.x: x\n")
	r.settle()
	if diff := cmp.Diff([]string{"prod error core none 2"}, said(r.Save())); diff != "" {
		t.Errorf("counted differs (-want +got):\n%s", diff)
	}
}

// FuzzLine feeds what no Odoo wrote: nothing may panic, and no byte of it may
// be kept but what looks like a name.
func FuzzLine(f *testing.F) {
	for _, seed := range []string{failing, `{"MESSAGE":[50,48`, `{"log":"\u12`, "MESSAGE\n\x0a\x00", "MESSAGE=x", "2026-11-22T12:00:01Z stdout F", "\x1b[", "2026-11-22 12:00:01,123 7 INFO p werkzeug: x] \"GET / HTTP/1.1\" 200 - 1 1 1"} {
		f.Add(seed, seed)
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		for _, format := range Formats() {
			r := newReader(format)
			r.read(a)
			r.read(failing + b)
			r.settle()
			for _, fact := range said(r.Save()) {
				if strings.ContainsAny(fact, "\n\x00") {
					t.Errorf("kept %q", fact)
				}
			}
		}
	})
}
