package serverlog

import "bytes"

// A traceback is what is known of one while its lines come in: no text but two
// names.
type traceback struct {
	Addon     string `json:"addon,omitempty"`     // of the innermost frame in an addon
	Exception string `json:"exception,omitempty"` // of the last exception
	Seen      bool   `json:"seen,omitempty"`
	Frames    bool   `json:"frames,omitempty"` // the exception's line is still to come
}

const tracebackHeader = "Traceback (most recent call last):"

// line takes a line that follows a record's first. It reports whether that was
// the line of an exception, whose text is then in rest.
func (t *traceback) line(b []byte) (rest []byte, ended bool) {
	switch {
	case string(b) == tracebackHeader:
		t.Seen, t.Frames, t.Addon, t.Exception = true, true, "", ""
	case !t.Frames || len(b) == 0:
	case b[0] == ' ' || b[0] == '\t':
		if file, ok := frameFile(b); ok {
			if addon := addonOf(file); addon != "" {
				t.Addon = addon
			}
		}
	default:
		t.Frames = false
		class, text, _ := bytes.Cut(b, []byte(":"))
		t.Exception = exceptionName(class)
		return bytes.TrimSpace(text), true
	}
	return nil, false
}

// frameFile takes the path out of `  File "/opt/odoo/addons/…", line 12, in f`.
func frameFile(b []byte) ([]byte, bool) {
	b, ok := bytes.CutPrefix(bytes.TrimLeft(b, " \t"), []byte(`File "`))
	if !ok {
		return nil, false
	}
	file, _, ok := bytes.Cut(b, []byte(`", line `))
	return file, ok
}

// parts of an addon's folder that tell it where no folder of addons does.
var parts = map[string]bool{
	"models": true, "controllers": true, "wizard": true, "wizards": true, "report": true, "reports": true,
	"services": true, "components": true, "jobs": true, "tools": true, "hooks.py": true, "migrations": true,
}

// addonOf returns the addon a file belongs to, "" for a file of Odoo's core, of
// a library or of none. An addon lies in a folder of addons, whose name ends so,
// or holds folders that every addon has.
func addonOf(file []byte) string {
	addon := ""
	var before []byte
	library, inAddons := false, false
	for segment := range bytes.SplitSeq(file, []byte("/")) {
		switch {
		case inAddons && isName(segment):
			return string(segment)
		case string(segment) == "site-packages", string(segment) == "dist-packages":
			library, addon = true, ""
		case parts[string(segment)] && !library && addon == "" && isName(before) && string(before) != "odoo":
			addon = string(before)
		}
		inAddons = bytes.HasSuffix(segment, []byte("addons"))
		before = segment
	}
	return addon
}

// loggerAddon returns the addon that a logger is named after, "" for others.
func loggerAddon(logger []byte) string {
	name, ok := bytes.CutPrefix(logger, []byte("odoo.addons."))
	if !ok {
		return ""
	}
	name, _, _ = bytes.Cut(name, []byte("."))
	if !isName(name) {
		return ""
	}
	return string(name)
}

// isName reports whether b can be an addon's technical name.
func isName(b []byte) bool {
	if len(b) == 0 || len(b) > 64 || b[0] < 'a' || b[0] > 'z' {
		return false
	}
	for _, c := range b {
		if c != '_' && (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}

// endings of names that are an exception's. A name without one of them is
// called other: it may be a word of a message.
var endings = [...]string{
	"Error", "Exception", "Warning", "Failure", "Violation", "Detected", "Transaction", "Shutdown", "Canceled",
	"NotAvailable", "Denied", "NotFound", "Timeout", "Expired", "Interrupt", "Exit", "UndefinedColumn", "UndefinedTable",
}

// exceptionName returns the last part of a class's dotted name when it looks
// like an exception's, "other" when not.
func exceptionName(class []byte) string {
	if i := bytes.LastIndexByte(class, '.'); i >= 0 {
		class = class[i+1:]
	}
	if len(class) == 0 || len(class) > 48 || class[0] < 'A' || class[0] > 'Z' {
		return otherName
	}
	for _, c := range class {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') {
			return otherName
		}
	}
	for _, ending := range endings {
		if bytes.HasSuffix(class, []byte(ending)) {
			return string(class)
		}
	}
	return otherName
}
