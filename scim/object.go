package scim

import (
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/cambio-sts/cambio/internal/httpx"
)

// object is an object of JSON by the names of its members in lower case: SCIM does not
// tell names apart by case (RFC 7643 §2.1).
type object map[string]any

// readObject reads the body of a request.
func readObject(w http.ResponseWriter, r *http.Request) (object, error) {
	var read map[string]any
	if err := httpx.DecodeJSON(w, r, httpx.JSONOptions{MediaTypes: []string{typeSCIM, typeJSON}}, &read); err != nil {
		return nil, err
	}
	return fold(read)
}

// fold puts the names of members into lower case, as deep as they go. A name with a
// value in it, which is the path of a patch, stays as it is.
func fold(read map[string]any) (object, error) {
	folded := make(object, len(read))
	for name, value := range read {
		if !strings.Contains(name, `"`) {
			name = strings.ToLower(name)
		}
		if _, twice := folded[name]; twice {
			return nil, wrong(invalidSyntax, "%s occurs more than once", httpx.ShownName(name))
		}
		var err error
		if folded[name], err = foldValue(value); err != nil {
			return nil, err
		}
	}
	return folded, nil
}

func foldValue(value any) (any, error) {
	switch value := value.(type) {
	case map[string]any:
		return fold(value)
	case []any:
		for i := range value {
			var err error
			if value[i], err = foldValue(value[i]); err != nil {
				return nil, err
			}
		}
		return value, nil
	default:
		return value, nil
	}
}

// names are those of the members, sorted.
func (o object) names() []string { return slices.Sorted(maps.Keys(o)) }

// text reads a string; null is none.
func text(name string, value any) (string, error) {
	switch value := value.(type) {
	case nil:
		return "", nil
	case string:
		return value, nil
	default:
		return "", wrong(invalidValue, "%s must be a string", name)
	}
}

// flag reads true or false, which Microsoft Entra ID sends as strings.
func flag(name string, value any) (bool, error) {
	switch value := value.(type) {
	case bool:
		return value, nil
	case string:
		if strings.EqualFold(value, "true") || strings.EqualFold(value, "false") {
			return strings.EqualFold(value, "true"), nil
		}
	}
	return false, wrong(invalidValue, "%s must be true or false", name)
}

// objects reads an array of objects, or one; null is none.
func objects(name string, value any) ([]object, error) {
	switch value := value.(type) {
	case nil:
		return nil, nil
	case object:
		return []object{value}, nil
	case []any:
		all := make([]object, len(value))
		for i := range value {
			one, ok := value[i].(object)
			if !ok {
				return nil, wrong(invalidValue, "%s must be an array of objects", name)
			}
			all[i] = one
		}
		return all, nil
	default:
		return nil, wrong(invalidValue, "%s must be an array of objects", name)
	}
}
