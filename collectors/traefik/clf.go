package traefik

import "bytes"

// scanCLF reads a line of Traefik's common format from its right end:
//
//	host - user [time] "METHOD path PROTO" status size "referer" "agent" count "router" "url" 12ms
//
// or of its genericCLF, which ends after the agent. The path and the user name
// are written unescaped and may hold quotes, so nothing to their right is found
// by looking for quotes from the left. In referer and agent every quote is
// escaped, hence a space followed by a quote opens the field. Durations are
// whole milliseconds.
func (p *parser) scanCLF(b []byte) lineKind {
	b = bytes.TrimRight(b, " \r")
	if bytes.HasSuffix(b, []byte(`"`)) {
		if p.scanRequest(b) == parsed {
			return plain
		}
		return unparsed
	}
	r := &p.req
	b, last, ok := cutLastSpace(b)
	if !ok || !bytes.HasSuffix(last, []byte("ms")) || len(last) > 15 {
		return unparsed
	}
	millis := digits(last[:len(last)-2])
	if millis < 0 {
		return unparsed
	}
	r.Duration = millis * 1_000_000

	b, url, ok1 := cutLastQuoted(b)
	b, _, ok2 := cutLastQuoted(b)
	b, count, ok3 := cutLastSpace(b)
	if !ok1 || !ok2 || !ok3 {
		return unparsed
	}
	r.Service = len(url) > 0 && !bytes.Equal(url, []byte("-"))
	if r.Count = field(count); r.Count < 0 {
		return unparsed
	}
	return p.scanRequest(b)
}

// scanRequest reads what both formats have.
func (p *parser) scanRequest(b []byte) lineKind {
	r := &p.req
	b, agent, ok1 := cutLastQuoted(b)
	b, _, ok2 := cutLastQuoted(b)
	b, size, ok3 := cutLastSpace(b)
	b, status, ok4 := cutLastSpace(b)
	b, proto, ok5 := cutLastSpace(b)
	b, path, ok6 := cutLastSpace(b)
	b, method, ok7 := cutLastSpace(b)
	if !ok1 || !ok2 || !ok3 || !ok4 || !ok5 || !ok6 || !ok7 || !bytes.HasSuffix(proto, []byte(`"`)) || !bytes.HasPrefix(method, []byte(`"`)) {
		return unparsed
	}
	r.Agent, r.Path, r.Method, r.Size = agent, path, method[1:], field(size)
	if n := len(b); n >= 28 && b[n-1] == ']' && b[n-28] == '[' {
		r.Start = p.clock.clf(b[n-27 : n-1])
	}
	if r.Status = field(status); r.Status >= 0 {
		return parsed
	}
	if len(status) == 1 && status[0] == '-' {
		return statusless
	}
	return unparsed
}

// field reads a count that must fit a sane request.
func field(b []byte) int64 {
	if len(b) == 0 || len(b) > 18 {
		return absent
	}
	return digits(b)
}

// cutLastSpace splits off what follows the last space.
func cutLastSpace(b []byte) (rest, last []byte, ok bool) {
	i := bytes.LastIndexByte(b, ' ')
	if i < 0 {
		return b, nil, false
	}
	return b[:i], b[i+1:], true
}

// cutLastQuoted splits off a quoted field at the right end.
func cutLastQuoted(b []byte) (rest, field []byte, ok bool) {
	if len(b) < 3 || b[len(b)-1] != '"' {
		return b, nil, false
	}
	i := bytes.LastIndex(b[:len(b)-1], []byte(` "`))
	if i < 0 {
		return b, nil, false
	}
	return b[:i], b[i+2 : len(b)-1], true
}
