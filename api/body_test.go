package api

import (
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Of each field of each body it is said what it must hold.
func TestEveryFieldHasItsType(t *testing.T) {
	for _, model := range []any{
		&PersonalAccessTokenDraft{}, &LevelAccessTokenDraft{}, &tokenDocument{}, &RevokeRequest{}, &RotateRequest{}, &OrganizationDraft{},
		&Policy{}, &nameDocument{}, &GroupDraft{}, &groupDocument{}, &IdentityDraft{}, &identityDocument{}, &LoginRequest{}, &RoleAssignmentDraft{},
	} {
		for field := range reflect.TypeOf(model).Elem().Fields() {
			name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
			told := typeCause(name, typeJSON, model)
			require.Contains(t, english().texts, told.key, name)
			require.True(t, strings.HasPrefix(string(told.key), "cause.type."), "%T.%s", model, name)
		}
	}
	for path, want := range map[string]key{
		"name": causeTypeText, "policy": causeTypeMembers, "policy.maxLifetimeSeconds": causeTypeSeconds, "policy.maxTokensPerOwner": causeTypeNumber,
		"policy.defaultScopes": causeTypeList, "policy.enforceOnExisting": causeTypeFlag, "policy.unheardOf": causeBodyField, "": causeTypeObject,
	} {
		require.Equal(t, want, typeCause(path, typeJSON, &OrganizationDraft{}).key, path)
	}
	require.Equal(t, causeTypeTime, typeCause("expirationDate", typeJSONPatch, &tokenDocument{}).key)
	require.Equal(t, causeTypeText, typeCause("[0].op", typeJSONPatch, &[]PatchOperation{}).key)
	require.Equal(t, causeTypePatch, typeCause("", typeJSONPatch, &[]PatchOperation{}).key)
}
