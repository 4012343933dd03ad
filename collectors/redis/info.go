package redis

import (
	"iter"
	"maps"
	"math"
	"strconv"
	"strings"
	"time"
)

// info is an answer to INFO, field by field.
type info map[string]string

// maxFields bounds an answer; Redis 7 gives about 200 fields.
const maxFields = 2000

// parseInfo reads an answer to INFO. Lines that are no field are left out.
func parseInfo(text string) info {
	fields := make(info, min(strings.Count(text, "\n"), maxFields))
	fields.add(text)
	return fields
}

// read adds an answer to INFO, of which one that is no text says nothing.
func (i info) read(a answer) {
	text, _ := a.value.(string)
	i.add(text)
}

func (i info) add(text string) {
	for line := range strings.Lines(strings.ToValidUTF8(text, "")) {
		line = strings.TrimRight(line, "\r\n")
		name, value, ok := strings.Cut(line, ":")
		if !ok || strings.HasPrefix(line, "#") || len(i) >= maxFields {
			continue
		}
		i[name] = value
	}
}

// number reads a field that is a finite number.
func (i info) number(field string) (float64, bool) {
	text, ok := i[field]
	if !ok {
		return 0, false
	}
	return finite(text)
}

// members reads a field of the form "keys=5,expires=1".
func (i info) members(field string) info {
	return maps.Collect(pairs(i[field]))
}

// pairs reads "keys=5,expires=1".
func pairs(text string) iter.Seq2[string, string] {
	return func(yield func(name, value string) bool) {
		for part := range strings.SplitSeq(text, ",") {
			if name, value, ok := strings.Cut(part, "="); ok && !yield(name, value) {
				return
			}
		}
	}
}

// finite reads a number that is neither infinite nor none.
func finite(text string) (float64, bool) {
	v, err := strconv.ParseFloat(text, 64)
	return v, err == nil && !math.IsNaN(v) && !math.IsInf(v, 0)
}

// now is the server's own time, or ours when it does not tell.
func (i info) now(ours time.Time) time.Time {
	us, ok := i.number("server_time_usec")
	if !ok {
		return ours
	}
	return time.UnixMicro(int64(us))
}

// isDatabase recognises db0 to db999.
func isDatabase(name string) bool {
	digits, ok := strings.CutPrefix(name, "db")
	return ok && len(digits) > 0 && len(digits) <= 3 && strings.Trim(digits, "0123456789") == ""
}
