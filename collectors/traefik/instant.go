package traefik

// A clock reads times as Unix nanoseconds, or 0 when they are none. It
// remembers the second it read last: the next line is mostly of the same.
type clock struct {
	text    [26]byte // of that second, as it is written
	seconds int64
}

// rfc3339 reads a UTC time such as 2026-11-22T02:10:19.522339064Z.
func (c *clock) rfc3339(b []byte) int64 {
	const second = len("2026-11-22T02:10:19")
	n := len(b)
	if n < second+2 || b[n-1] != 'Z' || b[second] != '.' {
		return parseRFC3339(b)
	}
	if digits := b[second+1 : n-1]; c.seconds > 0 && string(b[:second]) == string(c.text[:second]) && allDigits(digits) {
		return c.seconds*1e9 + fraction(digits)
	}
	ns := parseRFC3339(b)
	if ns != 0 {
		copy(c.text[:], b[:second])
		c.seconds = ns / 1e9
	}
	return ns
}

// clf reads a time such as 22/Nov/2026:02:10:37 +0000.
func (c *clock) clf(b []byte) int64 {
	if c.seconds > 0 && string(b) == string(c.text[:]) {
		return c.seconds * 1e9
	}
	ns := parseCLFTime(b)
	if ns != 0 {
		copy(c.text[:], b)
		c.seconds = ns / 1e9
	}
	return ns
}

// parseRFC3339 reads a UTC time such as 2026-11-22T02:10:19.522339064Z as Unix
// nanoseconds, or returns 0. It allocates nothing; numeric offsets are
// understood too.
func parseRFC3339(b []byte) int64 {
	if len(b) < 20 || b[4] != '-' || b[7] != '-' || b[10] != 'T' || b[13] != ':' || b[16] != ':' {
		return 0
	}
	year, month, day := digits(b[0:4]), digits(b[5:7]), digits(b[8:10])
	hour, minute, second := digits(b[11:13]), digits(b[14:16]), digits(b[17:19])
	if year < 1970 || month < 1 || month > 12 || day < 1 || day > 31 || hour < 0 || minute < 0 || second < 0 {
		return 0
	}
	rest := b[19:]
	nanos := int64(0)
	if rest[0] == '.' {
		n := 1
		for n < len(rest) && isDigit(rest[n]) {
			n++
		}
		nanos, rest = fraction(rest[1:n]), rest[n:]
	}
	offset, ok := zone(rest)
	if !ok {
		return 0
	}
	seconds := daysSinceEpoch(year, month, day)*86400 + hour*3600 + minute*60 + second - offset
	return seconds*1_000_000_000 + nanos
}

// fraction reads the digits after a decimal point as nanoseconds.
func fraction(b []byte) (nanos int64) {
	scale := int64(100_000_000)
	for _, c := range b {
		nanos += int64(c-'0') * scale
		scale /= 10
	}
	return nanos
}

// parseCLFTime reads 22/Nov/2026:02:10:37 +0000 as Unix nanoseconds, or
// returns 0.
func parseCLFTime(b []byte) int64 {
	if len(b) != 26 || b[2] != '/' || b[6] != '/' || b[11] != ':' || b[14] != ':' || b[17] != ':' || b[20] != ' ' {
		return 0
	}
	month := monthNumber(b[3:6])
	day, year := digits(b[0:2]), digits(b[7:11])
	hour, minute, second := digits(b[12:14]), digits(b[15:17]), digits(b[18:20])
	offset, ok := zone(b[21:])
	if month == 0 || day < 1 || year < 1970 || hour < 0 || minute < 0 || second < 0 || !ok {
		return 0
	}
	return (daysSinceEpoch(year, month, day)*86400 + hour*3600 + minute*60 + second - offset) * 1_000_000_000
}

// zone reads Z, +hhmm or +hh:mm as seconds east of UTC.
func zone(b []byte) (int64, bool) {
	if len(b) == 1 && b[0] == 'Z' {
		return 0, true
	}
	if len(b) == 6 && b[3] == ':' {
		h, m := digits(b[1:3]), digits(b[4:6])
		return sign(b[0]) * (h*3600 + m*60), h >= 0 && m >= 0 && sign(b[0]) != 0
	}
	if len(b) == 5 {
		h, m := digits(b[1:3]), digits(b[3:5])
		return sign(b[0]) * (h*3600 + m*60), h >= 0 && m >= 0 && sign(b[0]) != 0
	}
	return 0, false
}

func sign(c byte) int64 {
	switch c {
	case '+':
		return 1
	case '-':
		return -1
	}
	return 0
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func allDigits(b []byte) bool {
	for _, c := range b {
		if !isDigit(c) {
			return false
		}
	}
	return true
}

// digits reads a run of decimal digits, or returns -1.
func digits(b []byte) int64 {
	n := int64(0)
	for _, c := range b {
		if c < '0' || c > '9' {
			return -1
		}
		n = n*10 + int64(c-'0')
	}
	return n
}

func monthNumber(b []byte) int64 {
	switch string(b) {
	case "Jan":
		return 1
	case "Feb":
		return 2
	case "Mar":
		return 3
	case "Apr":
		return 4
	case "May":
		return 5
	case "Jun":
		return 6
	case "Jul":
		return 7
	case "Aug":
		return 8
	case "Sep":
		return 9
	case "Oct":
		return 10
	case "Nov":
		return 11
	case "Dec":
		return 12
	}
	return 0
}

// daysSinceEpoch counts days from 1970-01-01 to a date of the proleptic
// Gregorian calendar, counting years from March so that a leap day comes last.
func daysSinceEpoch(year, month, day int64) int64 {
	if month <= 2 {
		year--
		month += 12
	}
	era := year / 400
	yearOfEra := year - era*400
	dayOfYear := (153*(month-3)+2)/5 + day - 1
	dayOfEra := yearOfEra*365 + yearOfEra/4 - yearOfEra/100 + dayOfYear
	return era*146097 + dayOfEra - 719468
}
