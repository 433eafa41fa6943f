package api

import (
	"maps"
	"strconv"
	"strings"
)

// verbs is which argument a text takes as what: by position, from 1, the letter of
// its verb.
type verbs map[int]byte

func (v verbs) equal(other verbs) bool { return maps.Equal(v, other) }

// verbsOf reads the verbs of package fmt that a text of a catalogue may hold: %s,
// %d and either with a position, as in %[2]s. ok is false for any other percent sign.
func verbsOf(text string) (found verbs, ok bool) {
	found = verbs{}
	next := 1
	for {
		_, after, more := strings.Cut(text, "%")
		if !more {
			return found, true
		}
		position := next
		if inner, explicit := strings.CutPrefix(after, "["); explicit {
			number, rest, closed := strings.Cut(inner, "]")
			n, err := strconv.ParseUint(number, 10, 8)
			if !closed || err != nil || n == 0 {
				return nil, false
			}
			position, after = int(n), rest
		}
		if after == "" || after[0] != 's' && after[0] != 'd' {
			return nil, false
		}
		if verb, twice := found[position]; twice && verb != after[0] {
			return nil, false
		}
		found[position], next, text = after[0], position+1, after[1:]
	}
}
