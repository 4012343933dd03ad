package serverlog

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/closewatch/closewatch/internal/fault"
)

func TestExamine(t *testing.T) {
	const envelope = `{"log":"2026-11-22 12:00:01,123 7 INFO prod odoo.x: x\n"}` + "\n"
	tests := map[string]struct {
		text, format string
		well         string
		kind         fault.Kind
	}{
		"Odoo's":              {failing, Auto, "readable, format odoo", ""},
		"a container's":       {envelope, Auto, "readable, format json", ""},
		"another than said":   {envelope, Plain, "", fault.Schema},
		"of another program":  {strings.Repeat("GET / 200\n", 50), Auto, "", fault.Schema},
		"nothing written yet": {"", Auto, "readable, and empty so far", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "odoo.log")
			if err := os.WriteFile(path, []byte(tt.text), 0o600); err != nil {
				t.Fatal(err)
			}
			well, err := Examine(path, tt.format)
			if well != tt.well || tt.kind != "" && fault.KindOf(err) != tt.kind || (err != nil) != (tt.kind != "") {
				t.Errorf("Examine() = %q, %v, want %q, %q", well, err, tt.well, tt.kind)
			}
		})
	}
	if _, err := Examine(filepath.Join(t.TempDir(), "odoo.log"), Auto); fault.KindOf(err) != fault.Unreachable || !strings.Contains(fault.HintOf(err), "logfile") {
		t.Errorf("Examine() of none = %v (%s)", err, fault.HintOf(err))
	}
	if _, err := Examine(t.TempDir(), Auto); fault.KindOf(err) != fault.Schema {
		t.Errorf("Examine() of a folder = %v", err)
	}
}
