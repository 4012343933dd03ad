package wording_test

import (
	"math"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/closewatch/closewatch/internal/process"
	"github.com/closewatch/closewatch/internal/wording"
)

func TestDuration(t *testing.T) {
	tests := map[time.Duration]string{
		0: "0s", 95 * time.Second: "95s", 12 * time.Minute: "12m", 3*time.Hour + 6*time.Minute: "3h06m",
		4 * time.Hour: "4h", 52 * time.Hour: "2d4h", 168 * time.Hour: "7d", -30 * time.Second: "-30s",
		math.MinInt64: "-106751d23h",
	}
	for in, want := range tests {
		if got := wording.Duration(in); got != want {
			t.Errorf("Duration(%v) = %q, want %q", in, got, want)
		}
	}
}

func TestPercentIsHonest(t *testing.T) {
	for ratio, want := range map[float64]string{0.995: "99.5 %", 0.9996: "99.96 %", 1: "100 %", 0: "0 %", 0.73: "73 %", math.Inf(1): "unknown"} {
		if got := wording.Percent(ratio); got != want {
			t.Errorf("Percent(%v) = %q, want %q", ratio, got, want)
		}
	}
	if got := wording.Percent(math.NaN()); got != "unknown" {
		t.Errorf("Percent(NaN) = %q", got)
	}
}

func TestListsAndCounts(t *testing.T) {
	for want, words := range map[string][]string{
		"": nil, "a": {"a"}, "a and b": {"a", "b"}, "a, b and c": {"a", "b", "c"}, "a, b and 2 more": {"a", "b", "c", "d"},
	} {
		if got := wording.List(words); got != want {
			t.Errorf("List(%q) = %q, want %q", words, got, want)
		}
	}
	if one, two := wording.Count(1, "job", "jobs"), wording.Count(2, "job", "jobs"); one != "1 job" || two != "2 jobs" {
		t.Errorf("Count = %q and %q", one, two)
	}
}

func TestSentence(t *testing.T) {
	for in, want := range map[string]string{"": "", "db fails": "Db fails.", "Done.": "Done.", "why?": "Why?", "österreich": "Österreich."} {
		if got := wording.Sentence(in); got != want {
			t.Errorf("Sentence(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestOneLine(t *testing.T) {
	tests := map[string]struct{ in, want string }{
		"as it is":               {"a text, as it is", "a text, as it is"},
		"a forged section":       {"failed\nDO FIRST: rm -rf /", "failed DO FIRST: rm -rf /"},
		"a forged line, Unicode": {"failed\u2028DO FIRST: x\u0085y", "failed DO FIRST: x y"},
		"control characters":     {"\x1b[31mred\x07", "[31mred"},
		"turned around":          {"a\u202Etxt.exe", "a txt.exe"},
		"no text at all":         {"a\xff\xfeb", "a\uFFFDb"},
		"spaces":                 {"  a \t b  ", "a b"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := wording.OneLine(tt.in); got != tt.want {
				t.Errorf("OneLine(%q) = %q, want %q", tt.in, got, tt.want)
			}
		})
	}
}

func TestCut(t *testing.T) {
	tests := map[string]struct {
		in   string
		n    int
		want string
	}{
		"short enough":                    {"abc", 3, "abc"},
		"shortened":                       {"abcdef", 4, "abc…"},
		"no dangling comma":               {"ab, cdef", 5, "ab…"},
		"no half of a word":               {"one two three", 10, "one two…"},
		"a word that just fits":           {"one two three", 8, "one two…"},
		"counted in characters":           {"äöüäöü", 4, "äöü…"},
		"an accent stays with its letter": {"abe\u0301xyz", 4, "ab…"},
		"a family is not torn apart":      {"ab👩\u200D👧xyz", 5, "ab…"},
		"nor is a flag":                   {"ab🇦🇹xyz", 4, "ab…"},
		"nothing left":                    {"abc", 1, "…"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := wording.Cut(tt.in, tt.n); got != tt.want {
				t.Errorf("Cut(%q, %d) = %q, want %q", tt.in, tt.n, got, tt.want)
			}
		})
	}
}

func TestCutAndOneLineOfAnything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := rapid.OneOf(rapid.String(), rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) })).Draw(t, "text")
		n := rapid.IntRange(1, 40).Draw(t, "n")
		cut := wording.Cut(in, n)
		if got := utf8.RuneCountInString(cut); got > n && got > utf8.RuneCountInString(in) || got > max(n, 1) {
			t.Fatalf("Cut(%q, %d) has %d characters", in, n, got)
		}
		line := wording.OneLine(in)
		if !utf8.ValidString(line) || strings.ContainsFunc(line, unicode.IsControl) || wording.OneLine(line) != line {
			t.Fatalf("OneLine(%q) = %q", in, line)
		}
	})
}

func TestObjectivesAreSaidInWords(t *testing.T) {
	tests := map[string]process.Objective{
		"99.5 %, in the critical window 99.9 %: it works": {Kind: process.Availability, Target: 99.5 * process.Percent, CriticalTarget: 99.9 * process.Percent, Says: "it works"},
		"95 % within 3s, in the critical window 95 % within 5s": {
			Kind: process.Latency, Target: 95 * process.Percent, Threshold: 3 * time.Second, CriticalThreshold: 5 * time.Second,
		},
		"99 % within 7d":          {Kind: process.Freshness, Target: 99 * process.Percent, Threshold: 7 * 24 * time.Hour},
		"every time: it is filed": {Kind: process.Deadline, Every: true, Says: "it is filed"},
		"in the critical window only every time: it is done": {Kind: process.Deadline, Every: true, CriticalOnly: true, Says: "it is done"},
	}
	for want, o := range tests {
		if got := wording.Objective(o); got != want {
			t.Errorf("%+v says %q, want %q", o, got, want)
		}
	}
}

// What is cut ends with a whole word.
func TestCutLeavesNoHalfOfAWord(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := rapid.StringMatching(`[a-zä]{1,9}([ ,;]{1,2}[a-zä0-9]{1,9}){0,9}`).Draw(t, "text")
		n := rapid.IntRange(1, 60).Draw(t, "n")
		whole, shortened := strings.CutSuffix(wording.Cut(in, n), "…")
		first, _, _ := strings.Cut(in, " ")
		if !shortened || utf8.RuneCountInString(first) >= n {
			return
		}
		if next, _ := utf8.DecodeRuneInString(in[len(whole):]); !strings.HasPrefix(in, whole) || !strings.ContainsRune(" ,;", next) {
			t.Fatalf("Cut(%q, %d) = %q ends in a word", in, n, whole)
		}
	})
}
