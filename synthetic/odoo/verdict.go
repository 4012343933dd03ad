package odoo

import (
	"errors"
	"strings"
)

// A verdict gathers what a step asserts: a word for each assertion, which the
// step keeps as its note, and what is wrong. Words say what was found right or
// wrong, never how much it was.
type verdict struct {
	words []string
	wrong []error
}

// say notes what was found: say("state", "posted").
func (v *verdict) say(what, found string) {
	if found == "" {
		found = "none"
	}
	v.words = append(v.words, what+"="+found)
}

// check notes ok, or wrong when one of errs is not nil.
func (v *verdict) check(what string, errs ...error) {
	err := errors.Join(errs...)
	if err == nil {
		v.say(what, "ok")
		return
	}
	v.say(what, "wrong")
	v.wrong = append(v.wrong, err)
}

// note is all words in one line.
func (v *verdict) note() string { return strings.Join(v.words, " ") }

// err is nil when everything is as it should be.
func (v *verdict) err() error { return errors.Join(v.wrong...) }
