package login

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/plain"
)

func TestParseClaims(t *testing.T) {
	for text, fine := range map[string]bool{
		`{}`: true, ` { "a" : [ 1 ] , "b":null } `: true, `{"a":1,"A":2}`: true,
		``: false, `null`: false, `[]`: false, `"a"`: false, `{"a":1,"a":1}`: false, `{"a":null,"a":1}`: false, `{} {}`: false, `{"a":}`: false,
	} {
		_, err := parseClaims([]byte(text))
		if fine {
			require.NoError(t, err, text)
		} else {
			require.ErrorIs(t, err, ErrToken, text)
		}
	}
}

// FuzzClaims: whoever is read out of claims is as they say, by exact names and types;
// and nothing is read out of claims of which two readers could see different ones.
func FuzzClaims(f *testing.F) {
	for _, seed := range []string{
		`{"sub":"a","groups":["x","y"]}`, `{"sub":"a","groups":"x"}`, ` {"sub" : "a" , "groups" : [ ] }`, `{"sub":"a","groups":null,"email":"e","email_verified":"false"}`,
		`{"sub":"a","_claim_names":{"groups":"s"}}`, `{"sub":"a","groups":[1]}`, `{"sub":"a","SUB":"b"}`, `{"sub":"a","sub":"b"}`, `{"sub":"\ud800"}`,
		`{"sub":1}`, `[]`, `{"sub":"a","groups":["x","x",""]}`, `{"sub":"a","aud":["c","d"],"azp":"c"}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		told, err := parseClaims(raw)
		if err != nil {
			require.ErrorIs(t, err, ErrToken)
			return
		}
		_ = told.checkAudience("c")
		person, err := told.person("sub", "groups")
		if err != nil {
			require.True(t, strings.Contains(err.Error(), ErrToken.Error()) || err == ErrOverage) //nolint:errorlint // as it is
			require.Zero(t, person)
			return
		}
		var all map[string]any
		require.NoError(t, json.Unmarshal(raw, &all))
		require.Equal(t, all["sub"], any(person.Subject))
		require.Equal(t, person.Subject, person.Key)
		require.NotEmpty(t, strings.TrimSpace(person.Subject))
		require.True(t, plain.Text(person.Subject))
		require.Equal(t, any(person.DisplayName), orEmpty(all["name"]))
		var want []string
		switch given := all["groups"].(type) {
		case string:
			want = []string{given}
		case []any:
			for _, one := range given {
				text, ok := one.(string)
				require.True(t, ok)
				want = append(want, text)
			}
		default:
			require.Nil(t, given)
		}
		for _, group := range want {
			require.True(t, group == "" || slices.Contains(person.Groups, group))
		}
		for i, group := range person.Groups {
			require.Contains(t, want, group)
			require.NotContains(t, person.Groups[i+1:], group)
		}
	})
}

func orEmpty(value any) any {
	if value == nil {
		return ""
	}
	return value
}
