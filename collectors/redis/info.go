package redis

import (
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
	fields := make(info)
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		name, value, ok := strings.Cut(line, ":")
		if !ok || strings.HasPrefix(line, "#") || len(fields) >= maxFields {
			continue
		}
		fields[name] = value
	}
	return fields
}

// number reads a field that is a finite number.
func (i info) number(field string) (float64, bool) {
	v, err := strconv.ParseFloat(i[field], 64)
	return v, err == nil && !math.IsNaN(v) && !math.IsInf(v, 0)
}

// members reads a field of the form "keys=5,expires=1".
func (i info) members(field string) info {
	list := make(info)
	for part := range strings.SplitSeq(i[field], ",") {
		if name, value, ok := strings.Cut(part, "="); ok {
			list[name] = value
		}
	}
	return list
}

// now is the server's own time, or ours when it does not tell.
func (i info) now(ours time.Time) time.Time {
	us, ok := i.number("server_time_usec")
	if !ok {
		return ours
	}
	return time.UnixMicro(int64(us))
}
