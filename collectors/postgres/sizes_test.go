package postgres

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/closewatch/closewatch/internal/collector/collectortest"
	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/pgsession"
	"github.com/closewatch/closewatch/internal/secret"
)

// A disk is a server that has databases and files, and nothing else.
type disk struct {
	now       time.Time
	sizes     map[string]float64 // by name; the oid is 1000 and its place by name
	denied    map[string]bool    // those whose size the role may not read
	dropped   map[string]bool    // those dropped after they were listed
	locked    map[string]bool    // those whose size cannot be read at the moment
	wal, temp float64
	refused   fault.Kind // of the list of files; "" answers
	asked     []string   // whose size was asked for in the last run
}

func (d *disk) ask(_ context.Context, queries ...pgsession.Query) pgsession.Results {
	names := slices.Sorted(maps.Keys(d.sizes))
	var results pgsession.Results
	for _, q := range queries {
		switch q.Name {
		case "list of databases":
			d.asked = nil
			var list [][]string
			for i, name := range names {
				list = append(list, []string{strconv.Itoa(1000 + i), name, d.now.Format("2006-01-02 15:04:05.999999Z07"), strconv.FormatBool(!d.denied[name])})
			}
			results = append(results, rows(q.Name, []string{"oid", "datname", "now", "readable"}, list...))
		case "WAL and temporary files":
			r := rows(q.Name, []string{"wal", "temporary"}, []string{fmt.Sprint(d.wal), fmt.Sprint(d.temp)})
			if d.refused != "" {
				r = pgsession.Result{Name: q.Name, Err: &fault.Error{Op: "read files", Kind: d.refused, Err: errors.New("refused")}}
			}
			results = append(results, r)
		default:
			name := names[q.Args[0].(int64)-1000]
			d.asked = append(d.asked, name)
			r := rows(q.Name, []string{"bytes"}, []string{strconv.FormatFloat(d.sizes[name], 'f', 0, 64)})
			switch {
			case d.dropped[name]:
				r = pgsession.Result{Name: q.Name, Err: &fault.Error{Op: "read size", Kind: fault.Schema, Err: errors.New("database does not exist")}}
			case d.locked[name]:
				r = pgsession.Result{Name: q.Name, Err: &fault.Error{Op: "read size", Kind: fault.Timeout, Err: errors.New("statement timeout")}}
			}
			results = append(results, r)
		}
	}
	return results
}

const gib = 1 << 30

func newDisk() *disk {
	return &disk{
		now: march31, wal: 2 * gib, temp: 1 * gib,
		sizes:   map[string]float64{"prod": 100 * gib, "staging": 20 * gib, "postgres": gib},
		denied:  map[string]bool{},
		dropped: map[string]bool{},
		locked:  map[string]bool{},
	}
}

// turn is how far apart runs are.
const turn = 15 * time.Minute / sizeRounds

// watched runs a collector for some hours while the databases grow.
func watched(d *disk, capacity float64, hours int, perHour map[string]float64) *Sizes {
	s := &Sizes{Ask: d.ask, Interval: 15 * time.Minute, Capacity: capacity}
	for range hours * int(time.Hour/turn) {
		_, _ = run(s)
		d.now = d.now.Add(turn)
		for name, more := range perHour {
			d.sizes[name] += more / float64(time.Hour/turn)
		}
	}
	return s
}

// run collects once, and returns what is published.
func run(s *Sizes) (series map[string]float64, err error) {
	ch := make(chan prometheus.Metric, 1000)
	err = s.Collect(context.Background(), ch)
	close(ch)
	series = map[string]float64{}
	for m := range ch {
		var out dto.Metric
		_ = m.Write(&out)
		_, name, _ := strings.Cut(m.Desc().String(), `fqName: "`)
		name, _, _ = strings.Cut(name, `"`)
		for _, l := range out.GetLabel() {
			name += "{" + l.GetValue() + "}"
		}
		series[name] = out.GetGauge().GetValue()
	}
	return series, err
}

func TestSizes(t *testing.T) {
	growing := map[string]float64{"prod": gib, "staging": gib / 4}
	tests := map[string]struct {
		capacity float64
		hours    int
		grow     map[string]float64
		then     func(*disk)
		kind     fault.Kind
	}{
		"sizes_at_first":                        {capacity: 1000 * gib},
		"sizes_growing":                         {capacity: 1000 * gib, hours: 24, grow: growing},
		"sizes_growing_without_capacity":        {hours: 24, grow: growing},
		"sizes_shrinking":                       {capacity: 1000 * gib, hours: 24, grow: map[string]float64{"prod": -gib / 8}},
		"sizes_beyond_capacity":                 {capacity: 100 * gib, hours: 24, grow: growing},
		"sizes_beyond_capacity_at_first":        {capacity: 100 * gib},
		"sizes_of_a_database_nobody_may_read":   {capacity: 1000 * gib, hours: 24, grow: growing, then: func(d *disk) { d.denied["staging"] = true }},
		"sizes_of_a_database_dropped_meanwhile": {capacity: 1000 * gib, then: func(d *disk) { d.dropped["staging"] = true }},
		"sizes_of_a_slow_database":              {capacity: 1000 * gib, then: func(d *disk) { d.locked["prod"] = true }, kind: fault.Timeout},
		"sizes_without_the_right_to_list_files": {capacity: 1000 * gib, hours: 24, grow: growing, then: func(d *disk) { d.refused = fault.Denied }},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			d := newDisk()
			s := watched(d, tt.capacity, tt.hours, tt.grow)
			if tt.then != nil {
				tt.then(d)
			}
			if err := collectortest.Golden(t, s, name); fault.KindOf(err) != tt.kind {
				t.Errorf("Collect() = %v, want kind %q", err, tt.kind)
			}
		})
	}
}

// All sizes at first, then each within the interval, a quarter with each run.
func TestSizesAreReadInTurn(t *testing.T) {
	d := newDisk()
	d.sizes = map[string]float64{}
	for i := range 10 {
		d.sizes[fmt.Sprintf("d%d", i)] = gib
	}
	s := watched(d, 0, 0, nil)
	seen := map[string]int{}
	for i := range 1 + 2*sizeRounds {
		_, _ = run(s)
		d.now = d.now.Add(turn)
		if most := 3; i > 0 && len(d.asked) > most {
			t.Errorf("run %d reads %d sizes, want at most %d", i, len(d.asked), most)
		}
		for _, name := range d.asked {
			seen[name]++
		}
	}
	for name := range d.sizes {
		if seen[name] < 3 {
			t.Errorf("the size of %s was read %d times in two intervals, want 3", name, seen[name])
		}
	}
}

// A size that cannot be read any more is not known for ever.
func TestSizesAge(t *testing.T) {
	d := newDisk()
	s := watched(d, 0, 1, nil)
	d.locked["prod"] = true
	known := time.Duration(0)
	for range 4 * sizeRounds {
		got, _ := run(s)
		d.now = d.now.Add(turn)
		if got["pg_database_size_bytes{staging}"] != 20*gib {
			t.Fatalf("after %v the others are not known: %v", known, got)
		}
		_, one := got["pg_database_size_bytes{prod}"]
		if _, all := got["pg_storage_used_bytes"]; one != all {
			t.Fatalf("after %v: %v", known, got)
		}
		if one {
			known += turn
		}
	}
	if known < 15*time.Minute || known > 30*time.Minute {
		t.Errorf("a size that cannot be read is known for %v more, want one to two intervals less its age", known)
	}
}

// The series are bounded, the sizes still add up, and which databases are shown
// does not change with every byte.
func TestSizesAreBounded(t *testing.T) {
	d := newDisk()
	d.sizes = map[string]float64{other: 7 * gib}
	for i := range 200 {
		d.sizes[fmt.Sprintf("odoo \"%d\"\n", i)] = float64(i+1) * gib
	}
	s := watched(d, 0, 8, map[string]float64{"odoo \"0\"\n": gib})
	shown, _ := run(s)
	sum, count := 0.0, 0
	for name, v := range shown {
		if strings.HasPrefix(name, "pg_database_size_bytes") {
			sum += v
			count++
		}
	}
	want := 0.0
	for _, v := range d.sizes {
		want += v
	}
	if count != maxSized+1 || math.Abs(sum-want) > gib { // sizes are up to 15 minutes old
		t.Errorf("%d series of %v bytes, want %d of %v", count, sum, maxSized+1, want)
	}
	if len(shown) > shares["sizes"] {
		t.Errorf("%d series, and the share is %d", len(shown), shares["sizes"])
	}
	d.sizes[`odoo "159"`+"\n"] += 3 * gib // the largest that is not shown grows past some that are
	for range 2 * time.Hour / turn {
		d.now = d.now.Add(turn)
		_, _ = run(s)
	}
	if again, _ := run(s); cmp.Diff(slices.Sorted(maps.Keys(shown)), slices.Sorted(maps.Keys(again))) != "" {
		t.Errorf("other databases are shown: %v", again)
	}
}

// What could not be written is written with the next run.
func TestSizesAreKept(t *testing.T) {
	d := newDisk()
	var failing error = &fault.Error{Op: "keep the growth", Kind: fault.Denied, Err: errors.New("read-only file system")}
	kept := 0
	s := &Sizes{Ask: d.ask, Interval: 15 * time.Minute, Keep: func(*growth) error {
		if failing == nil {
			kept++
		}
		return failing
	}}
	if _, err := run(s); fault.KindOf(err) != fault.Denied {
		t.Errorf("Collect() = %v, want the failure", err)
	}
	failing = nil
	for range 3 {
		if _, err := run(s); err != nil {
			t.Error(err)
		}
	}
	if kept != 1 {
		t.Errorf("written %d times in an hour, want once", kept)
	}
}

// What is known of growth outlives the daemon; what is damaged does not count.
func TestGrowthIsTakenUp(t *testing.T) {
	settings := Settings{Component: "db", Environment: "test", StateDir: t.TempDir()}
	settings.Config.SetDefaults()
	settings.Config.DSN = secret.New("postgres://mon@127.0.0.1:1/postgres")
	settings.Config.Capacity = 500 << 30
	start := func() *instance {
		i := New(settings).(*instance)
		t.Cleanup(i.Close)
		return i
	}
	kept, _ := grown(24, func(h int) float64 { return float64(h) })
	if err := start().sizes.Keep(kept); err != nil {
		t.Fatal(err)
	}
	i := start()
	if n := len(i.sizes.growth.Samples); n != 24 || i.sizes.Capacity != 500<<30 {
		t.Errorf("%d samples are known and a capacity of %v, want 24 and 500 GiB", n, i.sizes.Capacity)
	}
	path := i.stateFile(".growth")
	if err := os.WriteFile(path, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	if n := len(start().sizes.growth.Samples); n != 0 {
		t.Errorf("%d samples are known of a damaged file", n)
	}
	if _, err := os.Stat(path + ".damaged"); err != nil {
		t.Errorf("the damaged file is not set aside: %v", err)
	}
}
