package audit

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"strconv"
	"time"

	"github.com/cambio-sts/cambio/internal/id"
)

// How each line begins that appendJSON made of an event with an id: with these
// members, at these places.
const (
	idKey     = `{"id":"`
	timeKey   = `","time":"`
	eventKey  = `","event":"`
	timeAt    = len(idKey) + id.Len + len(timeKey)
	timeEnd   = timeAt + len(timeFormat)
	eventAt   = timeEnd + len(eventKey)
	linkAfter = 2*sha256.Size + len(lineEnd) // of a line, what stands after prevKey
)

// glance is a line, and what can be told of it at little cost.
type glance struct {
	file  string
	text  []byte
	time  int64 // of the event, in Unix milliseconds
	place int64 // time by which it is merged with the lines of other writers
	usual bool  // begins as appendJSON has it
}

// glanceAt looks at the line of a writer, whose link is what its lines have between
// seq and the hash. It reports false for what is certainly no line.
func glanceAt(text, link []byte) (glance, bool) {
	if len(text) > maxLine || len(text) < len(link)+linkAfter || !bytes.HasSuffix(text, []byte(lineEnd)) ||
		!bytes.HasSuffix(text[:len(text)-linkAfter], link) {
		return glance{}, false
	}
	g := glance{text: text}
	if len(text) > eventAt && string(text[:len(idKey)]) == idKey && string(text[len(idKey)+id.Len:timeAt]) == timeKey &&
		string(text[timeEnd:eventAt]) == eventKey {
		if g.time, g.usual = parseTime(text[timeAt:timeEnd]); g.usual {
			return g, true
		}
	}
	entry, err := parseEntry(text)
	g.time = entry.Time.UnixMilli()
	return g, err == nil
}

// parseTime reads a time in timeFormat as Unix milliseconds.
func parseTime(text []byte) (millis int64, ok bool) {
	number := func(from, to int) int {
		n := 0
		for _, c := range text[from:to] {
			ok = ok && '0' <= c && c <= '9'
			n = n*10 + int(c-'0')
		}
		return n
	}
	ok = text[4] == '-' && text[7] == '-' && text[10] == 'T' && text[13] == ':' && text[16] == ':' && text[19] == '.' && text[23] == 'Z'
	day := time.Date(number(0, 4), time.Month(number(5, 7)), number(8, 10), number(11, 13), number(14, 16), number(17, 19), 0, time.UTC)
	return day.UnixMilli() + int64(number(20, 23)), ok
}

// parseEntry reads a line that a sink may have written, without its newline. Its
// error is ErrDamaged.
func parseEntry(text []byte) (Entry, error) {
	var entry Entry
	if err := json.Unmarshal(text, &entry); err != nil {
		return Entry{}, ErrDamaged
	}
	if !id.Valid(entry.ID) || entry.Name == "" || entry.Time.IsZero() || entry.Seq == 0 {
		return Entry{}, ErrDamaged
	}
	return entry, nil
}

// MarshalJSON returns the line of the entry, in the form of the tags.
func (e Entry) MarshalJSON() ([]byte, error) {
	line := e.Event.appendJSON(nil)
	line = strconv.AppendUint(append(line[:len(line)-1], seqKey...), e.Seq, 10)
	line = appendMember(line, `,"writer":`, e.Writer)
	return append(appendMember(line, `,"prev":`, e.Prev), '}'), nil
}
