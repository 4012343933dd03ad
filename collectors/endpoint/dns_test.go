package endpoint

import (
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/closewatch/closewatch/internal/collector/collectortest"
	"github.com/closewatch/closewatch/internal/fault"
)

func TestDNS(t *testing.T) {
	a := func(last byte) dnsmessage.ResourceBody { return &dnsmessage.AResource{A: [4]byte{192, 0, 2, last}} }
	alias := &dnsmessage.CNAMEResource{CNAME: name("Edge.Example.NET.")}
	with := func(bodies ...dnsmessage.ResourceBody) func(dnsmessage.Question) dnsmessage.Message {
		return func(q dnsmessage.Question) dnsmessage.Message { return records(q, bodies...) }
	}
	code := func(c dnsmessage.RCode) func(dnsmessage.Question) dnsmessage.Message {
		return func(q dnsmessage.Question) dnsmessage.Message { return failing(q, c) }
	}
	var many []dnsmessage.ResourceBody
	var all []string
	for n := range 60 {
		many = append(many, a(byte(n)))
		all = append(all, value(a(byte(n))))
	}
	tests := map[string]struct {
		answer     func(dnsmessage.Question) dnsmessage.Message
		recordType string
		expect     []string
		kind       fault.Kind
	}{
		"an address":                 {answer: with(a(1)), recordType: "A"},
		"the addresses, reordered":   {answer: with(a(1), a(2)), recordType: "A", expect: []string{"192.0.2.2", "192.0.2.1"}},
		"another address":            {answer: with(a(3)), recordType: "A", expect: []string{"192.0.2.1"}, kind: fault.Assertion},
		"one address more":           {answer: with(a(1), a(66)), recordType: "A", expect: []string{"192.0.2.1"}, kind: fault.Assertion},
		"one address less":           {answer: with(a(1)), recordType: "A", expect: []string{"192.0.2.1", "192.0.2.2"}, kind: fault.Assertion},
		"an address behind an alias": {answer: with(alias, a(1)), recordType: "A", expect: []string{"192.0.2.1"}},
		"an address of version 6":    {answer: with(&dnsmessage.AAAAResource{AAAA: [16]byte{0x20, 1, 0xd, 0xb8, 15: 1}}), recordType: "AAAA", expect: []string{"2001:0db8::0001"}},
		"an alias":                   {answer: with(alias), recordType: "CNAME", expect: []string{"edge.example.net"}},
		"mail servers":               {answer: with(&dnsmessage.MXResource{Pref: 10, MX: name("MX.example.com.")}), recordType: "MX", expect: []string{"10 mx.example.com."}},
		"name servers":               {answer: with(&dnsmessage.NSResource{NS: name("ns.example.com.")}), recordType: "NS", expect: []string{"ns.example.com"}},
		"a service":                  {answer: with(&dnsmessage.SRVResource{Priority: 1, Weight: 5, Port: 443, Target: name("h.example.com.")}), recordType: "SRV", expect: []string{"1 5 443 h.example.com"}},
		"text in two parts":          {answer: with(&dnsmessage.TXTResource{TXT: []string{"v=spf1 ", "-All"}}), recordType: "TXT", expect: []string{"v=spf1 -All"}},
		"more than fits a datagram":  {answer: with(many...), recordType: "A", expect: all},
		"no such name":               {answer: code(dnsmessage.RCodeNameError), recordType: "A", kind: fault.DNS},
		"no record of the type":      {answer: with(alias), recordType: "A", kind: fault.DNS},
		"the servers cannot tell":    {answer: code(dnsmessage.RCodeServerFailure), recordType: "A", kind: fault.Unavailable},
		"we may not ask":             {answer: code(dnsmessage.RCodeRefused), recordType: "A", kind: fault.Denied},
		"a question it cannot read":  {answer: code(dnsmessage.RCodeFormatError), recordType: "A", kind: fault.Rejected},
		"a question it does not do":  {answer: code(dnsmessage.RCodeNotImplemented), recordType: "A", kind: fault.Rejected},
		"a code without a meaning":   {answer: code(11), recordType: "A", kind: fault.Schema},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c := dnsCheck(startDNS(t, tt.answer), tt.recordType, tt.expect...)
			values, err := run(t, newProbe(c, settings(t)))
			expectKind(t, values, err, tt.kind, "")
			if _, timed := values["probe_dns_duration_seconds/request"]; !timed {
				t.Error("the request was not timed")
			}
		})
	}
}

// What comes to the port and does not answer the question is passed over; what
// answers it and cannot be read is a failure.
func TestDNSForgeriesAndGarbage(t *testing.T) {
	good := func(q []byte) []byte {
		m := question(q)
		answer := records(m.Questions[0], &dnsmessage.AResource{A: [4]byte{192, 0, 2, 1}})
		answer.Header = m.Header
		return packed(answer)
	}
	forged := func(change func(*dnsmessage.Message)) func([]byte) []byte {
		return func(q []byte) []byte {
			m := question(q)
			answer := records(m.Questions[0], &dnsmessage.AResource{A: [4]byte{198, 51, 100, 66}})
			answer.Header = m.Header
			change(&answer)
			return packed(answer)
		}
	}
	var tries atomic.Int32
	tests := map[string]struct {
		answer func(q []byte, datagram bool) [][]byte
		kind   fault.Kind
	}{
		"another id comes first":       {answer: both(forged(func(m *dnsmessage.Message) { m.ID++ }), good)},
		"another name comes first":     {answer: both(forged(func(m *dnsmessage.Message) { m.Questions[0].Name = name("x.test.") }), good)},
		"another type comes first":     {answer: both(forged(func(m *dnsmessage.Message) { m.Questions[0].Type = dnsmessage.TypeMX }), good)},
		"a question comes first":       {answer: both(forged(func(m *dnsmessage.Message) { m.Response = false }), good)},
		"noise comes first":            {answer: both(func([]byte) []byte { return []byte("noise") }, good)},
		"the answer is broken":         {answer: both(func(q []byte) []byte { return good(q)[:len(q)+5] }), kind: fault.Schema},
		"the stream answers something": {answer: cutThen(func(q []byte) []byte { return forged(func(m *dnsmessage.Message) { m.ID++ })(q) }), kind: fault.Schema},
		"the stream hangs up":          {answer: cutThen(nil), kind: fault.Unreachable},
		"the first datagram is lost": {answer: func(q []byte, _ bool) [][]byte {
			if tries.Add(1) == 1 {
				return nil
			}
			return [][]byte{good(q)}
		}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c := dnsCheck(startRawDNS(t, tt.answer), "A", "192.0.2.1")
			values, err := run(t, newProbe(c, settings(t)))
			expectKind(t, values, err, tt.kind, "")
		})
	}
}

// packed is a message as it is sent.
func packed(m dnsmessage.Message) []byte {
	b, err := m.Pack()
	if err != nil {
		panic(err)
	}
	return b
}

// question is what was asked, ready to be answered.
func question(q []byte) dnsmessage.Message {
	var m dnsmessage.Message
	if err := m.Unpack(q); err != nil {
		panic(err)
	}
	m.Response = true
	return m
}

// both answers with each.
func both(answers ...func([]byte) []byte) func([]byte, bool) [][]byte {
	return func(q []byte, _ bool) [][]byte {
		var out [][]byte
		for _, a := range answers {
			out = append(out, a(q))
		}
		return out
	}
}

// cutThen answers a datagram with a cut message and a stream as said, nil
// hanging up.
func cutThen(then func([]byte) []byte) func([]byte, bool) [][]byte {
	return func(q []byte, datagram bool) [][]byte {
		switch {
		case datagram:
			m := question(q)
			m.Truncated = true
			return [][]byte{packed(m)}
		case then == nil:
			return nil
		}
		return [][]byte{then(q)}
	}
}

func TestDNSWithoutAServer(t *testing.T) {
	values, err := run(t, newProbe(dnsCheck(closed(t), "A"), settings(t)))
	expectKind(t, values, err, fault.Unreachable, "")

	mute := startRawDNS(t, func([]byte, bool) [][]byte { return nil })
	err = collectortest.Deadline(t, newProbe(dnsCheck(mute, "A"), settings(t)))
	if fault.KindOf(err) != fault.Timeout || !strings.Contains(err.Error(), "the deadline passed while") {
		t.Errorf("Collect() = %v, want a timeout", err)
	}
	release := make(chan struct{})
	stuck := startRawDNS(t, cutThen(func([]byte) []byte { <-release; return nil }))
	t.Cleanup(func() { close(release) })
	if err = collectortest.Deadline(t, newProbe(dnsCheck(stuck, "A"), settings(t))); fault.KindOf(err) != fault.Timeout {
		t.Errorf("Collect() = %v, want a timeout", err)
	}
	if values, err := runFor(t, newProbe(dnsCheck(mute, "A"), settings(t)), 50*time.Millisecond); err == nil || values["probe_success"] != 0 {
		t.Errorf("Collect() = %v, success %v, want a failure that is published", err, values["probe_success"])
	}
}

func FuzzParseReply(f *testing.F) {
	question := dnsmessage.Question{Name: name("api.example.com."), Type: dnsmessage.TypeTXT, Class: dnsmessage.ClassINET}
	for _, m := range []dnsmessage.Message{
		records(question, &dnsmessage.TXTResource{TXT: []string{"a", "b"}}),
		records(question, &dnsmessage.MXResource{Pref: 1, MX: name("mx.")}, &dnsmessage.CNAMEResource{CNAME: name("c.")}),
		failing(question, dnsmessage.RCodeNameError),
	} {
		m.Response = true
		packed, err := m.Pack()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(packed)
	}
	f.Fuzz(func(t *testing.T, message []byte) {
		r, err := parseReply(message, 0, question)
		if err != nil && len(r.values) > 0 {
			t.Errorf("parseReply() = %v with %v", r, err)
		}
		if !slices.IsSorted(r.values) {
			t.Errorf("values %q are not sorted", r.values)
		}
		_ = (&DNS{Type: "TXT"}).judge(r)
	})
}
