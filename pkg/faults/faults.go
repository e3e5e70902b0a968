// Package faults collects everything that is wrong with a configuration, so that a user sees all
// of it at once. It does not know what the fields mean.
package faults

import (
	"errors"
	"fmt"
	"strings"
)

// List holds the faults of one configuration.
type List struct {
	owner string
	errs  []error
}

// Of returns an empty list for the type that owns the fields, such as "nbody.Config".
func Of(owner string) *List { return &List{owner: owner} }

// Want adds a fault that names field, value and what is wanted, unless ok. Write ok as what is
// allowed, so that NaN is a fault.
func (l *List) Want(ok bool, field string, value any, want string) {
	if !ok {
		l.errs = append(l.errs, fmt.Errorf("%s.%s = %v, want %s", l.owner, field, value, want))
	}
}

// Add adds an error, if it is one.
func (l *List) Add(err error) {
	if err != nil {
		l.errs = append(l.errs, err)
	}
}

// Err returns all faults, one a line, or nil.
func (l *List) Err() error { return errors.Join(l.errs...) }

// OneLine returns the lines of joined errors as one line.
func OneLine(err error) string {
	return strings.ReplaceAll(strings.TrimSpace(err.Error()), "\n", "; ")
}
