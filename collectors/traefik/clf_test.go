package traefik

import (
	"testing"
	"time"
)

func TestScanCLFReadsEveryRecordedLine(t *testing.T) {
	p := newParser(formatCLF)
	for i, line := range sampleLines(t, "testdata/access.clf.log") {
		if p.parse(line) != parsed {
			t.Errorf("line %d not parsed: %s", i+1, line)
		}
	}
}

func TestRecordedFormatsAgree(t *testing.T) {
	js, clf := sampleLines(t, "testdata/access.json.log"), sampleLines(t, "testdata/access.clf.log")
	if len(js) != len(clf) {
		t.Fatalf("%d JSON lines, %d CLF lines", len(js), len(clf))
	}
	a, b := newParser(formatAuto), newParser(formatAuto)
	for i := range js {
		a.parse(js[i])
		b.parse(clf[i])
		if a.req.Status != b.req.Status || string(a.req.Path) != string(b.req.Path) || a.req.Count != b.req.Count || string(a.req.Method) != string(b.req.Method) || a.req.Service != b.req.Service {
			t.Errorf("line %d: JSON %d %s %s #%d, CLF %d %s %s #%d", i+1,
				a.req.Status, a.req.Method, a.req.Path, a.req.Count, b.req.Status, b.req.Method, b.req.Path, b.req.Count)
		}
	}
}

func TestScanCLF(t *testing.T) {
	const tail = ` 200 7 "-" "-" 9 "app@file" "http://127.0.0.1:1" 12ms`
	const at = `10.0.0.1 - - [22/Nov/2026:02:10:37 +0100] `
	tests := map[string]struct {
		line, path, agent string
	}{
		"plain":                          {at + `"GET /a HTTP/1.1"` + tail, "/a", "-"},
		"query string is dropped":        {at + `"POST /web/login?db=x&token=s HTTP/1.1"` + tail, "/web/login", "-"},
		"quotes in the path":             {at + `"GET /a"b"/c HTTP/1.1"` + tail, `/a"b"/c`, "-"},
		"path forges the fields":         {at + `"GET /a"_500_9_"-"_"-"_1_"r"_"u"_1ms HTTP/1.1"` + tail, `/a"_500_9_"-"_"-"_1_"r"_"u"_1ms`, "-"},
		"user name with quotes":          {`10.0.0.1 - a "GET /x HTTP/1.1" 500 [22/Nov/2026:02:10:37 +0100] "GET /a HTTP/1.1"` + tail, "/a", "-"},
		"agent with escaped quotes":      {at + `"GET /a HTTP/1.1" 200 7 "-" "a \"closewatch-probe/1\" b" 9 "r" "u" 1ms`, "/a", `a \"closewatch-probe/1\" b`},
		"agent that ends in a backslash": {at + `"GET /a HTTP/1.1" 200 7 "-" "x\" 9 "r" "u" 1ms`, "/a", `x\`},
		"torn":                           {at + `"GET /a HTTP/1.1" 200 7 "-" "-" 9 "app@f`, "", ""},
		"no request":                     {`"-" "-" 9 "r" "u" 1ms`, "", ""},
		"status is not a number":         {at + `"GET /a HTTP/1.1" xx 7 "-" "-" 9 "r" "u" 1ms`, "", ""},
		"duration is absurd":             {at + `"GET /a HTTP/1.1" 200 7 "-" "-" 9 "r" "u" 99999999999999999999ms`, "", ""},
		"empty":                          {"", "", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			p := newParser(formatCLF)
			path, agent := "", ""
			if p.parse([]byte(tt.line)) == parsed {
				path, agent = string(p.req.Path), string(p.req.Agent)
				if want := time.Date(2026, 11, 22, 1, 10, 37, 0, time.UTC).UnixNano(); p.req.Start != want {
					t.Errorf("start = %d, want %d", p.req.Start, want)
				}
			}
			if path != tt.path || agent != tt.agent {
				t.Errorf("path %q agent %q, want %q %q", path, agent, tt.path, tt.agent)
			}
		})
	}
}

func TestScanCLFTellsKindsOfLinesApart(t *testing.T) {
	const at = `10.0.0.1 - - [22/Nov/2026:02:10:37 +0100] `
	tests := map[string]struct {
		line   string
		kind   lineKind
		status int64
	}{
		"common":                       {at + `"GET /a HTTP/1.1" 200 7 "-" "-" 9 "r" "u" 1ms`, parsed, 200},
		"websocket":                    {at + `"GET /websocket HTTP/1.1" 0 0 "-" "-" 9 "r" "u" 1ms`, parsed, 0},
		"genericCLF":                   {at + `"GET /a?b=c HTTP/1.1" 404 7 "https://x/\"q" "x \"y\" z"`, plain, 404},
		"genericCLF, no status":        {at + `"GET /a HTTP/1.1" - - "-" "-"`, unparsed, absent},
		"Traefik 2, nobody behind it":  {at + `"GET /a HTTP/1.1" - - "-" "-" 9 "-" "-" 0ms`, statusless, absent},
		"common, torn after the URL":   {at + `"GET /a HTTP/1.1" 200 7 "-" "-" 9 "r" "u"`, unparsed, absent},
		"common, torn after the agent": {at + `"GET /a HTTP/1.1" 200 7 "-" "-" 9`, unparsed, absent},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			p := newParser(formatAuto)
			if kind := p.parse([]byte(tt.line)); kind != tt.kind {
				t.Fatalf("kind = %d, want %d", kind, tt.kind)
			}
			if tt.kind != unparsed && (string(p.req.Path) == "" || p.req.Status != tt.status || (tt.kind == plain) != (p.req.Duration == absent)) {
				t.Errorf("path %q status %d duration %d", p.req.Path, p.req.Status, p.req.Duration)
			}
		})
	}
}

func FuzzScanCLF(f *testing.F) {
	for _, line := range sampleLines(f, "testdata/access.clf.log") {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		p := newParser(formatCLF)
		kind := p.parse(line)
		if kind == unparsed || kind == statusless {
			return
		}
		if p.req.Status < 0 || (p.req.Duration < 0) != (kind == plain) || len(p.req.Path) == 0 {
			t.Errorf("accepted without status, duration or path: %q", line)
		}
	})
}

func BenchmarkScanCLF(b *testing.B) {
	line := []byte(`10.0.0.1 - - [22/Nov/2026:02:10:37 +0000] "POST /web/dataset/call_kw/account.move/action_post HTTP/1.1" 200 14 "-" "-" 4 "app@file" "http://127.0.0.1:19001" 4ms`)
	p := newParser(formatAuto)
	b.SetBytes(int64(len(line) + 1))
	b.ReportAllocs()
	for b.Loop() {
		if p.parse(line) != parsed {
			b.Fatal("not parsed")
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "lines/s")
}

func TestParseTimesAsTheStandardLibraryDoes(t *testing.T) {
	for _, s := range []string{
		"1970-01-01T00:00:00Z", "2000-02-29T23:59:59.999999999Z", "2024-02-29T12:00:00.5Z", "2026-11-22T02:10:19.522339064Z",
		"2100-03-01T00:00:00Z", "2026-12-31T23:59:59+05:30", "2026-01-01T00:00:00-11:00",
	} {
		want, err := time.Parse(time.RFC3339Nano, s)
		if err != nil {
			t.Fatal(err)
		}
		if got := parseRFC3339([]byte(s)); got != want.UnixNano() {
			t.Errorf("parseRFC3339(%s) = %d, want %d", s, got, want.UnixNano())
		}
		clf := want.Format("02/Jan/2006:15:04:05 -0700")
		if got := parseCLFTime([]byte(clf)); got != want.Truncate(time.Second).UnixNano() {
			t.Errorf("parseCLFTime(%s) = %d, want %d", clf, got, want.Truncate(time.Second).UnixNano())
		}
	}
	var c clock
	for _, s := range []string{
		"2026-11-22T02:10:19.5Z", "2026-11-22T02:10:19.25Z", "2026-11-22T02:10:19Z", "2026-11-22T02:10:20.123456789Z", "2026-11-22T02:10:20.5xZ",
		"2026-11-22T02:10:20.75Z", "2026-11-22T02:10:20.75+01:00", "\x00", "2026-11-22T02:10:20.75",
	} {
		if got, want := c.rfc3339([]byte(s)), parseRFC3339([]byte(s)); got != want {
			t.Errorf("with a second remembered, rfc3339(%q) = %d, want %d", s, got, want)
		}
	}
	for _, s := range []string{"22/Nov/2026:02:10:37 +0000", "22/Nov/2026:02:10:37 +0000", "22/Nov/2026:02:10:37 +0100", "22/Nov/2026:02:10:37 +01x0"} {
		if got, want := c.clf([]byte(s)), parseCLFTime([]byte(s)); got != want {
			t.Errorf("with a second remembered, clf(%q) = %d, want %d", s, got, want)
		}
	}
	for _, s := range []string{"", "2026-11-22", "2026-11-22T02:10:19", "2026-13-22T02:10:19Z", "yyyy-11-22T02:10:19Z", "2026-11-22T02:10:19.5"} {
		if got := parseRFC3339([]byte(s)); got != 0 {
			t.Errorf("parseRFC3339(%q) = %d, want 0", s, got)
		}
	}
}
