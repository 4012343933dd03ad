package redis

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/closewatch/closewatch/internal/fault"
)

var (
	streamLabels = []string{"db", "stream"}
	groupLabels  = []string{"db", "stream", "group"}

	keySizeDesc   = prometheus.NewDesc("redis_key_size", "Elements of a list, set, sorted set, hash or stream that the estate names, or bytes of a string; 0 when the key is not there, as Redis has no empty ones.", []string{"db", "key"}, nil)
	streamDesc    = prometheus.NewDesc("redis_stream_length", "Entries of a stream that the estate names.", streamLabels, nil)
	groupsDesc    = prometheus.NewDesc("redis_stream_groups", "Consumer groups of the stream.", streamLabels, nil)
	consumersDesc = prometheus.NewDesc("redis_stream_group_consumers", "Consumers of the group.", groupLabels, nil)
	pendingDesc   = prometheus.NewDesc("redis_stream_group_messages_pending", "Entries delivered to the group and not acknowledged.", groupLabels, nil)
	groupLagDesc  = prometheus.NewDesc("redis_stream_group_lag", "Entries not yet delivered to the group; absent when the server cannot tell.", groupLabels, nil)
)

func describeKeys(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{keySizeDesc, streamDesc, groupsDesc, consumersDesc, pendingDesc, groupLagDesc} {
		ch <- d
	}
}

// maxGroups bounds the consumer groups published of one stream.
const maxGroups = 16

// lengths are the commands that tell a key's size without reading it, by type.
var lengths = map[string]string{
	"list": "LLEN", "set": "SCARD", "zset": "ZCARD", "hash": "HLEN", "stream": "XLEN", "string": "STRLEN",
}

// A sizes is what is known of the keys an estate names.
type sizes struct {
	length map[string]int64
	groups map[string][]group // of streams
}

// A group is a consumer group of a stream.
type group struct {
	name               string
	consumers, pending int64
	lag                *int64 // nil when the server cannot tell
}

// measure asks for the size of each key, given the answers to TYPE. It takes one
// round trip. A key that cannot be measured is left out and told in the error.
func measure(ctx context.Context, ask ask, keys []string, types []answer) (sizes, error) {
	s := sizes{map[string]int64{}, map[string][]group{}}
	var commands []command
	var about []string
	var errs []error
	for n, key := range keys {
		kind, _ := types[n].value.(string)
		length, known := lengths[kind]
		switch {
		case types[n].err != nil:
			errs = append(errs, unmeasured(key, types[n].err))
		case kind == "none":
			s.length[key] = 0
		case !known:
			errs = append(errs, unmeasured(key, fmt.Errorf("it is of type %.20q", kind)))
		default:
			commands, about = append(commands, command{length, key}), append(about, key)
			if kind == "stream" {
				commands, about = append(commands, command{"XINFO", "GROUPS", key}), append(about, key)
			}
		}
	}
	if len(commands) == 0 {
		return s, errors.Join(errs...)
	}
	answers, err := ask(ctx, commands...)
	if err != nil {
		return s, errors.Join(append(errs, err)...)
	}
	for n, a := range answers {
		switch length, isLength := a.value.(int64); {
		case a.err != nil: // also a key whose type has changed since
			errs = append(errs, unmeasured(about[n], a.err))
		case isLength:
			s.length[about[n]] = length
		default:
			s.groups[about[n]] = parseGroups(a.list())
		}
	}
	return s, errors.Join(errs...)
}

func unmeasured(key string, err error) error {
	f := &fault.Error{Op: fmt.Sprintf("measure the Redis key %.60q", key), Kind: fault.Schema, Err: err, Hint: "name a list, set, sorted set, hash, stream or string of the URL's database"}
	if refusedBecause(err) == denied {
		f.Kind, f.Hint = fault.Denied, "allow it: ACL SETUSER <user> %R~<key> +type +llen +scard +zcard +hlen +xlen +strlen +xinfo|groups"
	}
	return f
}

// parseGroups reads the answer to XINFO GROUPS: names and values in turn.
func parseGroups(reply []any) []group {
	var out []group
	for _, item := range reply {
		row, _ := item.([]any)
		var g group
		for n := 0; n+1 < len(row); n += 2 {
			v, isNumber := row[n+1].(int64)
			switch row[n] {
			case "name":
				g.name, _ = row[n+1].(string)
			case "consumers":
				g.consumers = v
			case "pending":
				g.pending = v
			case "lag":
				if isNumber {
					g.lag = &v
				}
			}
		}
		if g.name != "" && len(out) < maxGroups {
			out = append(out, g)
		}
	}
	return out
}

func (s sizes) publish(ch chan<- prometheus.Metric, database int) {
	db := "db" + strconv.Itoa(database)
	for key, n := range s.length {
		gauge(ch, keySizeDesc, float64(n), db, label(key))
	}
	for key, groups := range s.groups {
		if n, ok := s.length[key]; ok {
			gauge(ch, streamDesc, float64(n), db, label(key))
		}
		gauge(ch, groupsDesc, float64(len(groups)), db, label(key))
		seen := map[string]bool{}
		for _, g := range groups {
			name := label(g.name)
			if seen[name] {
				continue
			}
			seen[name] = true
			gauge(ch, consumersDesc, float64(g.consumers), db, label(key), name)
			gauge(ch, pendingDesc, float64(g.pending), db, label(key), name)
			if g.lag != nil {
				gauge(ch, groupLagDesc, float64(*g.lag), db, label(key), name)
			}
		}
	}
}
