package httpx

import (
	"encoding/json"
	"reflect"
	"strconv"
	"strings"
)

const (
	maxDepth      = 32
	maxFieldShown = 32 // characters of a name in an error; a secret is longer
)

// jsonWalk goes through a document that is known to be valid, beside the type it
// is meant for, and finds what encoding/json passes over.
type jsonWalk struct {
	tokens *json.Decoder
	depth  int
	until  int64 // the offset of what is looked for, if it is not 0
}

// document walks the whole; it must be an object or an array.
func (w *jsonWalk) document(target reflect.Type) error {
	token, err := w.tokens.Token()
	if err != nil {
		return &JSONError{Kind: ErrMalformed}
	}
	if _, ok := token.(json.Delim); !ok {
		return &JSONError{Kind: ErrFieldType}
	}
	return w.inside(token, target, "")
}

// value walks the next value.
func (w *jsonWalk) value(target reflect.Type, path string) error {
	token, err := w.tokens.Token()
	if err != nil {
		return &JSONError{Kind: ErrMalformed, Field: path}
	}
	return w.inside(token, target, path)
}

// inside walks what token opens; a scalar opens nothing.
func (w *jsonWalk) inside(token json.Token, target reflect.Type, path string) error {
	if w.until > 0 && w.tokens.InputOffset() >= w.until {
		return &JSONError{Kind: ErrFieldType, Field: path}
	}
	delim, ok := token.(json.Delim)
	if !ok {
		return nil
	}
	if w.depth++; w.depth > maxDepth {
		return &JSONError{Kind: ErrMalformed, Field: path}
	}
	target = known(target)
	var err error
	if delim == '{' {
		err = w.object(target, path)
	} else {
		err = w.array(target, path)
	}
	if err != nil {
		return err
	}
	w.depth--
	if _, err := w.tokens.Token(); err != nil { // the closing delimiter
		return &JSONError{Kind: ErrMalformed, Field: path}
	}
	return nil
}

func (w *jsonWalk) object(target reflect.Type, path string) error {
	seen := map[string]bool{}
	for w.tokens.More() {
		token, err := w.tokens.Token()
		name, ok := token.(string)
		if err != nil || !ok {
			return &JSONError{Kind: ErrMalformed, Field: path}
		}
		field := join(path, name)
		if seen[name] {
			return &JSONError{Kind: ErrDuplicate, Field: field}
		}
		seen[name] = true
		member, ok := memberType(target, name)
		if !ok {
			return &JSONError{Kind: ErrUnknownField, Field: field}
		}
		if err := w.value(member, field); err != nil {
			return err
		}
	}
	return nil
}

func (w *jsonWalk) array(target reflect.Type, path string) error {
	var element reflect.Type
	if target != nil && (target.Kind() == reflect.Slice || target.Kind() == reflect.Array) {
		element = target.Elem()
	}
	for i := 0; w.tokens.More(); i++ {
		if err := w.value(element, path+"["+strconv.Itoa(i)+"]"); err != nil {
			return err
		}
	}
	return nil
}

// known returns the type behind pointers, or nil if the type decodes itself or
// takes anything, so that its members cannot be judged.
func known(target reflect.Type) reflect.Type {
	for target != nil {
		if target.Implements(unmarshaler()) || reflect.PointerTo(target).Implements(unmarshaler()) || target.Kind() == reflect.Interface {
			return nil
		}
		if target.Kind() != reflect.Pointer {
			return target
		}
		target = target.Elem()
	}
	return nil
}

func unmarshaler() reflect.Type { return reflect.TypeFor[json.Unmarshaler]() }

// memberType returns the type of the member called name, nil where it is not
// known, and whether the target has such a member, capitalised alike.
func memberType(target reflect.Type, name string) (reflect.Type, bool) {
	if target == nil {
		return nil, true
	}
	switch target.Kind() {
	case reflect.Map:
		return target.Elem(), true
	case reflect.Struct:
		for _, field := range reflect.VisibleFields(target) {
			if read := jsonName(field); read != "" && read == name {
				return field.Type, true
			}
		}
		return nil, false
	default:
		return nil, true // the wrong type altogether; decoding says so
	}
}

// jsonName returns the member that encoding/json reads into field, empty for none.
func jsonName(field reflect.StructField) string {
	tag, tagged := field.Tag.Lookup("json")
	name, _, _ := strings.Cut(tag, ",")
	switch {
	case !field.IsExported(), tag == "-", field.Anonymous && name == "":
		return ""
	case !tagged || name == "":
		return field.Name
	}
	return name
}

// join appends a member's name to a path, as far as it can be shown.
func join(path, name string) string {
	if path == "" {
		return ShownName(name)
	}
	return path + "." + ShownName(name)
}

// ShownName returns a name of the client's making, or a question mark in place of
// what does not look like a name or could be a secret: it ends up in answers and
// logs.
func ShownName(name string) string {
	odd := func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("_-$.:", r)
	}
	if name == "" || len(name) > maxFieldShown || strings.ContainsFunc(name, odd) {
		return "?"
	}
	return name
}
