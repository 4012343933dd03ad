package endpoint

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/closewatch/closewatch/internal/fault"
)

// A reply is what a name server answered to our question.
type reply struct {
	code      dnsmessage.RCode
	truncated bool     // ask again over TCP
	values    []string // of the type asked for, in normal form, sorted
}

// errOther is a message that does not answer our question.
var errOther = errors.New("not an answer to the question")

// errBroken is a message that answers our question and is broken.
var errBroken = &fault.Error{Op: "the answer is not a DNS message", Kind: fault.Schema, Hint: "check that a name server listens at this address"}

// parseReply reads a message that should answer question: errOther when it
// answers another, errBroken when it is broken.
func parseReply(message []byte, id uint16, question dnsmessage.Question) (reply, error) {
	var p dnsmessage.Parser
	header, err := p.Start(message)
	if err != nil || header.ID != id || !header.Response {
		return reply{}, errOther
	}
	asked, err := p.AllQuestions()
	if err != nil {
		return reply{}, errBroken
	}
	// A server that could not read the question repeats none.
	if len(asked) > 0 && (len(asked) > 1 || asked[0].Type != question.Type || asked[0].Class != question.Class || !sameName(asked[0].Name, question.Name)) {
		return reply{}, errOther
	}
	r := reply{code: header.RCode, truncated: header.Truncated}
	if r.truncated {
		return r, nil
	}
	records, err := p.AllAnswers()
	if err != nil {
		return reply{}, errBroken
	}
	for _, record := range records {
		if record.Header.Type == question.Type {
			r.values = append(r.values, value(record.Body))
		}
	}
	slices.Sort(r.values)
	return r, nil
}

func sameName(a, b dnsmessage.Name) bool { return strings.EqualFold(a.String(), b.String()) }

// value writes what a record says in normal form.
func value(body dnsmessage.ResourceBody) string {
	switch b := body.(type) {
	case *dnsmessage.AResource:
		return netip.AddrFrom4(b.A).String()
	case *dnsmessage.AAAAResource:
		return netip.AddrFrom16(b.AAAA).String()
	case *dnsmessage.CNAMEResource:
		return b.CNAME.String()
	case *dnsmessage.MXResource:
		return fmt.Sprintf("%d %s", b.Pref, b.MX)
	case *dnsmessage.NSResource:
		return b.NS.String()
	case *dnsmessage.SRVResource:
		return fmt.Sprintf("%d %d %d %s", b.Priority, b.Weight, b.Port, b.Target)
	case *dnsmessage.TXTResource:
		return strings.Join(b.TXT, "")
	}
	return ""
}

// normal brings what a person wrote, or a server answered, to one form.
func normal(recordType, s string) string {
	switch recordType {
	case "TXT":
		return s
	case "A", "AAAA":
		if addr, err := netip.ParseAddr(s); err == nil {
			return addr.String()
		}
	}
	return strings.ToLower(strings.TrimSuffix(s, "."))
}

// codes maps the response code of a name server to the kind of failure it is
// (RFC 1035, 4.1.1). Another code is a server that speaks of something else.
var codes = map[dnsmessage.RCode]struct {
	kind       fault.Kind
	what, hint string
}{
	dnsmessage.RCodeFormatError:    {fault.Rejected, "it cannot read the question (FORMERR)", ""},
	dnsmessage.RCodeServerFailure:  {fault.Unavailable, "it cannot find out (SERVFAIL)", "check the servers of the domain and DNSSEC"},
	dnsmessage.RCodeNameError:      {fault.DNS, "there is no such name (NXDOMAIN)", "check the name, and whether the domain was renewed"},
	dnsmessage.RCodeNotImplemented: {fault.Rejected, "it does not answer such questions (NOTIMP)", ""},
	dnsmessage.RCodeRefused:        {fault.Denied, "it refuses to answer us (REFUSED)", "allow this machine to ask it"},
}

// judge returns what is wrong with a reply, or nil. What was answered instead
// is not repeated.
func (c *DNS) judge(r reply) error {
	if r.code != dnsmessage.RCodeSuccess {
		code, known := codes[r.code]
		if !known {
			return &fault.Error{Op: fmt.Sprintf("it answers with code %d", r.code), Kind: fault.Schema}
		}
		return &fault.Error{Op: code.what, Kind: code.kind, Hint: code.hint}
	}
	if len(r.values) == 0 {
		return &fault.Error{Op: "the name has no " + c.Type + " record", Kind: fault.DNS, Hint: "check the zone, and the type that is asked for"}
	}
	if len(c.Expect) == 0 {
		return nil
	}
	got, want := c.normalised(r.values), c.normalised(c.Expect)
	if !slices.Equal(got, want) {
		return &fault.Error{
			Op: fmt.Sprintf("the %s records are other than expected: %d answered, %d expected", c.Type, len(got), len(want)), Kind: fault.Assertion,
			Hint: "check who changed the zone; if the change is right, write it under expect",
		}
	}
	return nil
}

// normalised returns values in normal form, sorted, each once.
func (c *DNS) normalised(values []string) []string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = normal(c.Type, v)
	}
	slices.Sort(out)
	return slices.Compact(out)
}
