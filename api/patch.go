package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	jsonpatch "github.com/evanphx/json-patch/v5"

	"github.com/cambio-sts/cambio/pat"
)

const (
	maxOperations = 100
	// patchAttempts is how often a patch is applied anew to a token that changed
	// while it was.
	patchAttempts = 10
)

// PatchPersonalAccessToken changes a token of the caller's.
func (s server) PatchPersonalAccessToken(w http.ResponseWriter, r *http.Request, text string) {
	shown, err := s.patch(w, r, text)
	s.respond(w, r, shown, err)
}

func (s server) patch(w http.ResponseWriter, r *http.Request, text string) (*PersonalAccessToken, error) {
	ctx := r.Context()
	who := callerFrom(ctx)
	record, err := s.own(ctx, who, text)
	if err != nil {
		return nil, err
	}
	var operations []PatchOperation
	if err := decode(w, r, typeJSONPatch, false, &operations); err != nil {
		return nil, err
	}
	if err := checkOperations(operations); err != nil {
		return nil, err
	}
	after, err := s.applyTo(ctx, who, record, operations)
	if err != nil {
		return nil, err
	}
	return s.show(ctx, who, after)
}

// applyTo applies a patch to the token as it is, all of it or nothing.
func (s server) applyTo(ctx context.Context, who *caller, record *pat.Record, operations []PatchOperation) (*pat.Record, error) {
	for range patchAttempts {
		before := patchable(s.lens(who), record)
		after, err := before.apply(operations)
		if err != nil {
			return nil, err
		}
		change, err := before.changeTo(after, who.Policy.DefaultScopes)
		if err != nil {
			return nil, err
		}
		if change == (pat.Change{}) {
			return record, nil
		}
		if err := s.checkAudience(orZero(change.Audience), record.Audience); err != nil {
			return nil, err
		}
		change.Revision = record.Revision
		changed, err := s.tokens.Update(ctx, record.ID, &change, who.Policy, who.actor())
		if err == nil {
			return &changed, nil
		}
		if !errors.Is(err, pat.ErrConflict) {
			return nil, err
		}
		if record, err = s.own(ctx, who, string(record.ID)); err != nil {
			return nil, err
		}
	}
	return nil, pat.ErrConflict
}

// checkOperations refuses operations and paths that are not allowed, before
// anything is applied.
func checkOperations(operations []PatchOperation) error {
	if len(operations) > maxOperations {
		return &requestError{key: causePatchLength, args: []any{maxOperations}}
	}
	for i, operation := range operations {
		if !slices.Contains([]string{"add", "replace", "remove", "test"}, operation.Op) || operation.From != nil {
			return &updateError{key: causePatchOp, operation: i + 1}
		}
		first, rest, deeper := strings.Cut(strings.TrimPrefix(operation.Path, "/"), "/")
		if !strings.HasPrefix(operation.Path, "/") || !slices.Contains(patchableFields(), first) {
			return &updateError{key: causePatchPath, operation: i + 1}
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

func patchableFields() []string {
	return []string{"name", "description", "scope", "expirationDate", "userAwareTokenNeverExpires", "allowedNetworks", "audience"}
}

// patchDocument is what of a token may be patched, as the API shows it. A
// member that was removed is null.
type patchDocument struct {
	Name                       *string  `json:"name"`
	Description                *string  `json:"description"`
	Scope                      []string `json:"scope"`
	ExpirationDate             *Instant `json:"expirationDate"`
	UserAwareTokenNeverExpires *bool    `json:"userAwareTokenNeverExpires"`
	AllowedNetworks            []string `json:"allowedNetworks"`
	Audience                   []string `json:"audience"`
}

func patchable(l lens, record *pat.Record) *patchDocument {
	return &patchDocument{
		Name: &record.Name, Description: textPointer(record.Description), Scope: record.Scope,
		ExpirationDate: instantOrNull(l.expiration(record)), UserAwareTokenNeverExpires: &record.NeverExpiresAcknowledged,
		AllowedNetworks: networkTexts(record), Audience: listOrNil(record.Audience),
	}
}

// apply returns the document after the operations. They are applied one by one,
// to tell which one does not fit.
func (d *patchDocument) apply(operations []PatchOperation) (*patchDocument, error) {
	document, err := json.Marshal(d)
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
	var after patchDocument
	decoder := json.NewDecoder(bytes.NewReader(document))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&after); err != nil {
		return nil, fieldTypeError(err)
	}
	return &after, nil
}

// fieldTypeError says of what type a field of a patched document must be.
func fieldTypeError(err error) error {
	if mismatch, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		wanted := typeCause(mismatch.Field, typeJSONPatch)
		return &requestError{key: wanted.key, args: wanted.args}
	}
	return err
}

// changeTo returns what differs between the documents.
func (d *patchDocument) changeTo(after *patchDocument, defaultScope []string) (pat.Change, error) {
	var change pat.Change
	if after.Name == nil {
		return change, &pat.FieldError{Field: "name", Cause: "must not be null"}
	}
	change.Name = changed(*d.Name, *after.Name)
	change.Description = changed(orZero(d.Description), orZero(after.Description))
	change.NeverExpiresAcknowledged = changed(*d.UserAwareTokenNeverExpires, orZero(after.UserAwareTokenNeverExpires))
	if end := time.Time(orZero(after.ExpirationDate)); !end.Equal(time.Time(orZero(d.ExpirationDate))) {
		change.Expiration = &end
	}
	if !slices.Equal(d.Scope, after.Scope) {
		if after.Scope == nil {
			after.Scope = defaultScope
		}
		change.Scope = &after.Scope
	}
	if !slices.Equal(d.Audience, after.Audience) {
		change.Audience = &after.Audience
	}
	if !slices.Equal(d.AllowedNetworks, after.AllowedNetworks) {
		networks, err := pat.ParseNetworks("allowedNetworks", after.AllowedNetworks)
		if err != nil {
			return change, err
		}
		change.Networks = new([]netip.Prefix)
		*change.Networks = networks
	}
	return change, nil
}

// changed is nil for equal values.
func changed[T comparable](before, after T) *T {
	if before == after {
		return nil
	}
	return &after
}
