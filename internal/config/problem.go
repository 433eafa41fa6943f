package config

import (
	"fmt"
	"slices"
	"strings"
)

// Problem is one thing that keeps a configuration from being used. None of its
// fields repeats a configured value.
type Problem struct {
	// Where is the file with line, the variable or the flag; empty when the
	// value is a default or missing.
	Where string
	// Key is the dotted key, such as listen.addr; empty for the file as a whole.
	Key string
	// Cause says what is wrong.
	Cause string
	// Fix says what to do about it.
	Fix string
}

// String returns the problem on one line.
func (p Problem) String() string {
	var b strings.Builder
	for _, part := range []string{p.Where, p.Key} {
		if part != "" {
			b.WriteString(part)
			b.WriteString(": ")
		}
	}
	b.WriteString(p.Cause)
	if p.Fix != "" {
		b.WriteString("; ")
		b.WriteString(p.Fix)
	}
	return b.String()
}

// Error is every problem of one configuration. Load returns it as *Error.
type Error struct {
	// Problems are in the order found; never empty.
	Problems []Problem
}

// Error lists the problems, one a line.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "the configuration has %s:", count(len(e.Problems), "problem"))
	for _, p := range e.Problems {
		b.WriteString("\n  ")
		b.WriteString(p.String())
	}
	return b.String()
}

// causeMissing is of a required key that no source has.
const causeMissing = "is required"

// Missing reports whether a required key is set nowhere.
func (e *Error) Missing() bool {
	return slices.ContainsFunc(e.Problems, func(p Problem) bool { return p.Cause == causeMissing })
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// fault is a problem before it is known where it stands; nil is no problem.
type fault struct{ cause, fix string }

// problems collects, at most one for each key, since what is wrong later with a
// key that could not be read is only an echo.
type problems struct {
	list  []Problem
	known map[string]bool
	// unread are maps that could not be read; what is missing below them is no
	// news.
	unread map[string]bool
	where  map[string]string
}

func newProblems() *problems {
	return &problems{known: map[string]bool{}, unread: map[string]bool{}, where: map[string]string{}}
}

// add records f for key, at the place the key's value came from.
func (p *problems) add(key string, f *fault) {
	if f == nil {
		return
	}
	for i, r := range key {
		if r == '.' && p.unread[key[:i]] {
			return
		}
	}
	p.addAt(p.where[key], key, f)
}

// addAt records f for key at a place of its own.
func (p *problems) addAt(where, key string, f *fault) {
	id := key
	if id == "" {
		id = where
	}
	if p.known[id] {
		return
	}
	p.known[id] = true
	p.list = append(p.list, Problem{Where: where, Key: key, Cause: f.cause, Fix: f.fix})
}

func (p *problems) err() error {
	if len(p.list) == 0 {
		return nil
	}
	return &Error{Problems: p.list}
}
