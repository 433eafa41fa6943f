package httpx

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"reflect"
	"slices"
	"unicode/utf8"
)

// JSONOptions says what DecodeJSON takes.
type JSONOptions struct {
	MaxBytes   int64    // of the body; 0 means DefaultMaxBytes
	MediaTypes []string // in lower case; nil means application/json
	Optional   bool     // an empty body leaves the value as it is
}

// DecodeJSON reads the one JSON object or array in the body of r into the value
// that v points to. On top of what encoding/json does it refuses unknown, repeated
// and differently capitalised members, what is not UTF-8, nesting deeper than 32
// and anything behind the value. Any error is a *JSONError; w is only told to end
// the connection where the body is too large.
func DecodeJSON(w http.ResponseWriter, r *http.Request, opt JSONOptions, v any) error {
	if err := checkEncoding(r.Header); err != nil {
		return &JSONError{Kind: err}
	}
	body, err := readBody(w, r, opt.MaxBytes)
	if err != nil {
		return &JSONError{Kind: err}
	}
	if len(body) == 0 && opt.Optional {
		return nil
	}
	media, _, err := mediaType(r.Header)
	if err != nil {
		return &JSONError{Kind: err}
	}
	accepted := opt.MediaTypes
	if accepted == nil {
		accepted = []string{"application/json"}
	}
	if !slices.Contains(accepted, media) {
		return &JSONError{Kind: ErrMediaType}
	}
	return ParseJSON(body, v)
}

// ParseJSON reads a document from elsewhere as strictly as DecodeJSON does.
func ParseJSON(body []byte, v any) error {
	if !utf8.Valid(body) || !json.Valid(body) {
		return &JSONError{Kind: ErrMalformed}
	}
	walk := jsonWalk{tokens: json.NewDecoder(bytes.NewReader(body))}
	walk.tokens.UseNumber()
	if err := walk.document(reflect.TypeOf(v)); err != nil {
		return err
	}
	if err := json.Unmarshal(body, v); err != nil {
		if mismatch, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
			return &JSONError{Kind: ErrFieldType, Field: typeFaultPath(body, mismatch)}
		}
		return &JSONError{Kind: ErrFieldType}
	}
	return nil
}

// typeFaultPath is the path of the value that has the wrong type. encoding/json names
// it without the indices of lists, but tells how far it has read.
func typeFaultPath(body []byte, mismatch *json.UnmarshalTypeError) string {
	walk := jsonWalk{tokens: json.NewDecoder(bytes.NewReader(body)), until: mismatch.Offset}
	walk.tokens.UseNumber()
	reached, ok := errors.AsType[*JSONError](walk.document(nil))
	if mismatch.Offset == 0 || !ok {
		return mismatch.Field
	}
	return reached.Field
}
