package verify

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"unicode/utf8"
)

// maxDepth is how deep objects and arrays of a token may nest.
const maxDepth = 8

var (
	errParts     = errors.New("not three parts of base64url without padding and spare bits")
	errNotObject = errors.New("not exactly one JSON object in UTF-8")
	errDuplicate = errors.New("a JSON member is given twice")
	errTooDeep   = errors.New("JSON nests too deep")
	errNull      = errors.New("null is no value")
)

// decodePart decodes base64url without padding or spare bits (RFC 7515 §2), so
// that a token has one form. The standard library skips line breaks.
func decodePart(part string) ([]byte, error) {
	if part == "" || strings.ContainsAny(part, "\r\n") {
		return nil, errParts
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(part)
	if err != nil {
		return nil, errParts
	}
	return raw, nil
}

// object is the members of a JSON object, in their order.
type object []member

type member struct {
	name  string
	value json.RawMessage
}

// get returns a member, nil if there is none.
func (o object) get(name string) json.RawMessage {
	for i := range o {
		if o[i].name == name {
			return o[i].value
		}
	}
	return nil
}

// members splits one JSON object into its members and refuses what parsers
// disagree on: duplicate names at any depth (RFC 7515 §4, RFC 7519 §4), bytes
// that are not UTF-8, and anything after the object. Names are exact: the struct
// decoder of encoding/json would take EXP for exp.
func members(data []byte) (object, error) {
	if !utf8.Valid(data) || !json.Valid(data) {
		return nil, errNotObject
	}
	w := walker{data: data}
	if w.next() != '{' {
		return nil, errNotObject
	}
	return w.object(maxDepth)
}

// walker walks through JSON that is known to be valid.
type walker struct {
	data []byte
	at   int
}

// next returns the next byte that is no white space, without passing it.
func (w *walker) next() byte {
	for {
		switch c := w.data[w.at]; c {
		case ' ', '\t', '\r', '\n':
			w.at++
		default:
			return c
		}
	}
}

// object passes an object, at whose brace the walker is.
func (w *walker) object(depth int) (object, error) {
	if depth == 0 {
		return nil, errTooDeep
	}
	var found object
	var seen names
	for w.at++; w.next() != '}'; {
		if w.data[w.at] == ',' {
			w.at++
			continue
		}
		raw := w.text()
		name, err := unquote(raw)
		if err != nil || !seen.add(found, name) {
			return nil, errDuplicate
		}
		w.next()
		w.at++ // the colon
		w.next()
		from := w.at
		if err := w.value(depth - 1); err != nil {
			return nil, err
		}
		if found == nil {
			found = make(object, 0, 24)
		}
		found = append(found, member{name, w.data[from:w.at:w.at]})
	}
	w.at++
	return found, nil
}

// value passes a value, at whose first byte the walker is.
func (w *walker) value(depth int) error {
	switch w.data[w.at] {
	case '{':
		_, err := w.object(depth)
		return err
	case '[':
		if depth == 0 {
			return errTooDeep
		}
		for w.at++; w.next() != ']'; {
			if w.data[w.at] == ',' {
				w.at++
				continue
			}
			if err := w.value(depth - 1); err != nil {
				return err
			}
		}
		w.at++
	case '"':
		w.text()
	default: // a number, true, false or null
		if length := bytes.IndexAny(w.data[w.at:], ",]} \t\r\n"); length >= 0 {
			w.at += length
		} else {
			w.at = len(w.data)
		}
	}
	return nil
}

// text passes a string and returns it with its quotes.
func (w *walker) text() []byte {
	from := w.at
	for w.at++; w.data[w.at] != '"'; w.at++ {
		if w.data[w.at] == '\\' {
			w.at++
		}
	}
	w.at++
	return w.data[from:w.at]
}

// names finds duplicates: by looking at all while there are few, as a token has,
// by a map where somebody wants the look to take long.
type names struct{ many map[string]bool }

// add reports whether name is new beside those of found.
func (n *names) add(found object, name string) bool {
	const few = 32
	if len(found) < few {
		return found.get(name) == nil
	}
	if n.many == nil {
		n.many = make(map[string]bool, 2*few)
		for i := range found {
			n.many[found[i].name] = true
		}
	}
	if n.many[name] {
		return false
	}
	n.many[name] = true
	return true
}

// unquote decodes a JSON string.
func unquote(raw []byte) (string, error) {
	if bytes.IndexByte(raw, '\\') < 0 {
		return string(raw[1 : len(raw)-1]), nil
	}
	var text string
	err := json.Unmarshal(raw, &text)
	return text, err
}

// text decodes a member that is a string; anything else, and absence, is false.
func text(raw json.RawMessage, into *string) bool {
	if len(raw) == 0 || raw[0] != '"' {
		return false
	}
	decoded, err := unquote(raw)
	*into = decoded
	return err == nil
}
