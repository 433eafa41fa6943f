package verify

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
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

// members splits one JSON object into its members and refuses what parsers
// disagree on: duplicate names at any depth (RFC 7515 §4, RFC 7519 §4), bytes
// that are not UTF-8, and anything after the object. Names are exact: the struct
// decoder of encoding/json would take EXP for exp.
func members(data []byte, depth int) (map[string]json.RawMessage, error) {
	if depth == 0 {
		return nil, errTooDeep
	}
	if !utf8.Valid(data) {
		return nil, errNotObject
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	if open, err := decoder.Token(); err != nil || open != json.Delim('{') {
		return nil, errNotObject
	}
	found := make(map[string]json.RawMessage, 16)
	for decoder.More() {
		name, value, err := member(decoder)
		if err != nil {
			return nil, errNotObject
		}
		if _, twice := found[name]; twice {
			return nil, errDuplicate
		}
		if err := nested(value, depth-1); err != nil {
			return nil, err
		}
		found[name] = value
	}
	if _, err := decoder.Token(); err != nil { // the closing brace
		return nil, errNotObject
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errNotObject
	}
	return found, nil
}

func member(decoder *json.Decoder) (string, json.RawMessage, error) {
	token, err := decoder.Token()
	if err != nil {
		return "", nil, err
	}
	name, ok := token.(string)
	if !ok {
		return "", nil, errNotObject
	}
	var value json.RawMessage
	err = decoder.Decode(&value)
	return name, value, err
}

// nested refuses duplicate names inside a value that is well-formed.
func nested(value json.RawMessage, depth int) error {
	switch value[0] {
	case '{':
		_, err := members(value, depth)
		return err
	case '[':
		if depth == 0 {
			return errTooDeep
		}
		var elements []json.RawMessage
		if err := json.Unmarshal(value, &elements); err != nil {
			return errNotObject
		}
		for _, element := range elements {
			if err := nested(element, depth-1); err != nil {
				return err
			}
		}
	}
	return nil
}

// decodeValue decodes a member that is there; null is no value.
func decodeValue(raw json.RawMessage, target any) error {
	if len(raw) == 0 || string(raw) == "null" {
		return errNull
	}
	return json.Unmarshal(raw, target)
}
