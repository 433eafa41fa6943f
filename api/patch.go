package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"

	jsonpatch "github.com/evanphx/json-patch/v5"
)

const maxOperations = 100

// patch is a JSON Patch (RFC 6902) of documents of one kind, of which the fields are
// those of D that may be changed.
type patch[D any] func(before *D) (after *D, err error)

// readPatch returns what reads the body once, when it is first applied, and refuses
// operations and paths that are not allowed.
func readPatch[D any](w http.ResponseWriter, r *http.Request) patch[D] {
	read := sync.OnceValues(func() ([]PatchOperation, error) {
		var operations []PatchOperation
		if err := decode(w, r, typeJSONPatch, false, &operations); err != nil {
			return nil, err
		}
		return operations, checkOperations(operations, fieldNames[D]())
	})
	return func(before *D) (*D, error) {
		operations, err := read()
		if err != nil {
			return nil, err
		}
		return apply(before, operations)
	}
}

// checkOperations refuses operations and paths that are not allowed, before
// anything is applied.
func checkOperations(operations []PatchOperation, fields []string) error {
	if len(operations) > maxOperations {
		return &requestError{key: causePatchLength, args: []any{maxOperations}}
	}
	for i, operation := range operations {
		if !slices.Contains([]string{"add", "replace", "remove", "test"}, operation.Op) || operation.From != nil {
			return &updateError{key: causePatchOp, args: []any{i + 1}}
		}
		first, rest, deeper := strings.Cut(strings.TrimPrefix(operation.Path, "/"), "/")
		if !strings.HasPrefix(operation.Path, "/") || !slices.Contains(fields, first) {
			return &updateError{key: causePatchPath, args: []any{i + 1, strings.Join(fields, ", ")}}
		}
		if operation.Value == nil && operation.Op != "remove" {
			return &requestError{key: causePatchValue, args: []any{i + 1}}
		}
		if deeper && !isElement(rest) {
			return &requestError{key: causePatchApply, args: []any{i + 1}}
		}
	}
	return nil
}

// isElement reports whether a reference token points to or behind an element of an
// array (RFC 6901 §4), for no field is deeper than that. What applies the patch takes
// signs and leading zeros as well, under which one element had many paths.
func isElement(token string) bool {
	index, err := strconv.ParseUint(token, 10, 31)
	return token == "-" || err == nil && strconv.FormatUint(index, 10) == token
}

// apply returns the document after the operations. They are applied one by one,
// to tell which one does not fit.
func apply[D any](before *D, operations []PatchOperation) (*D, error) {
	document, err := json.Marshal(before)
	if err != nil {
		return nil, err
	}
	options := jsonpatch.NewApplyOptions()
	options.SupportNegativeIndices = false // RFC 6901 §4 has none
	for i := range operations {
		encoded, err := json.Marshal(operations[i : i+1])
		if err != nil {
			return nil, err
		}
		patch, err := jsonpatch.DecodePatch(encoded)
		if err == nil {
			document, err = patch.ApplyWithOptions(document, options)
		}
		if errors.Is(err, jsonpatch.ErrTestFailed) {
			return nil, &testError{operation: i + 1}
		}
		if err != nil {
			return nil, &requestError{key: causePatchApply, args: []any{i + 1}}
		}
	}
	after := new(D)
	decoder := json.NewDecoder(bytes.NewReader(document))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(after); err != nil {
		return nil, fieldTypeError(err, after)
	}
	return after, nil
}

// fieldTypeError says of what type a field of a patched document must be.
func fieldTypeError(err error, document any) error {
	if mismatch, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		wanted := typeCause(mismatch.Field, typeJSONPatch, document)
		return &requestError{key: wanted.key, args: wanted.args}
	}
	return err
}

// changed is nil for equal values.
func changed[T comparable](before, after T) *T {
	if before == after {
		return nil
	}
	return &after
}
