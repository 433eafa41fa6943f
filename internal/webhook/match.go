package webhook

import (
	"errors"
	"slices"
	"strings"

	"github.com/cambio-sts/cambio/internal/audit"
)

// match says which events a receiver wants.
type match struct {
	events       []string // names, or beginnings with *; none: every change and warning
	organization string   // none: all of them
}

// ErrEvent says that a receiver wants what never happens.
var ErrEvent = errors.New("there is no event of that name")

// check returns ErrEvent if one of events fits no event that there is: a misspelled one
// would be missed for ever.
func (m *match) check() error {
	for _, event := range m.events {
		one := match{events: []string{event}}
		if !slices.ContainsFunc(audit.Names(), one.name) {
			return ErrEvent
		}
	}
	return nil
}

// name reports whether events of that name are wanted. Uses are many, so none is sent
// that was not named in full.
func (m *match) name(name audit.Name) bool {
	if len(m.events) == 0 {
		return name != audit.TokenUsed && name != audit.TokenUseFailed && name != audit.WriterEnded
	}
	for _, event := range m.events {
		beginning, open := strings.CutSuffix(event, "*")
		switch {
		case event == string(name):
			return true
		case open && strings.HasPrefix(string(name), beginning) && name != audit.TokenUsed && name != audit.TokenUseFailed:
			return true
		}
	}
	return false
}

// event reports whether an event is of the organization.
func (m *match) event(e *audit.Event) bool {
	return m.organization == "" || m.organization == e.Organization
}
