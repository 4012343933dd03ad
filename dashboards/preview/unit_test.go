package preview

import "testing"

func TestUnits(t *testing.T) {
	none := 0
	tests := map[string]struct {
		value    float64
		unit     string
		decimals *int
	}{
		"95.5 %":    {0.955, "percentunit", nil},
		"0.01 %":    {0.0001, "percentunit", nil},
		"1.5 h":     {5400, "s", nil},
		"-2 d":      {-172800, "s", nil},
		"442 ms":    {0.442, "s", nil},
		"20 µs":     {0.00002, "s", nil},
		"0 s":       {0, "s", nil},
		"10.8 MiB":  {11324620, "bytes", nil},
		"1 KiB/s":   {1024, "Bps", nil},
		"0.16/s":    {0.16, "reqps", nil},
		"1.2 K":     {1200, "short", nil},
		"3":         {3.2, "", &none},
		"0":         {-0.001, "short", nil},
		"7 celsius": {7, "celsius", nil},
	}
	for want, tt := range tests {
		if got := inUnit(tt.value, tt.unit, tt.decimals); got != want {
			t.Errorf("%v in %q = %q, want %q", tt.value, tt.unit, got, want)
		}
	}
}
