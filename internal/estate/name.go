package estate

import (
	"fmt"
	"regexp"
)

// shortName is what may become a label value, a file name and part of a URL.
var shortName = regexp.MustCompile(`^[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?$`)

// nameProblem returns the problem of a field that must be a short name.
func nameProblem(field, name string) (Problem, bool) {
	return Problem{
		field, fmt.Sprintf("is not a short name: %q", clip(name)),
		"use small letters, digits, dots and dashes, at most 63",
	}, !shortName.MatchString(name)
}
