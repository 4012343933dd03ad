package traefik

import "bytes"

// scanCLF reads a line of Traefik's common format from its right end:
//
//	host - user [time] "METHOD path PROTO" status size "referer" "agent" count "router" "url" 12ms
//
// The path and the user name are written unescaped and may hold quotes, so
// nothing to their right is found by looking for quotes from the left. In
// referer and agent every quote is escaped, hence a space followed by a quote
// opens the field. Durations are whole milliseconds.
func (p *parser) scanCLF(b []byte) bool {
	r := &p.req
	b = bytes.TrimRight(b, " \r")
	b, last, ok := cutLastSpace(b)
	if !ok || !bytes.HasSuffix(last, []byte("ms")) {
		return false
	}
	millis := digits(last[:len(last)-2])
	if millis < 0 || len(last) > 15 {
		return false
	}
	r.Duration = millis * 1_000_000

	b, url, ok1 := cutLastQuoted(b)
	b, _, ok2 := cutLastQuoted(b)
	b, count, ok3 := cutLastSpace(b)
	b, agent, ok4 := cutLastQuoted(b)
	b, _, ok5 := cutLastQuoted(b)
	b, size, ok6 := cutLastSpace(b)
	b, status, ok7 := cutLastSpace(b)
	if !ok1 || !ok2 || !ok3 || !ok4 || !ok5 || !ok6 || !ok7 {
		return false
	}
	r.Service = len(url) > 0 && !bytes.Equal(url, []byte("-"))
	r.Agent = agent
	if r.Count = field(count); r.Count < 0 {
		return false
	}
	r.Size = field(size)
	if r.Status = field(status); r.Status < 0 {
		return false
	}

	b, proto, ok1 := cutLastSpace(b)
	b, path, ok2 := cutLastSpace(b)
	b, method, ok3 := cutLastSpace(b)
	if !ok1 || !ok2 || !ok3 || !bytes.HasSuffix(proto, []byte(`"`)) || !bytes.HasPrefix(method, []byte(`"`)) {
		return false
	}
	r.Path, r.Method = path, method[1:]
	if n := len(b); n >= 28 && b[n-1] == ']' && b[n-28] == '[' {
		r.Start = parseCLFTime(b[n-27 : n-1])
	}
	return true
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
