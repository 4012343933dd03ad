package traefik

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// logged is a line as encoding/json sees it: what the scanner is held to.
type logged struct {
	StartUTC              time.Time
	Duration              int64
	OriginDuration        int64
	DownstreamStatus      int64
	OriginStatus          int64
	DownstreamContentSize int64
	RequestContentSize    int64
	RetryAttempts         int64
	RequestCount          int64
	RequestMethod         string
	RequestPath           string
	RequestHost           string
	ServiceName           string
	UserAgent             string `json:"request_User-Agent"`
}

func sampleLines(tb testing.TB, file string) [][]byte {
	tb.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		tb.Fatal(err)
	}
	return bytes.Split(bytes.TrimSpace(b), []byte("\n"))
}

func TestScanJSONAgreesWithEncodingJSONOnRecordedLines(t *testing.T) {
	p := newParser(formatJSON)
	for i, line := range sampleLines(t, "testdata/access.json.log") {
		var want logged
		if err := json.Unmarshal(line, &want); err != nil {
			t.Fatal(err)
		}
		if p.parse(line) != parsed {
			t.Errorf("line %d not parsed: %s", i+1, line)
			continue
		}
		if want.ServiceName != "" {
			want.ServiceName = "app@file"
		}
		if diff := cmp.Diff(want, seen(&p.req, want.RequestPath)); diff != "" {
			t.Errorf("line %d (-encoding/json +scanner):\n%s", i+1, diff)
		}
	}
}

// seen is a request in the shape of logged; the query that the scanner drops
// is taken from full.
func seen(r *request, full string) logged {
	path := string(r.Path)
	if strings.HasPrefix(full, path+"?") {
		path = full
	}
	l := logged{
		StartUTC: time.Unix(0, r.Start).UTC(), Duration: r.Duration, OriginDuration: r.OriginDuration,
		DownstreamStatus: r.Status, OriginStatus: r.OriginStatus, DownstreamContentSize: r.Size,
		RequestContentSize: r.BodySize, RetryAttempts: r.Retries, RequestCount: r.Count,
		RequestMethod: string(r.Method), RequestPath: path, RequestHost: string(r.Host), UserAgent: string(r.Agent),
	}
	if r.Service {
		l.ServiceName = "app@file"
	}
	return l
}

func TestScanJSON(t *testing.T) {
	line := func(fields string) string { return `{"DownstreamStatus":200,"Duration":5,` + fields + `}` }
	tests := map[string]struct {
		line string
		want string // path, or "" when the line is refused
	}{
		"query string is dropped":               {line(`"RequestPath":"/web/login?db=x\u0026token=s3cr3t"`), "/web/login"},
		"escaped ampersand in path":             {line(`"RequestPath":"/a\u0026b"`), "/a&b"},
		"escaped question mark begins query":    {line(`"RequestPath":"/a\u003ftoken=x"`), "/a"},
		"escaped quotes and backslash":          {line(`"RequestPath":"/a\"b\\c"`), `/a"b\c`},
		"surrogate pair":                        {line(`"RequestPath":"/\ud83d\ude00"`), "/😀"},
		"lone surrogate":                        {line(`"RequestPath":"/\ud83dx"`), "/\uFFFDx"},
		"invalid UTF-8 is kept as it is":        {line("\"RequestPath\":\"/\xff\xfe\""), "/\xff\xfe"},
		"spaces between tokens":                 {`{ "DownstreamStatus" : 200 , "Duration" : 5 , "RequestPath" : "/a" } `, "/a"},
		"nested values are stepped over":        {line(`"x":{"RequestPath":"/no","y":[1,"}"]},"RequestPath":"/a"`), "/a"},
		"literals are stepped over":             {line(`"x":null,"y":true,"RequestPath":"/a"`), "/a"},
		"field forged inside a header":          {line(`"request_Referer":"\",\"RequestPath\":\"/forged\"","RequestPath":"/a"`), "/a"},
		"number beyond int64 saturates":         {line(`"RequestCount":99999999999999999999999,"RequestPath":"/a"`), "/a"},
		"torn in the middle of a string":        {`{"DownstreamStatus":200,"Duration":5,"RequestPath":"/a`, ""},
		"torn after a value":                    {`{"DownstreamStatus":200,"Duration":5,"RequestPath":"/a"`, ""},
		"two lines run together":                {line(`"RequestPath":"/a"`) + line(`"RequestPath":"/b"`), ""},
		"no path":                               {`{"DownstreamStatus":200,"Duration":5}`, ""},
		"no duration":                           {`{"DownstreamStatus":200,"RequestPath":"/a"}`, ""},
		"not an object":                         {`[1,2]`, ""},
		"empty":                                 {``, ""},
		"Traefik's own log, not the access log": {`{"level":"info","msg":"Starting","time":"2026-11-22T02:10:19Z"}`, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			p := newParser(formatJSON)
			got := ""
			if p.parse([]byte(tt.line)) == parsed {
				got = string(p.req.Path)
			}
			if got != tt.want {
				t.Errorf("path = %q, want %q", got, tt.want)
			}
		})
	}
}

// What a parser has seen before never changes what it reads.
func TestLayoutChangesNothing(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 7))
	recorded := sampleLines(t, "testdata/access.json.log")
	old := newParser(formatJSON)
	for i := range 5000 {
		line := recorded[random.IntN(len(recorded))]
		switch random.IntN(4) {
		case 0: // a client's header that no other has
			line = append(slices.Clone(line[:len(line)-1]), fmt.Sprintf(`,"request_X-%d":"%d"}`, random.IntN(1000), i)...)
		case 1: // the same fields in another order
			line = shuffled(t, random, line)
		case 2:
			line = line[:random.IntN(len(line))]
		}
		anew := newParser(formatJSON)
		if kind, want := old.parse(line), anew.parse(line); kind != want {
			t.Fatalf("kind %d, a new parser says %d: %s", kind, want, line)
		}
		if diff := cmp.Diff(anew.req, old.req); diff != "" {
			t.Fatalf("%s\n(-new parser +old one):\n%s", line, diff)
		}
	}
	if len(old.layout) > maxLayout {
		t.Errorf("%d keys remembered", len(old.layout))
	}
}

// shuffled writes the fields of a line in another order.
func shuffled(t *testing.T, random *rand.Rand, line []byte) []byte {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(line, &fields); err != nil {
		t.Fatal(err)
	}
	keys := slices.Collect(maps.Keys(fields))
	random.Shuffle(len(keys), func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
	out := []byte("{")
	for i, k := range keys {
		if i > 0 {
			out = append(out, ',')
		}
		out = fmt.Appendf(out, "%q:%s", k, fields[k])
	}
	return append(out, '}')
}

// Traefik 2 writes the URL of a service as an object and tells retries.
func TestScanJSONOfTraefik2(t *testing.T) {
	p := newParser(formatAuto)
	const line = `{"ClientAddr":"10.0.0.1:51784","DownstreamContentSize":7,"DownstreamStatus":200,"Duration":1529877,"OriginDuration":1351782,"OriginStatus":200,"RequestCount":3,"RequestHost":"erp.example.com","RequestMethod":"GET","RequestPath":"/a","RetryAttempts":2,"RouterName":"app@file","ServiceName":"app@file","ServiceURL":{"Scheme":"http","Opaque":"","User":null,"Host":"127.0.0.1:19001","Path":"","RawPath":"","ForceQuery":false,"RawQuery":"","Fragment":""},"StartUTC":"2026-11-22T02:10:19.522339064Z","entryPointName":"web","level":"info","msg":"","time":"2026-11-22T02:10:19Z"}`
	for range 2 {
		if p.parse([]byte(line)) != parsed || string(p.req.Path) != "/a" || p.req.Retries != 2 || !p.req.Service || p.req.Start == 0 {
			t.Errorf("read as %+v", p.req)
		}
	}
}

func FuzzScanJSON(f *testing.F) {
	for _, line := range sampleLines(f, "testdata/access.json.log") {
		f.Add(line)
	}
	f.Add([]byte(`{"RequestPath":"\u00`))
	f.Fuzz(func(t *testing.T, line []byte) {
		p := newParser(formatAuto)
		kind := p.parse(line)
		var want map[string]any
		if json.Unmarshal(line, &want) == nil && kind == parsed && line[0] == '{' {
			if path, ok := want["RequestPath"].(string); ok && strings.ToValidUTF8(string(p.req.Path), "\uFFFD") != strings.ToValidUTF8(string(withoutQuery([]byte(path))), "\uFFFD") {
				t.Errorf("path = %q, encoding/json says %q", p.req.Path, path)
			}
		}
	})
}

// finance is a line as Traefik writes it for a posting, headers kept.
func finance(i int) string {
	return fmt.Sprintf(`{"ClientAddr":"10.0.0.%d:51784","ClientHost":"10.0.0.%d","ClientPort":"51784","ClientUsername":"-","DownstreamContentSize":7,"DownstreamStatus":200,"Duration":%d,"OriginContentSize":7,"OriginDuration":1351782,"OriginStatus":200,"Overhead":178095,"RequestAddr":"erp.example.com","RequestContentSize":0,"RequestCount":%d,"RequestHost":"erp.example.com","RequestMethod":"POST","RequestPath":"/web/dataset/call_kw/account.move/action_post","RequestPort":"443","RequestProtocol":"HTTP/2.0","RequestScheme":"https","RetryAttempts":0,"RouterName":"app@file","ServiceAddr":"127.0.0.1:19001","ServiceName":"app@file","ServiceURL":"http://127.0.0.1:19001","StartLocal":"2026-11-22T02:10:19.522339064Z","StartUTC":"2026-11-22T02:10:19.522339064Z","downstream_Content-Type":"application/json","entryPointName":"web","level":"info","msg":"","origin_Content-Type":"application/json","request_Accept":"*/*","request_User-Agent":"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/131.0 Safari/537.36","request_X-Forwarded-Host":"erp.example.com","request_X-Real-Ip":"10.0.0.1","time":"2026-11-22T02:10:19Z"}`,
		i%250, i%250, 1_000_000*(i%4000), i+1)
}

func benchmarkLines() (lines [][]byte, size int64) {
	for i := range 1000 {
		lines = append(lines, []byte(finance(i)))
		size += int64(len(lines[i]) + 1)
	}
	return lines, size
}

func BenchmarkScanJSON(b *testing.B) {
	lines, size := benchmarkLines()
	p := newParser(formatAuto)
	b.SetBytes(size / int64(len(lines)))
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		if p.parse(lines[i]) != parsed {
			b.Fatal("not parsed")
		}
		if i++; i == len(lines) {
			i = 0
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "lines/s")
}

// BenchmarkCountJSON is the whole way of a line: scan, classify, count.
func BenchmarkCountJSON(b *testing.B) {
	lines, size := benchmarkLines()
	p, t := newParser(formatAuto), newTally(newClassifier(nil, nil), newTenants(map[string]string{"erp.example.com": "prod"}, ""))
	b.SetBytes(size / int64(len(lines)))
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		if p.parse(lines[i]) != parsed {
			b.Fatal("not parsed")
		}
		t.add(&p.req)
		if i++; i == len(lines) {
			i = 0
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "lines/s")
}

func TestCountingAllocatesNothingPerLine(t *testing.T) {
	lines, _ := benchmarkLines()
	escaped := []byte(`{"DownstreamStatus":200,"Duration":5,"RequestPath":"/a\u0026b","RequestHost":"ERP.example.com","request_User-Agent":"x\"y"}`)
	p, tl := newParser(formatAuto), newTally(newClassifier(nil, nil), newTenants(map[string]string{"erp.example.com": "prod"}, ""))
	p.parse(escaped)
	tl.add(&p.req)
	allocs := testing.AllocsPerRun(100, func() {
		for _, line := range append(lines[:10:10], escaped) {
			if p.parse(line) != parsed {
				t.Fatal("not parsed")
			}
			tl.add(&p.req)
		}
	})
	if allocs > 1 { // the slice built above
		t.Errorf("%v allocations for 11 lines", allocs)
	}
}
