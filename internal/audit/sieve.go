package audit

import (
	"bytes"
	"slices"
	"time"
)

const organizationKey = `,"organization":`

// sieve applies a Query, to the bytes of a line first: to decode one takes many times
// as long.
type sieve struct {
	Query

	span   span
	member []byte   // of the organization, as a line has it
	values [][]byte // as a line has them, with their quotes
}

func newSieve(q Query) *sieve {
	s := &sieve{Query: q, span: always(), member: appendMember(nil, organizationKey, q.Organization)}
	if !q.From.IsZero() {
		s.span.first = q.From.Truncate(time.Millisecond).UnixMilli()
	}
	if !q.To.IsZero() {
		s.span.last = q.To.Truncate(time.Millisecond).UnixMilli() - 1
	}
	for _, value := range q.Values {
		s.values = append(s.values, appendString(nil, value))
	}
	return s
}

// pick decodes a line that may be asked for, and reports whether it is. Its error is
// ErrDamaged, of a line that may have been.
func (s *sieve) pick(line glance) (entry Entry, asked bool, err error) {
	if !s.mayHold(line) {
		return Entry{}, false, nil
	}
	found, err := parseEntry(line.text) // apart from entry: it escapes
	if err != nil {
		return Entry{}, true, err
	}
	return found, s.holds(&found.Event), nil
}

// mayHold reports false for a line that is certainly not asked for.
func (s *sieve) mayHold(line glance) bool {
	if !s.span.has(line.time) {
		return false
	}
	if !line.usual { // strings may be written in other ways
		return true
	}
	name, rest, found := bytes.Cut(line.text[eventAt:], []byte(`"`))
	if !found {
		return true // damaged
	}
	if len(s.Names) > 0 && !slices.Contains(s.Names, Name(name)) && bytes.IndexByte(name, '\\') < 0 {
		return false
	}
	return s.mayBelong(rest) && !slices.ContainsFunc(s.values, func(value []byte) bool {
		return !bytes.Contains(line.text, value)
	})
}

// mayBelong looks for the organization in what follows the event's name.
func (s *sieve) mayBelong(rest []byte) bool {
	switch next := bytes.HasPrefix(rest, []byte(organizationKey)); {
	case s.Organization == "":
		return !next
	case next:
		return bytes.HasPrefix(rest, s.member)
	default:
		return bytes.Contains(rest, s.member)
	}
}

// holds reports whether the event is asked for.
func (s *sieve) holds(e *Event) bool {
	return e.Organization == s.Organization && s.span.has(e.Time.UnixMilli()) &&
		(len(s.Names) == 0 || slices.Contains(s.Names, e.Name)) &&
		(s.Match == nil || s.Match(e))
}
