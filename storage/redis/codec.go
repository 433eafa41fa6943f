package redis

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// writer collects the members of a record as texts, in a fixed order. A zero
// member is an empty text.
type writer struct{ texts []string }

func (w *writer) text(value string) { w.texts = append(w.texts, value) }

func (w *writer) number(value int64) { w.text(number(value)) }

func (w *writer) flag(value bool) { w.text(flag(value)) }

func (w *writer) time(value time.Time) { w.text(millis(value)) }

// list writes a slice as JSON; a nil one is not there, an empty one is "[]".
func list[T any](w *writer, values []T) {
	if values == nil {
		w.text("")
		return
	}
	text, _ := json.Marshal(values) // strings and prefixes always can be
	w.text(string(text))
}

// fields lays the texts out as fields of a hash: those to set with their
// values, and those that are not there.
func (w *writer) fields(names []string) (set, unset []any) {
	for i, text := range w.texts {
		if text == "" {
			unset = append(unset, names[i])
		} else {
			set = append(set, names[i], text)
		}
	}
	return set, unset
}

// pack joins the texts, each behind its length.
func (w *writer) pack() string {
	var out []byte
	for _, text := range w.texts {
		out = strconv.AppendInt(out, int64(len(text)), 10)
		out = append(out, ':')
		out = append(out, text...)
	}
	return string(out)
}

// number returns n as text, and 0 as none.
func number(n int64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatInt(n, 10)
}

func flag(value bool) string {
	if value {
		return "1"
	}
	return ""
}

// millis returns a time as text, in Unix milliseconds, and the zero time as none.
func millis(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return strconv.FormatInt(t.UnixMilli(), 10)
}

// reader reads what writer wrote, in the same order. The first thing that
// cannot be read stays as err.
type reader struct {
	texts []string
	err   error
}

// read returns a reader of the values of fields, nil where there is none.
func read(values ...any) *reader {
	r := &reader{texts: make([]string, len(values))}
	for i, value := range values {
		text, ok := value.(string)
		if !ok && value != nil {
			r.err = errReply
		}
		r.texts[i] = text
	}
	return r
}

// unpack returns a reader of what pack wrote. Texts that are missing at the end
// are empty: an earlier version did not know them.
func unpack(packed string, n int) *reader {
	r := &reader{texts: make([]string, n)}
	for i := 0; i < n && packed != ""; i++ {
		length, rest, ok := strings.Cut(packed, ":")
		size, err := strconv.Atoi(length)
		if !ok || err != nil || size < 0 || size > len(rest) {
			r.err = errReply
			break
		}
		r.texts[i], packed = rest[:size], rest[size:]
	}
	return r
}

func (r *reader) text() string {
	if len(r.texts) == 0 {
		r.err = errReply // fewer values than asked for
		return ""
	}
	text := r.texts[0]
	r.texts = r.texts[1:]
	return text
}

func (r *reader) number() int64 {
	text := r.text()
	if text == "" {
		return 0
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		r.err = errReply
	}
	return n
}

func (r *reader) flag() bool { return r.text() == "1" }

func (r *reader) time() time.Time {
	text := r.text()
	if text == "" {
		return time.Time{}
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		r.err = errReply
	}
	return time.UnixMilli(n).UTC()
}

// values reads a slice; most are absent and cost nothing.
func values[T any](r *reader) []T {
	text := r.text()
	if text == "" {
		return nil
	}
	var out []T
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		r.err = fmt.Errorf("%w: a list is no JSON", errReply)
	}
	return out
}
