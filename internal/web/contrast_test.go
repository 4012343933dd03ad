package web_test

import (
	"math"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// TestColoursAreLegible computes the contrast of every pair of colours the
// style puts on one another: at least 4.5, as WCAG 2.2 AA asks of text.
func TestColoursAreLegible(t *testing.T) {
	css, err := os.ReadFile("assets/style.css")
	if err != nil {
		t.Fatal(err)
	}
	light, rest, found := strings.Cut(string(css), "@media (prefers-color-scheme: dark)")
	dark, _, closed := strings.Cut(rest, "\n}\n")
	if !found || !closed {
		t.Fatal("the style has no dark scheme")
	}
	for scheme, text := range map[string]string{"light": light, "dark": dark} {
		colours := map[string]float64{}
		for _, m := range regexp.MustCompile(`--([a-z-]+): (#[0-9a-f]{6});`).FindAllStringSubmatch(text, -1) {
			colours[m[1]] = luminance(t, m[2])
		}
		pairs := [][2]string{{"ink", "page"}, {"ink", "surface"}, {"ink", "sunken"}, {"quiet", "page"}, {"quiet", "surface"}, {"link", "page"}, {"link", "surface"}}
		for _, tone := range []string{"critical", "warning", "info", "ok", "unknown"} {
			pairs = append(pairs, [2]string{tone, "surface"}, [2]string{tone, "page"}, [2]string{tone, tone + "-bg"}, [2]string{"ink", tone + "-bg"}, [2]string{"quiet", tone + "-bg"})
		}
		for _, p := range pairs {
			a, okA := colours[p[0]]
			b, okB := colours[p[1]]
			if !okA || !okB {
				t.Errorf("%s: --%s or --%s is not declared", scheme, p[0], p[1])
				continue
			}
			if ratio := (math.Max(a, b) + 0.05) / (math.Min(a, b) + 0.05); ratio < 4.5 {
				t.Errorf("%s: --%s on --%s has a contrast of %.2f", scheme, p[0], p[1], ratio)
			}
		}
	}
}

// luminance is the relative luminance of #rrggbb.
func luminance(t *testing.T, hex string) float64 {
	t.Helper()
	v, err := strconv.ParseUint(hex[1:], 16, 32)
	if err != nil {
		t.Fatal(err)
	}
	linear := func(c uint64) float64 {
		s := float64(c&0xff) / 255
		if s <= 0.04045 {
			return s / 12.92
		}
		return math.Pow((s+0.055)/1.055, 2.4)
	}
	return 0.2126*linear(v>>16) + 0.7152*linear(v>>8) + 0.0722*linear(v)
}
