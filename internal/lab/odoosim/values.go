package odoosim

import (
	"encoding/json"
	"math"
	"strconv"
)

// Values come off the wire as json.Number, string, bool, nil, []any and
// map[string]any; these read them as leniently as Python would.

func toInt(v any) int64 {
	switch v := v.(type) {
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return n
		}
		f, _ := v.Float64()
		return int64(f)
	case int64:
		return v
	case int:
		return int64(v)
	case float64:
		return int64(v)
	case string:
		n, _ := strconv.ParseInt(v, 10, 64)
		return n
	case []any: // [id, name]
		if len(v) > 0 {
			return toInt(v[0])
		}
	}
	return 0
}

func toFloat(v any) float64 {
	switch v := v.(type) {
	case json.Number:
		f, _ := v.Float64()
		return f
	case float64:
		return v
	case int64:
		return float64(v)
	case int:
		return float64(v)
	}
	return 0
}

func toString(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	case int64:
		return strconv.FormatInt(v, 10)
	case bool:
		return strconv.FormatBool(v)
	}
	return ""
}

// toIDs reads an id or a list of ids.
func toIDs(v any) []int64 {
	switch v := v.(type) {
	case []int64:
		return v
	case []any:
		ids := make([]int64, 0, len(v))
		for _, x := range v {
			if id := toInt(x); id != 0 {
				ids = append(ids, id)
			}
		}
		return ids
	}
	if id := toInt(v); id != 0 {
		return []int64{id}
	}
	return []int64{}
}

func toBool(v any) bool { return !isFalse(v) }

// isFalse is Python's falsehood, by which clients spell null.
func isFalse(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case bool:
		return !v
	case string:
		return v == ""
	case []any:
		return len(v) == 0
	case json.Number:
		return false // 0 is a value, not a missing one
	}
	return false
}

// nullable is v, or nil when it spells null: for a column of text or a date.
func nullable(v any) any {
	if isFalse(v) {
		return nil
	}
	return toString(v)
}

func nullableID(id int64) any {
	if id == 0 {
		return nil
	}
	return id
}

// cents rounds to the currency's two decimals.
func cents(f float64) float64 { return math.Round(f*100) / 100 }
