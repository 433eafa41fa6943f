package redis

import (
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/cambio-sts/cambio/internal/id"
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
// values, and those that are not there. Some may be left out.
func (w *writer) fields(names []string, without ...string) (set, unset []any) {
	for i, text := range w.texts {
		switch name := names[i]; {
		case slices.Contains(without, name):
		case text == "":
			unset = append(unset, name)
		default:
			set = append(set, name, text)
		}
	}
	return set, unset
}

// unless writes a value that mostly is the usual one, which costs nothing.
func (w *writer) unless(value, usual string) {
	switch value {
	case usual:
		w.text("")
	case "":
		w.text("-")
	default:
		w.text(value)
	}
}

// pack joins the texts: an id as 'h' and its 16 bytes, a time as 't' and its
// milliseconds in 6 bytes, any other behind its length and a colon. An empty one
// has no length, and none stand at the end.
func (w *writer) pack() string {
	texts := w.texts
	for len(texts) > 0 && texts[len(texts)-1] == "" {
		texts = texts[:len(texts)-1]
	}
	var out []byte
	for _, text := range texts {
		if id.Valid(text) {
			out = append(append(out, packedID), raw(text)...)
			continue
		}
		if n, ok := shortened(text); ok {
			out = append(append(out, packedTime), binary.BigEndian.AppendUint64(nil, n)[8-timeLen:]...)
			continue
		}
		if text != "" {
			out = strconv.AppendInt(out, int64(len(text)), 10)
		}
		out = append(append(out, ':'), text...)
	}
	return string(out)
}

// The marks of texts that are packed as fewer bytes, and how many those are.
const (
	packedID   = 'h'
	idLen      = id.Len / 2
	packedTime = 't'
	timeLen    = 6
)

// shortened reads a number that timeLen bytes hold and that is longer as text.
func shortened(text string) (n uint64, ok bool) {
	if len(text) < timeLen || len(text) > 14 || text[0] == '0' {
		return 0, false
	}
	n, err := strconv.ParseUint(text, 10, 8*timeLen)
	return n, err == nil
}

// raw returns the bytes that an id is written for: they take half the room as a
// member of an index. What is no id stays as it is.
func raw[ID ~string](one ID) string {
	var buf [id.Len]byte
	return string(appendRaw(buf[:0], one))
}

func appendRaw[ID ~string](out []byte, one ID) []byte {
	if raw, err := hex.AppendDecode(out, []byte(one)); err == nil {
		return raw
	}
	return append(out, one...)
}

// unraw returns the id of which these are the bytes.
func unraw(bytes string) string {
	var buf [id.Len]byte // what is longer is copied once more
	return string(hex.AppendEncode(buf[:0], []byte(bytes)))
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

// reader reads what writer wrote, in the same order: fields, or texts that are packed.
// The first thing that cannot be read stays as err.
type reader struct {
	texts  []string
	packed string // what is left of it, if it is packed
	plain  bool   // it is fields
	err    error
}

// read returns a reader of the values of fields, nil where there is none.
func read(values ...any) *reader {
	r := &reader{texts: make([]string, len(values)), plain: true}
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
func unpack(packed string) *reader { return &reader{packed: packed} }

func unpackOne(packed string) (text, rest string, ok bool) {
	form, body, rest, ok := cutOne(packed)
	switch form {
	case packedID:
		return unraw(body), rest, ok
	case packedTime:
		return strconv.FormatInt(packedMillis(body), 10), rest, ok
	default:
		return body, rest, ok
	}
}

// packedMillis reads the first timeLen bytes as a number.
func packedMillis(bytes string) int64 {
	var n int64
	for i := range timeLen {
		n = n<<8 | int64(bytes[i])
	}
	return n
}

// cutOne cuts the first text off, as it is packed: in one of the short forms, or none.
func cutOne(packed string) (form byte, body, rest string, ok bool) {
	switch rest := packed[1:]; {
	case packed[0] == packedID && len(rest) >= idLen:
		return packedID, rest[:idLen], rest[idLen:], true
	case packed[0] == packedTime && len(rest) >= timeLen:
		return packedTime, rest[:timeLen], rest[timeLen:], true
	}
	length, rest, ok := strings.Cut(packed, ":")
	if length == "" {
		return 0, "", rest, ok
	}
	size, err := strconv.Atoi(length)
	if !ok || err != nil || size < 0 || size > len(rest) {
		return 0, "", "", false
	}
	return 0, rest[:size], rest[size:], true
}

func (r *reader) text() string {
	if !r.plain {
		return r.unpacked()
	}
	if len(r.texts) == 0 {
		r.err = errReply // fewer values than asked for
		return ""
	}
	text := r.texts[0]
	r.texts = r.texts[1:]
	return text
}

// unpacked takes one of the texts that are packed.
func (r *reader) unpacked() string {
	if r.packed == "" {
		return ""
	}
	text, rest, ok := unpackOne(r.packed)
	if !ok {
		r.err = errReply
	}
	r.packed = rest
	return text
}

// known is text, without a copy if that is an id, packed, and the one given.
func (r *reader) known(likely string) string {
	if !r.plain && len(r.packed) > idLen && r.packed[0] == packedID {
		var buf [id.Len]byte
		if string(hex.AppendEncode(buf[:0], []byte(r.packed[1:1+idLen]))) == likely {
			r.packed = r.packed[1+idLen:]
			return likely
		}
	}
	return r.text()
}

// unless reads what writer.unless wrote.
func (r *reader) unless(usual string) string {
	switch text := r.text(); text {
	case "":
		return usual
	case "-":
		return ""
	default:
		return text
	}
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
	if !r.plain && len(r.packed) > timeLen && r.packed[0] == packedTime { // as most are
		n := packedMillis(r.packed[1:])
		r.packed = r.packed[1+timeLen:]
		return time.UnixMilli(n).UTC()
	}
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

// listed reads a slice of texts, mostly without the price of JSON.
func listed[T ~string](r *reader) []T {
	text := r.text()
	if text == "" {
		return nil
	}
	if plain, ok := plainTexts[T](text); ok {
		return plain
	}
	return decoded[T](r, text)
}

// plainTexts reads a JSON list of texts in which nothing is escaped, as it is written
// here: then each quotation mark begins a text or ends one.
func plainTexts[T ~string](list string) (texts []T, ok bool) {
	inner, begins := strings.CutPrefix(list, `["`)
	inner, ends := strings.CutSuffix(inner, `"]`)
	marks := strings.Count(list, `"`)
	if !begins || !ends || strings.Contains(inner, `\`) || !utf8.ValidString(inner) {
		return nil, false
	}
	texts = make([]T, 0, marks/2)
	for text := range strings.SplitSeq(inner, `","`) {
		texts = append(texts, T(text))
	}
	return texts, marks == 2*len(texts)
}

// values reads a slice; most are absent and cost nothing.
func values[T any](r *reader) []T {
	text := r.text()
	if text == "" {
		return nil
	}
	return decoded[T](r, text)
}

func decoded[T any](r *reader, text string) []T {
	var out []T
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		r.err = fmt.Errorf("%w: a list is no JSON", errReply)
	}
	return out
}
