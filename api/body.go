package api

import (
	"errors"
	"net/http"

	"github.com/cambio-sts/cambio/internal/httpx"
)

// bodyError is why a body of the media type was refused.
type bodyError struct {
	*httpx.JSONError

	media string
}

func (e *bodyError) Unwrap() error { return e.JSONError }

// decode reads a body of a media type into v, strictly.
func decode(w http.ResponseWriter, r *http.Request, media string, optional bool, v any) error {
	err := httpx.DecodeJSON(w, r, httpx.JSONOptions{MediaTypes: []string{media}, Optional: optional}, v)
	if body, ok := errors.AsType[*httpx.JSONError](err); ok {
		return &bodyError{JSONError: body, media: media}
	}
	return err
}

// bodyAnswer maps what may be wrong with a body.
func bodyAnswer(err *bodyError) answer {
	switch {
	case errors.Is(err, httpx.ErrTooLarge):
		return answer{
			status: http.StatusRequestEntityTooLarge, code: "413 Content Too Large", message: messageTooLarge,
			causes: because(causeMaxBytes, httpx.DefaultMaxBytes),
		}
	case errors.Is(err, httpx.ErrMediaType), errors.Is(err, httpx.ErrContentEncoding):
		causes := because(causeMediaType, err.media)
		if errors.Is(err, httpx.ErrContentEncoding) {
			causes = because(causeCompressed)
		}
		return answer{status: http.StatusUnsupportedMediaType, code: "415 Unsupported Media Type", message: messageMediaType, causes: causes}
	case errors.Is(err, httpx.ErrFieldType):
		return badRequest(typeCause(err.Field, err.media))
	case err.Field != "":
		return badRequest(cause{key: causeBodyField, args: []any{err.Kind, err.Field}})
	default:
		return badRequest(cause{key: causeBody, args: []any{err.Kind}})
	}
}

// typeCause says of what type the value of a field must be, and that of a whole
// body of the media type where no field is named.
func typeCause(field, media string) cause {
	wanted, known := fieldTypes()[field]
	switch {
	case known:
		return cause{key: wanted, args: []any{field}}
	case field != "":
		return cause{key: causeBodyField, args: []any{httpx.ErrFieldType, field}}
	case media == typeJSONPatch:
		return cause{key: causeTypePatch}
	default:
		return cause{key: causeTypeObject}
	}
}

// fieldTypes are the texts on the types of all fields of bodies. encoding/json
// only tells what it met: for an element of a list, that it is no string.
func fieldTypes() map[string]key {
	return map[string]key{
		"name": causeTypeText, "description": causeTypeText, "scope": causeTypeList, "audience": causeTypeList, "allowedNetworks": causeTypeList,
		"expirationDate": causeTypeTime, "userAwareTokenNeverExpires": causeTypeFlag, "accessTokenValiditySeconds": causeTypeSeconds,
		"gracePeriodSeconds": causeTypeSeconds, "reason": causeTypeReason,
		"op": causeTypeText, "path": causeTypeText, "from": causeTypeText,
	}
}
