// Package cog holds what every builder shares: the Builder contract and the
// errors a build can end with.
package cog

import (
	"errors"
	"fmt"
	"strings"
)

// A Builder makes one validated resource.
type Builder[ResourceT any] interface {
	Build() (ResourceT, error)
}

// ToPtr returns a pointer to a copy of v, for optional fields.
func ToPtr[T any](v T) *T { return &v }

// A BuildError is one thing wrong with a resource and where.
type BuildError struct {
	Path    string // dotted, below the resource: "variables[1].name"
	Message string
}

// Error implements error.
func (e *BuildError) Error() string { return fmt.Sprintf("%s: %s", e.Path, e.Message) }

// BuildErrors is everything wrong with a resource.
type BuildErrors []*BuildError

// Error implements error, one finding a line.
func (errs BuildErrors) Error() string {
	lines := make([]string, len(errs))
	for i, e := range errs {
		lines[i] = e.Error()
	}
	return strings.Join(lines, "\n")
}

// MakeBuildErrors puts err, and each finding inside it, below rootPath.
func MakeBuildErrors(rootPath string, err error) BuildErrors {
	var nested BuildErrors
	if !errors.As(err, &nested) {
		return BuildErrors{{Path: rootPath, Message: err.Error()}}
	}
	out := make(BuildErrors, len(nested))
	for i, e := range nested {
		out[i] = &BuildError{Path: rootPath + "." + e.Path, Message: e.Message}
	}
	return out
}
