package delta_test

import (
	"errors"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/closewatch/closewatch/internal/delta"
)

var base = time.Date(2026, 11, 18, 12, 0, 0, 0, time.UTC)

// level is written as text.
type level uint8

func (l level) MarshalText() ([]byte, error) { return []byte([]string{"low", "high"}[l%2]), nil }

func (l *level) UnmarshalText(b []byte) error {
	*l = 0
	if string(b) == "high" {
		*l = 1
	}
	return nil
}

type (
	Name struct{ Tenant, Process string }
	Also struct{ Kind string }
)

type part struct {
	Kind  string
	Since time.Time
	Says  []string
}

// row has a field of every kind.
type row struct {
	Name
	Tenant []string // hides that of the name
	Level  level
	Fails  int
	Total  uint64
	Rate   float64
	Fires  bool
	Left   time.Duration
	At     time.Time
	Parts  []part
	Lead   *part
	Atoms  *float64
	Since  [3]time.Time
	Labels map[string]string
	Raw    []byte
	Secret func() `delta:"-"`
	memo   int
}

func instants() *rapid.Generator[time.Time] {
	return rapid.Custom(func(t *rapid.T) time.Time {
		switch rapid.IntRange(0, 4).Draw(t, "when") {
		case 0:
			return time.Time{}
		case 1:
			return base.Add(time.Duration(rapid.Int64Range(-1e15, 1e15).Draw(t, "nanoseconds")))
		case 2:
			return base.Add(time.Duration(rapid.IntRange(0, 99).Draw(t, "seconds")) * time.Second).In(time.FixedZone("", 3600*rapid.IntRange(-11, 13).Draw(t, "offset")))
		case 3:
			return time.Date(rapid.IntRange(2, 9999).Draw(t, "year"), 3, 4, 5, 6, 7, 8, time.UTC)
		default:
			return base
		}
	})
}

func some[T any](g *rapid.Generator[T]) *rapid.Generator[[]T] {
	return rapid.OneOf(rapid.Just([]T(nil)), rapid.SliceOfN(g, 0, 3))
}

func rows() *rapid.Generator[row] {
	word := rapid.SampledFrom([]string{"", "db", "erp", "posting fails at step 3", "ö"})
	parts := rapid.Custom(func(t *rapid.T) part {
		return part{word.Draw(t, "kind"), instants().Draw(t, "since"), some(word).Draw(t, "says")}
	})
	return rapid.Custom(func(t *rapid.T) row {
		r := row{
			Name: Name{word.Draw(t, "tenant"), word.Draw(t, "process")}, Level: level(rapid.IntRange(0, 1).Draw(t, "level")),
			Fails: rapid.Int().Draw(t, "fails"), Total: rapid.Uint64().Draw(t, "total"), Fires: rapid.Bool().Draw(t, "fires"),
			Rate: rapid.SampledFrom([]float64{0, 1.5, math.NaN(), math.Inf(1), 1.0 / 3, math.Copysign(0, -1)}).Draw(t, "rate"),
			Left: time.Duration(rapid.Int64().Draw(t, "left")), At: instants().Draw(t, "at"), Parts: some(parts).Draw(t, "parts"),
			Lead: rapid.Ptr(parts, true).Draw(t, "lead"), Atoms: rapid.Ptr(rapid.Just(0.0), true).Draw(t, "atoms"),
			Labels: rapid.OneOf(rapid.Just(map[string]string(nil)), rapid.MapOfN(word, word, 0, 3)).Draw(t, "labels"),
			Raw:    some(rapid.Byte()).Draw(t, "raw"), Tenant: some(word).Draw(t, "hiding"),
		}
		for i := range r.Since {
			r.Since[i] = instants().Draw(t, "since")
		}
		return r
	})
}

// exactly compares as what is written must: nil is not empty, NaN is itself, and
// instants that are written alike are alike.
var exactly = cmp.Options{
	cmpopts.EquateNaNs(), cmpopts.IgnoreFields(row{}, "Secret", "memo"),
	cmp.Comparer(func(a, b time.Time) bool {
		return a.Format(time.RFC3339Nano) == b.Format(time.RFC3339Nano) && a.Equal(b)
	}),
}

func writer[T any](t rapid.TB) *delta.Writer[T] {
	t.Helper()
	w, err := delta.NewWriter[T]()
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// history draws tables of which most rows are as before, and says which.
func history(t *rapid.T) (tables [][]row, same []map[int]bool) {
	now := rapid.SliceOfN(rows(), 0, 6).Draw(t, "rows")
	for range rapid.IntRange(1, 8).Draw(t, "tables") {
		tables = append(tables, slices.Clone(now))
		kept := map[int]bool{}
		if rapid.Bool().Draw(t, "one more or less") {
			if n := len(now); n > 0 && rapid.Bool().Draw(t, "less") {
				now = slices.Clone(now[:n-1])
			} else {
				now = append(slices.Clone(now), rows().Draw(t, "row"))
			}
		} else {
			now = slices.Clone(now)
		}
		for i := range now {
			switch rapid.IntRange(0, 3).Draw(t, "change") {
			case 0:
				now[i] = rows().Draw(t, "row")
			case 1:
				now[i].At = instants().Draw(t, "at")
			default:
				kept[i] = i < len(tables[len(tables)-1])
			}
		}
		same = append(same, kept)
	}
	return tables, same
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tables, same := history(t)
		w, told, r := writer[row](t), writer[row](t), &delta.Reader[row]{}
		for n, table := range tables {
			if rapid.IntRange(0, 3).Draw(t, "begin anew") == 0 {
				w.Reset()
				told.Reset()
			}
			b := w.Append(nil, base, table, nil)
			moved := []int{}
			for i := range table {
				if n == 0 || !same[n-1][i] {
					moved = append(moved, i)
				}
			}
			if again := told.Append(nil, base, table, moved); !slices.Equal(b, again) {
				t.Fatalf("table %d: a writer that is told what is the same writes\n%q, want\n%q", n, again, b)
			}
			rest, err := r.Read(append(b, "rest"...))
			if err != nil || string(rest) != "rest" {
				t.Fatalf("table %d: Read() leaves %q, %v", n, rest, err)
			}
			if diff := cmp.Diff(table, r.Rows(), exactly, cmpopts.EquateEmpty()); len(table) == 0 && len(r.Rows()) > 0 || len(table) > 0 && diff != "" {
				t.Fatalf("table %d (-written +read):\n%s", n, diff)
			}
			for i := range table {
				if diff := cmp.Diff(table[i], r.Rows()[i], exactly); diff != "" {
					t.Fatalf("table %d, row %d (-written +read):\n%s", n, i, diff)
				}
			}
		}
	})
}

// What a reader handed out stays as it was when later tables are read.
func TestWhatWasReadStays(t *testing.T) {
	w, r := writer[row](t), &delta.Reader[row]{}
	var kept []row
	for n := range 3 {
		table := []row{{Parts: []part{{Kind: "db", Says: []string{strings.Repeat("x", n+1)}}}, Labels: map[string]string{"n": strings.Repeat("y", n)}, Lead: &part{Kind: strings.Repeat("z", n)}}}
		if _, err := r.Read(w.Append(nil, base, table, nil)); err != nil {
			t.Fatal(err)
		}
		kept = append(kept, r.Rows()[0])
	}
	for n, k := range kept {
		if k.Parts[0].Says[0] != strings.Repeat("x", n+1) || k.Labels["n"] != strings.Repeat("y", n) || k.Lead.Kind != strings.Repeat("z", n) {
			t.Errorf("row of table %d is now %+v", n, k)
		}
	}
}

func TestAQuietTableIsSmall(t *testing.T) {
	w := writer[row](t)
	table := slices.Repeat([]row{{Name: Name{"prod", "invoice-posting"}, At: base, Parts: []part{{Kind: "db"}}}}, 1000)
	whole := len(w.Append(nil, base, table, nil))
	if quiet := len(w.Append(nil, base, table, nil)); quiet > 5 || whole < 1000 {
		t.Errorf("a quiet table takes %d bytes, a whole one %d", quiet, whole)
	}
	table[500].Fails = 1
	if one := w.Append(nil, base, table, nil); len(one) > 12 {
		t.Errorf("one field that changed takes %d bytes: %v", len(one), one)
	}
}

// Before and after are one type as two programs know it.
type (
	before struct {
		Gone  []part
		Kept  string
		Moved struct{ A, B int }
		Map   map[string]part
		Ptr   *part
		Three [3]int
	}
	after struct {
		New   *int
		Moved struct{ B, C int }
		Kept  string
	}
)

func TestATypeMayGainAndLoseFields(t *testing.T) {
	old := before{Gone: []part{{Kind: "x"}}, Kept: "kept", Map: map[string]part{"a": {}, "b": {Says: []string{"x"}}}, Ptr: &part{}}
	old.Moved.A, old.Moved.B = 1, 2
	w, r := writer[before](t), &delta.Reader[after]{}
	for _, text := range []string{"kept", "changed"} {
		old.Kept = text
		if _, err := r.Read(w.Append(nil, base, []before{old}, nil)); err != nil {
			t.Fatal(err)
		}
		if got := r.Rows()[0]; got.Kept != text || got.Moved.B != 2 || got.Moved.C != 0 || got.New != nil {
			t.Errorf("read %+v", got)
		}
	}
}

func TestAFieldThatMeansSomethingElseIsRefused(t *testing.T) {
	type was struct{ N string }
	type is struct{ N int }
	r := &delta.Reader[is]{}
	if _, err := r.Read(writer[was](t).Append(nil, base, []was{{"x"}}, nil)); err == nil || !strings.Contains(err.Error(), "N: it was something else") {
		t.Errorf("Read() = %v", err)
	}
}

func TestTypesThatCannotBeWrittenAreRefused(t *testing.T) {
	type loop struct{ Next *loop }
	type twice struct {
		Name
		part
		Other struct{ Name string }
		Also
	}
	tests := map[string]struct{ err error }{
		"a type within itself":   {second(delta.NewWriter[loop]())},
		"two fields of one name": {second(delta.NewWriter[twice]())},
		"a function":             {second(delta.NewWriter[struct{ F func() }]())},
		"anything":               {second(delta.NewWriter[struct{ A any }]())},
		"keys that are numbers":  {second(delta.NewWriter[struct{ M map[int]int }]())},
		"not a struct":           {second(delta.NewWriter[int]())},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if tt.err == nil {
				t.Error("accepted")
			}
		})
	}
}

func TestSharing(t *testing.T) {
	sharing, err := delta.Sharing[row]("At")
	if err != nil {
		t.Fatal(err)
	}
	r := row{Name: Name{"prod", "posting"}, Rate: math.NaN(), Parts: []part{{Kind: "db"}}, Labels: map[string]string{"a": "b"}, At: base}
	tests := map[string]struct {
		change func(*row)
		want   bool
	}{
		"itself":                      {func(*row) {}, true},
		"a field that is left out":    {func(r *row) { r.At = base.Add(1) }, true},
		"a field that is not written": {func(r *row) { r.memo = 1 }, true},
		"a text":                      {func(r *row) { r.Name.Tenant = "other" }, false},
		"a number":                    {func(r *row) { r.Fails = 1 }, false},
		"a flag":                      {func(r *row) { r.Fires = true }, false},
		"a level":                     {func(r *row) { r.Level = 1 }, false},
		"a share":                     {func(r *row) { r.Rate = 1 }, false},
		"an instant in an array":      {func(r *row) { r.Since[1] = base }, false},
		"an equal list elsewhere":     {func(r *row) { r.Parts = slices.Clone(r.Parts) }, false},
		"a shorter list":              {func(r *row) { r.Parts = r.Parts[:0] }, false},
		"no list":                     {func(r *row) { r.Raw = []byte{} }, false},
		"an equal map elsewhere":      {func(r *row) { r.Labels = maps.Clone(r.Labels) }, false},
		"something pointed at":        {func(r *row) { r.Lead = &part{} }, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			other := r
			tt.change(&other)
			if got := sharing(&r, &other); got != tt.want {
				t.Errorf("sharing = %v, want %v", got, tt.want)
			}
		})
	}
	pointing := r
	pointing.Lead = &part{}
	if sharing(&pointing, &pointing) {
		t.Error("what is pointed at may have changed meanwhile")
	}
}

func second[T any](_ T, err error) error { return err }

func TestADifferenceNeedsWhatItDiffersFrom(t *testing.T) {
	w := writer[row](t)
	whole := w.Append(nil, base, []row{{Fails: 1}}, nil)
	next := w.Append(nil, base, []row{{Fails: 2}}, nil)
	r := &delta.Reader[row]{}
	if _, err := r.Read(next); !errors.Is(err, delta.ErrDamaged) {
		t.Errorf("a difference alone: %v", err)
	}
	for name, cut := range map[string][]byte{"cut short": whole[:len(whole)-2], "empty": nil, "another beginning": append([]byte{7}, whole[1:]...)} {
		if _, err := r.Read(cut); !errors.Is(err, delta.ErrDamaged) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := r.Read(next); !errors.Is(err, delta.ErrDamaged) {
			t.Errorf("a difference after one that is %s: %v", name, err)
		}
	}
	if _, err := r.Read(whole); err != nil || r.Rows()[0].Fails != 1 {
		t.Errorf("a whole table after all that: %v", err)
	}
}

func FuzzRead(f *testing.F) {
	w := writer[row](f)
	one := 1.0
	whole := w.Append(nil, base, []row{{Parts: []part{{Says: []string{"a"}}}, Labels: map[string]string{"a": "b"}, Atoms: &one, At: base}}, nil)
	f.Add(whole, w.Append(nil, base, []row{{Fails: 3}, {}}, nil))
	f.Fuzz(func(t *testing.T, first, second []byte) {
		r := &delta.Reader[row]{}
		for _, b := range [][]byte{first, second} {
			if _, err := r.Read(b); err != nil && !errors.Is(err, delta.ErrDamaged) && !strings.Contains(err.Error(), "something else") {
				t.Fatalf("Read() = %v", err)
			}
			if n := len(r.Rows()); n > len(first)+len(second) {
				t.Fatalf("%d rows of %d bytes", n, len(b))
			}
		}
	})
}

func BenchmarkAppend(b *testing.B) {
	quiet := []row{}
	for range 1000 {
		quiet = append(quiet, row{
			Name: Name{"prod", "invoice-posting"}, At: base, Labels: map[string]string{"a": "b"},
			Parts: []part{{Kind: "db", Since: base, Says: []string{"fine"}}, {Kind: "erp", Since: base, Says: []string{"fine"}}},
		})
	}
	for name, moved := range map[string][]int{"compared": nil, "known to be the same": {}} {
		b.Run(name, func(b *testing.B) {
			w := writer[row](b)
			buf := w.Append(nil, base, quiet, nil)
			for b.Loop() {
				buf = w.Append(buf[:0], base, quiet, moved)
			}
		})
	}
}

func TestMapsAreWrittenInOrder(t *testing.T) {
	labels := map[string]string{}
	for k := range strings.SplitSeq("abcdefghijklmnop", "") {
		labels[k] = k
	}
	want := writer[row](t).Append(nil, base, []row{{Labels: labels}}, nil)
	for range 20 {
		if got := writer[row](t).Append(nil, base, []row{{Labels: maps.Clone(labels)}}, nil); !slices.Equal(got, want) {
			t.Fatal("the same map is written otherwise")
		}
	}
}
