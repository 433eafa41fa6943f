package api

import (
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Of each field of each body it is said what it must hold.
func TestEveryFieldHasItsType(t *testing.T) {
	types := fieldTypes()
	seen := map[string]bool{}
	for _, model := range []reflect.Type{
		reflect.TypeFor[PersonalAccessTokenDraft](), reflect.TypeFor[patchDocument](), reflect.TypeFor[PatchOperation](),
		reflect.TypeFor[RevokeRequest](), reflect.TypeFor[RotateRequest](),
	} {
		for field := range model.Fields() {
			name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
			if name == "value" {
				continue // anything
			}
			require.Contains(t, types, name, model.Name())
			seen[name] = true
		}
	}
	require.Len(t, types, len(seen), "a field that no body has")
}
