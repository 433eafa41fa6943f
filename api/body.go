package api

import (
	"errors"
	"net/http"
	"reflect"
	"strings"

	"github.com/cambio-sts/cambio/internal/httpx"
	"github.com/cambio-sts/cambio/manage"
	"github.com/cambio-sts/cambio/pat"
)

// bodyError is why a body of the media type was refused.
type bodyError struct {
	*httpx.JSONError

	media string
	into  any   // a pointer to the model
	most  int64 // bytes of the body
}

func (e *bodyError) Unwrap() error { return e.JSONError }

// presence says whether a body may be absent.
type presence bool

const (
	required presence = false
	optional presence = true
)

// body returns what reads a JSON body and turns it into what a use case takes.
func body[B, T any](w http.ResponseWriter, r *http.Request, p presence, turn func(*B) (T, error)) manage.Input[T] {
	return func() (T, error) {
		var read B
		if err := decode(w, r, typeJSON, bool(p), &read); err != nil {
			var none T
			return none, err
		}
		return turn(&read)
	}
}

// ending reads the body of a revocation.
func ending(w http.ResponseWriter, r *http.Request, cascade *bool) manage.Input[pat.End] {
	return body(w, r, optional, func(b *RevokeRequest) (pat.End, error) {
		end, err := b.end()
		end.Cascade = orZero(cascade)
		return end, err
	})
}

// decode reads a body of a media type into v, strictly.
func decode(w http.ResponseWriter, r *http.Request, media string, optional bool, v any) error {
	return decodeUpTo(httpx.DefaultMaxBytes, w, r, media, optional, v)
}

// decodeUpTo is decode for a body of at most so many bytes.
func decodeUpTo(most int64, w http.ResponseWriter, r *http.Request, media string, optional bool, v any) error {
	err := httpx.DecodeJSON(w, r, httpx.JSONOptions{MaxBytes: most, MediaTypes: []string{media}, Optional: optional}, v)
	if body, ok := errors.AsType[*httpx.JSONError](err); ok {
		return &bodyError{JSONError: body, media: media, into: v, most: most}
	}
	return err
}

// bodyAnswer maps what may be wrong with a body.
func bodyAnswer(err *bodyError) answer {
	switch {
	case errors.Is(err, httpx.ErrTooLarge):
		return answer{
			status: http.StatusRequestEntityTooLarge, code: "413 Content Too Large", message: messageTooLarge,
			causes: because(causeMaxBytes, err.most),
		}
	case errors.Is(err, httpx.ErrMediaType), errors.Is(err, httpx.ErrContentEncoding):
		causes := because(causeMediaType, err.media)
		if errors.Is(err, httpx.ErrContentEncoding) {
			causes = because(causeCompressed)
		}
		return answer{status: http.StatusUnsupportedMediaType, code: "415 Unsupported Media Type", message: messageMediaType, causes: causes}
	case errors.Is(err, httpx.ErrFieldType):
		return badRequest(typeCause(err.Field, err.media, err.into))
	case err.Field != "":
		return badRequest(cause{key: causeBodyField, args: []any{err.Kind, err.Field}})
	default:
		return badRequest(cause{key: causeBody, args: []any{err.Kind}})
	}
}

// typeCause says of what type the value of a field of a model must be, and that of a
// whole body of the media type where no field is named. encoding/json only tells what
// it met: for an element of a list, that it is no string.
func typeCause(field, media string, model any) cause {
	if field != "" {
		if wanted, ok := fieldType(reflect.TypeOf(model), strings.Split(field, ".")); ok {
			return cause{key: typeKey(field, wanted), args: []any{field}}
		}
		return cause{key: causeBodyField, args: []any{httpx.ErrFieldType, field}}
	}
	if media == typeJSONPatch {
		return cause{key: causeTypePatch}
	}
	return cause{key: causeTypeObject}
}

// fieldType returns the type at a path of JSON names in a model, each with the index of
// an entry if it is a list.
func fieldType(in reflect.Type, path []string) (reflect.Type, bool) {
	in = pointed(in)
	for _, segment := range path {
		name, _, entry := strings.Cut(segment, "[")
		if name != "" {
			field, ok := memberType(in, name)
			if !ok {
				return nil, false
			}
			in = field
		}
		if entry {
			if in.Kind() != reflect.Slice {
				return nil, false
			}
			in = pointed(in.Elem())
		}
	}
	return in, true
}

func memberType(in reflect.Type, name string) (reflect.Type, bool) {
	if in.Kind() != reflect.Struct {
		return nil, false
	}
	for field := range in.Fields() {
		if tag, _, _ := strings.Cut(field.Tag.Get("json"), ","); tag == name {
			return pointed(field.Type), true
		}
	}
	return nil, false
}

func pointed(t reflect.Type) reflect.Type {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t
}

// typeKey is the text on what a field of a type must be.
func typeKey(field string, t reflect.Type) key {
	switch {
	case t == reflect.TypeFor[Instant]():
		return causeTypeTime
	case t == reflect.TypeFor[pat.Reason]():
		return causeTypeReason
	case t.Kind() == reflect.Bool:
		return causeTypeFlag
	case t.Kind() == reflect.Slice:
		return causeTypeList
	case t.Kind() == reflect.Struct:
		return causeTypeMembers
	case t.Kind() != reflect.String && strings.HasSuffix(field, "Seconds"):
		return causeTypeSeconds
	case t.Kind() != reflect.String:
		return causeTypeNumber
	default:
		return causeTypeText
	}
}

// fieldNames lists the JSON names of the fields of a document.
func fieldNames[D any]() []string {
	var names []string
	for field := range reflect.TypeFor[D]().Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		names = append(names, name)
	}
	return names
}
