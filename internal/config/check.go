package config

import (
	"fmt"
	"strings"
)

// Check holds one value against the rule of its key, as Load does, and returns
// what is wrong with it, or nil. Files that the value names and what it needs of
// other keys are not looked at.
func Check(key, text string) *Problem {
	problem := func(f *fault) *Problem {
		if f == nil {
			return nil
		}
		return &Problem{Key: key, Cause: f.cause, Fix: f.fix}
	}
	s, ok := newLoader("", "").row(func(s setting) bool { return s.path == key })
	if !ok {
		return problem(&fault{"is not a known key", "see the reference for the keys there are"})
	}
	if _, f := s.parse(text, ""); f != nil {
		return problem(f)
	}
	switch key {
	case "issuer":
		return problem(checkIssuer(text))
	case "login.issuer":
		return problem(checkLoginIssuer(text))
	case "listen.addr", "listen.adminAddr":
		return problem(checkListenAddr(text))
	default:
		return nil
	}
}

// Required reports whether a configuration cannot do without a key: one that has no
// default, and is not off where it is missing. Of the lists of services, webhooks and routes every key
// counts as required, as leaving one out gives the item another meaning.
func Required(key string) bool {
	s, ok := newLoader("", "").row(func(s setting) bool { return s.path == key })
	return ok && s.required || strings.Contains(key, "[")
}

// CheckPrivate reports why a file may not hold a secret, by the rule that Load has for
// masterKey.file; nil if it may.
func CheckPrivate(path string) error {
	if f := checkPrivateFile(path); f != nil {
		return fmt.Errorf("the path %s %s: %s", path, f.cause, f.fix)
	}
	return nil
}
