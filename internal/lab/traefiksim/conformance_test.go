package traefiksim_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/closewatch/closewatch/internal/lab/traefiksim"
)

// Every recorded situation is brought about again; the line it leaves must
// have the recorded keys and values, but for addresses, times and durations.
func TestJSONLinesMatchTheRecording(t *testing.T) {
	recorded := recordedLines(t, "testdata/access-json.log", func(line string) uint64 {
		var fields struct{ RequestCount uint64 }
		if err := json.Unmarshal([]byte(line), &fields); err != nil {
			t.Fatal(err)
		}
		return fields.RequestCount
	})
	r := newRig(t, traefiksim.AccessLog{Format: traefiksim.JSON})
	for i, s := range situations() {
		t.Run(s.name, func(t *testing.T) {
			s.act(t, r)
			line := r.lines(t, i+1)[i]
			if diff := cmp.Diff(comparable(t, recorded[s.recorded], theirs), comparable(t, line, r.ours())); diff != "" {
				t.Errorf("line differs (-recorded +ours):\n%s", diff)
			}
			if got, want := keyOrder(t, line), keyOrder(t, recorded[s.recorded]); !cmp.Equal(got, want) {
				t.Errorf("keys = %v, want %v", got, want)
			}
		})
	}
}

func TestCommonLinesMatchTheRecording(t *testing.T) {
	number := regexp.MustCompile(` (\d+) "[^"]*" "[^"]*" \d+ms$`)
	recorded := recordedLines(t, "testdata/access-common.log", func(line string) (n uint64) {
		if _, err := fmt.Sscan(number.FindStringSubmatch(line)[1], &n); err != nil {
			t.Fatal(err)
		}
		return n
	})
	r := newRig(t, traefiksim.AccessLog{Format: traefiksim.Common, DropHeaders: true})
	mask := func(line string, names func(string) string) string {
		line = regexp.MustCompile(`\[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\]`).ReplaceAllString(line, "[time]")
		line = regexp.MustCompile(`\b\d+ms$`).ReplaceAllString(line, "1ms")
		return regexp.MustCompile(` \d+ ("[^"]*" "[^"]*" 1ms)$`).ReplaceAllString(names(line), " n $1")
	}
	for i, s := range situations() {
		t.Run(s.name, func(t *testing.T) {
			s.act(t, r)
			got, want := mask(r.lines(t, i+1)[i], r.ours()), mask(recorded[s.recorded], theirs)
			if got != want {
				t.Errorf("line is\n%s\nrecorded is\n%s", got, want)
			}
		})
	}
}

// Lines are written when requests end, RequestCount is given when they come.
func TestRequestCountIsTheOrderOfArrival(t *testing.T) {
	r := newRig(t, traefiksim.AccessLog{})
	conn, answer := openChat(t, r)
	r.send(t, call{path: "/ok"})
	short := r.lines(t, 1)[0]
	_, _ = io.WriteString(conn, "bye")
	_, _ = io.Copy(io.Discard, answer)
	_ = conn.Close()
	long := r.lines(t, 2)[1]
	if !strings.Contains(short, `"RequestCount":2,`) || !strings.Contains(long, `"RequestCount":1,`) {
		t.Errorf("the websocket came first and must have number 1 in line 2:\n%s\n%s", short, long)
	}
}

// openChat upgrades a connection and returns once the proxy has.
func openChat(t *testing.T, r *rig) (net.Conn, *bufio.Reader) {
	t.Helper()
	conn, answer := r.dial(t, "GET /ws/chat HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
	res, err := http.ReadResponse(answer, nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if res.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("status %d, want 101", res.StatusCode)
	}
	return conn, answer
}

func recordedLines(t *testing.T, path string, number func(string) uint64) map[uint64]string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := map[uint64]string{}
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSuffix(line, "\n")
		lines[number(line)] = line
	}
	return lines
}

// theirs and ours give the addresses of both set-ups common names.
func theirs(line string) string {
	return strings.NewReplacer(
		"127.0.0.1:19001", "BACKEND", "127.0.0.1:19002", "BACKEND", "127.0.0.1:19009", "DEAD",
		"https://127.0.0.1:18443/", "https://127.0.0.1:18443/", // a Location, alike in both
		"127.0.0.1:18080", "ENTRY", `"18080"`, `"PORT"`, "127.0.0.1:18443", "ENTRY", `"18443"`, `"PORT"`,
		`"X-Backend":"b2"`, `"X-Backend":"b1"`, `_X-Backend":"b2"`, `_X-Backend":"b1"`,
		`"entryPointName":"web"`, `"entryPointName":"ENTRY"`, `"entryPointName":"websecure"`, `"entryPointName":"ENTRY"`,
	).Replace(line)
}

func (r *rig) ours() func(string) string {
	var pairs []string
	for _, name := range []string{"web", "websecure", "unrouted"} {
		address := r.proxy.Address(name)
		_, port, _ := net.SplitHostPort(address)
		pairs = append(pairs, address, "ENTRY", `"`+port+`"`, `"PORT"`, `"entryPointName":"`+name+`"`, `"entryPointName":"ENTRY"`)
	}
	host := func(url string) string { return strings.TrimPrefix(url, "http://") }
	return strings.NewReplacer(append(pairs, host(r.backend), "BACKEND", host(r.dead), "DEAD")...).Replace
}

// comparable decodes a line, keeps of volatile values only what they must be,
// and checks the arithmetic between durations.
func comparable(t *testing.T, line string, names func(string) string) map[string]any {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(names(line)))
	d.UseNumber()
	var f map[string]any
	if err := d.Decode(&f); err != nil {
		t.Fatalf("%v in %s", err, line)
	}
	ns := func(key string) int64 {
		n, err := f[key].(json.Number).Int64()
		if err != nil {
			t.Errorf("%s = %v, want an integer", key, f[key])
		}
		return n
	}
	if total, origin, overhead := ns("Duration"), ns("OriginDuration"), ns("Overhead"); total <= 0 || overhead != total-origin {
		t.Errorf("Duration %d, OriginDuration %d, Overhead %d do not add up", total, origin, overhead)
	}
	f["Duration"], f["Overhead"] = "ns", "ns"
	if ns("OriginDuration") > 0 {
		f["OriginDuration"] = "ns"
	}
	f["ClientAddr"], f["ClientPort"], f["RequestCount"] = "address", "port", "number"
	for key, layout := range map[string]string{"StartUTC": time.RFC3339Nano, "StartLocal": time.RFC3339Nano, "time": time.RFC3339} {
		if _, err := time.Parse(layout, f[key].(string)); err != nil {
			t.Error(err)
		}
		f[key] = "time"
	}
	if !strings.HasSuffix(jsonString(line, "StartUTC"), "Z") {
		t.Errorf("StartUTC = %s is not in UTC", jsonString(line, "StartUTC"))
	}
	if in, ok := f["downstream_X-Retry-In"].(string); ok {
		if _, err := time.ParseDuration(in); err != nil {
			t.Error(err)
		}
		f["downstream_X-Retry-In"] = "duration"
	}
	return f
}

func jsonString(line, key string) string {
	_, rest, _ := strings.Cut(line, `"`+key+`":"`)
	value, _, _ := strings.Cut(rest, `"`)
	return value
}

func keyOrder(t *testing.T, line string) []string {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(line))
	var keys []string
	for i := 0; ; i++ {
		token, err := d.Token()
		if err == io.EOF {
			return keys
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, isDelim := token.(json.Delim); !isDelim && i%2 == 1 {
			keys = append(keys, token.(string))
		}
	}
}
