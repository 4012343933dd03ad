package postgres

import "testing"

func TestSize(t *testing.T) {
	tests := map[string]Size{
		"1":            1,
		"536870912000": 536870912000,
		"500GiB":       500 << 30,
		"500 GiB":      500 << 30,
		"1.5TB":        1.5e12,
		"2TiB":         2 << 40,
		"10MB":         10e6,
		"":             0,
		"0":            0,
		"-5GiB":        0,
		"5 elephants":  0,
		"GiB":          0,
		"5GiBB":        0,
		"5gib":         0,
		"9000PiB":      0,
		"NaN":          0,
		"1e999":        0,
	}
	for text, want := range tests {
		t.Run(text, func(t *testing.T) {
			var got Size
			err := got.UnmarshalText([]byte(text))
			if got != want || (err == nil) != (want > 0) {
				t.Errorf("got %d, %v; want %d", got, err, want)
			}
		})
	}
}
