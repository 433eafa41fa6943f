package cli

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
)

// patchOperation is one operation of a JSON Patch (RFC 6902).
type patchOperation struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value any    `json:"value"`
}

// patchOf returns a request that replaces the members given of what is at path.
func patchOf(path string, given map[string]any) (request, error) {
	var patch []patchOperation
	for _, name := range slices.Sorted(maps.Keys(given)) {
		patch = append(patch, patchOperation{"replace", "/" + name, given[name]})
	}
	body, err := json.Marshal(patch)
	if err != nil {
		return request{}, fmt.Errorf("encode request: %w", err)
	}
	return request{method: http.MethodPatch, path: path, content: contentPatch, body: body}, nil
}

// setBody makes JSON of what was given, and no body of nothing.
func (r *request) setBody(given map[string]any) error {
	if len(given) == 0 {
		return nil
	}
	body, err := json.Marshal(given)
	if err != nil {
		return fmt.Errorf("encode request: %w", err)
	}
	r.content, r.body = contentJSON, body
	return nil
}

// orNull returns value, or what JSON writes as null.
func orNull(value any, null bool) any {
	if null {
		return nil
	}
	return value
}
