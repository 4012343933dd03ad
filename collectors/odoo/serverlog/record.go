package serverlog

import "bytes"

// A level is how bad Odoo finds a record.
type level uint8

const (
	other level = iota // debug, and what is none of the rest
	info
	warning
	failure // error and critical
)

// A record is the first line of what was logged at once. Its bytes are those
// of the line.
type record struct {
	at       int64 // Unix nanoseconds
	pid      int
	level    level
	database []byte // nil when it names none
	logger   []byte
	message  []byte
}

// parse reads "2026-11-22 02:10:19,522 1234 INFO prod odoo.http: message". It
// reports false for a line that begins no record.
func (r *record) parse(b []byte) bool {
	const stamp = len("2026-11-22 02:10:19,522")
	if len(b) <= stamp || b[stamp] != ' ' {
		return false
	}
	if r.at = parseTime(b[:stamp]); r.at == 0 {
		return false
	}
	pid, rest, ok := word(b[stamp+1:])
	if !ok {
		return false
	}
	n := digits(pid)
	name, rest, ok := word(rest)
	if !ok || n < 0 || len(pid) > 10 {
		return false
	}
	if r.level, ok = levelOf(name); !ok {
		return false
	}
	database, rest, ok := word(rest)
	if !ok {
		return false
	}
	logger, message, ok := bytes.Cut(rest, []byte(":"))
	if !ok || len(logger) == 0 || bytes.IndexByte(logger, ' ') >= 0 {
		return false
	}
	if string(database) == "?" || string(database) == "None" {
		database = nil
	}
	r.pid, r.database, r.logger, r.message = int(n), database, logger, bytes.TrimSpace(message)
	return true
}

// word splits at the first space.
func word(b []byte) (first, rest []byte, ok bool) {
	i := bytes.IndexByte(b, ' ')
	if i <= 0 {
		return nil, nil, false
	}
	return b[:i], b[i+1:], true
}

func levelOf(name []byte) (level, bool) {
	switch string(name) {
	case "INFO":
		return info, true
	case "WARNING":
		return warning, true
	case "ERROR", "CRITICAL":
		return failure, true
	case "DEBUG", "RUNBOT", "NOTSET":
		return other, true
	}
	return other, false
}

// parseTime reads the time of Python's logging, 2026-11-22 02:10:19,522, as
// Unix nanoseconds, or returns 0. Odoo sets its clock to UTC when it starts.
func parseTime(b []byte) int64 {
	if b[4] != '-' || b[7] != '-' || b[10] != ' ' || b[13] != ':' || b[16] != ':' || b[19] != ',' {
		return 0
	}
	year, month, day := digits(b[0:4]), digits(b[5:7]), digits(b[8:10])
	hour, minute, second, milli := digits(b[11:13]), digits(b[14:16]), digits(b[17:19]), digits(b[20:23])
	if year < 1970 || month < 1 || month > 12 || day < 1 || day > 31 || hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60 || milli < 0 {
		return 0
	}
	return (daysSinceEpoch(year, month, day)*86400+hour*3600+minute*60+second)*1_000_000_000 + milli*1_000_000
}

// daysSinceEpoch counts days from 1970-01-01. Years count from March, so that
// a leap day comes last.
func daysSinceEpoch(year, month, day int64) int64 {
	if month <= 2 {
		year--
		month += 12
	}
	leaps := year/4 - year/100 + year/400
	return 365*year + leaps + (153*(month-3)+2)/5 + day - 1 - 719468
}

// digits reads a run of decimal digits, or returns -1.
func digits(b []byte) int64 {
	if len(b) == 0 || len(b) > 18 {
		return -1
	}
	n := int64(0)
	for _, c := range b {
		if c < '0' || c > '9' {
			return -1
		}
		n = n*10 + int64(c-'0')
	}
	return n
}

// plain removes the escape sequences with which Odoo colours what it writes to
// a terminal. It works in place.
func plain(b []byte) []byte {
	const escape = 0x1b
	at := bytes.IndexByte(b, escape)
	if at < 0 {
		return b
	}
	out := b[:at]
	for at < len(b) {
		if b[at] != escape {
			out = append(out, b[at])
			at++
			continue
		}
		at++
		if at < len(b) && b[at] == '[' {
			at++
			for at < len(b) && (b[at] < '@' || b[at] > '~') {
				at++
			}
			at++
		}
	}
	return out
}
