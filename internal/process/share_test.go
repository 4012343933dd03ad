package process_test

import (
	"encoding/json"
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"github.com/closewatch/closewatch/internal/process"
)

func TestASharePassesThroughNoFloat(t *testing.T) {
	tests := map[string]string{ // text: exact fraction
		"99.9%":          "999/1000",
		"0.999":          "999/1000",
		"0.9990000000":   "999/1000",
		"99.99 %":        "9999/10000",
		"0.999999999":    "999999999/1000000000",
		"1":              "1/1",
		"100%":           "1/1",
		".5":             "1/2",
		"0":              "0/1",
		"0.9995":         "1999/2000",
		"1.1":            "",
		"100.0001%":      "",
		"99.5":           "",
		"0.9999999999":   "",
		"":               "",
		"%":              "",
		".":              "",
		"-0.5":           "",
		"1e-3":           "",
		"0,5":            "",
		"ninety":         "",
		"0.5.5":          "",
		"99999999999999": "",
	}
	for text, want := range tests {
		t.Run(text, func(t *testing.T) {
			got, err := process.ParseShare(text)
			if (err == nil) != (want != "") || err == nil && got.Rat().String() != want {
				t.Errorf("ParseShare = %v, %v, want %s", got.Rat(), err, want)
			}
		})
	}
}

func TestWhatIsWrittenInGoIsTheSameDecimal(t *testing.T) {
	if got := process.Share(99.95 * process.Percent); got.Rat().Cmp(big.NewRat(9995, 10000)) != 0 {
		t.Errorf("99.95 %% is %v", got.Rat())
	}
}

func TestASharesTextIsReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := process.Share(rapid.Int64Range(0, int64(process.Whole)).Draw(t, "billionths"))
		if back, err := process.ParseShare(s.String()); err != nil || back != s {
			t.Fatalf("%s is read as %v, %v", s, back, err)
		}
		body, err := json.Marshal(s)
		var back process.Share
		if err != nil || json.Unmarshal(body, &back) != nil || back != s {
			t.Fatalf("%s is kept as %s and read as %v, %v", s, body, back, err)
		}
	})
}

func FuzzParseShare(f *testing.F) {
	for _, seed := range []string{"99.9%", "0.5", "", ".", "%", "1e9", "00000000000000000000.1", "0.\u0661"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := process.ParseShare(text)
		if err == nil && (s < 0 || s > process.Whole) {
			t.Errorf("%q is read as %v", text, s.Rat())
		}
	})
}
