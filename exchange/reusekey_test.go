package exchange

import (
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/keys"
)

// Every claim counts, also one that is added later, but those that tell one JWT from the next.
func TestReuseKeyHasEveryClaim(t *testing.T) {
	plain := appendClaims(nil, &keys.Claims{})
	seen := map[string]string{string(plain): "none"}
	for field := range reflect.TypeFor[keys.Claims]().Fields() {
		var changed keys.Claims
		member := reflect.ValueOf(&changed).Elem().FieldByIndex(field.Index)
		switch field.Name {
		case "ID":
			member.SetString("x")
			require.Equal(t, plain, appendClaims(nil, &changed))
			continue
		case "IssuedAt", "Expiry":
			continue
		default:
		}
		switch field.Type.Kind() {
		case reflect.String:
			member.SetString("x")
		case reflect.Int64:
			member.SetInt(1)
		case reflect.Slice:
			member.Set(reflect.ValueOf([]string{"x"}))
		case reflect.Map:
			member.Set(reflect.ValueOf(map[string]string{"x": "x"}))
		default:
			require.Fail(t, "a kind of claim that this test does not know", field.Name)
		}
		key := string(appendClaims(nil, &changed))
		require.NotContains(t, seen, key, "%s looks like %s", field.Name, seen[key])
		seen[key] = field.Name
	}
	two := appendClaims(nil, &keys.Claims{Groups: []string{"a", "b"}})
	require.NotEqual(t, two, appendClaims(nil, &keys.Claims{Groups: []string{"a\x01b"}}))
	require.NotEqual(t, two, appendClaims(nil, &keys.Claims{Groups: []string{"a"}, Roles: []string{"b"}}))
}
