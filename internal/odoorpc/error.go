package odoorpc

import (
	"errors"
	"fmt"
	"strings"
)

// An Error is a refusal by Odoo, or by what stands before it. It is the cause
// inside the *fault.Error that the Client returns.
type Error struct {
	Class  string // Python class: "odoo.exceptions.UserError"; "" when the answer was not Odoo's
	Text   string // what was said, scrubbed and bounded
	Status int    // HTTP status
}

// Error implements error.
func (e *Error) Error() string {
	switch {
	case e.Class == "" && e.Text == "":
		return fmt.Sprintf("HTTP %d", e.Status)
	case e.Class == "":
		return fmt.Sprintf("HTTP %d: %s", e.Status, e.Text)
	case e.Text == "":
		return shortClass(e.Class)
	}
	return shortClass(e.Class) + ": " + e.Text
}

// ClassOf returns the Python class of the refusal in err's chain, or "".
func ClassOf(err error) string {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Class
	}
	return ""
}

// Ambiguous reports whether a call that failed with err may nevertheless have
// been carried out: the answer, not the request, is what is missing.
func Ambiguous(err error) bool {
	if err == nil || errors.Is(err, errUnsent) {
		return false
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Class == "" // a gateway's page says nothing about Odoo's transaction
	}
	return true
}

// shortClass drops the module of Odoo's and Python's own classes, which says
// nothing: odoo.exceptions.UserError reads UserError.
func shortClass(class string) string {
	for _, prefix := range []string{"odoo.exceptions.", "odoo.http.", "builtins.", "werkzeug.exceptions."} {
		if rest, ok := strings.CutPrefix(class, prefix); ok {
			return rest
		}
	}
	return class
}
