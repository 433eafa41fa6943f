package scim_test

import (
	"encoding/json"
	"net/http"
	"strconv"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/scim"
)

// A body of a patch changes no more than what SCIM keeps, and applied twice it does
// what it does once, or fails.
func FuzzPatch(f *testing.F) {
	f.Add([]byte(patch(`{"op":"Replace","path":"emails[type eq \"work\"].value","value":"x@y.example"},{"op":"add","value":{"active":"False","name":{"formatted":"x"}}}`)))
	f.Add([]byte(patch(`{"op":"remove","path":"displayName"},{"op":"replace","path":"userName","value":"bob"}`)))
	f.Add([]byte(`{"operations":[{"OP":"add","PATH":"emails","VALUE":[{"value":"a@b.example","primary":true}]}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		before := directory.Identity{
			ID: "i", Organization: "o", Type: directory.User, Username: "alice", DisplayName: "Alice", Email: "a@x.example", ExternalID: "e",
			Issuer: "https://idp.example.com", Subject: "s", Enabled: true, Groups: []directory.ID{"g"}, Revision: 3,
		}
		once := before
		if scim.Patch(&once, body) != nil {
			return
		}
		require.NotEmpty(t, once.Username)
		twice := once
		if scim.Patch(&twice, body) == nil {
			require.Equal(t, once.Username, twice.Username)
			require.Equal(t, once.Enabled, twice.Enabled)
			require.Equal(t, once.ExternalID, twice.ExternalID)
		}
		once.Username, once.DisplayName, once.Email, once.ExternalID, once.Enabled = before.Username, before.DisplayName, before.Email, before.ExternalID, before.Enabled
		require.Equal(t, before, once)
	})
}

// Over HTTP a patch never fails on our side, and one that fails leaves the user as they
// were.
func FuzzPatchOverHTTP(f *testing.F) {
	w := newWorld(f)
	alice := w.newIdentity(w.organization.ID, "alice")
	path := "/Users/" + string(alice.ID)
	f.Add(`replace`, `active`, `"False"`)
	f.Add(`Add`, `emails[type eq "work"].value`, `"a@x.example"`)
	f.Add(`replace`, ``, `{"userName":"","displayName":"x"}`)
	shared := *w
	f.Fuzz(func(t *testing.T, op, target, value string) {
		w := shared
		w.TB = t
		if !utf8.ValidString(op+target) || !json.Valid([]byte(value)) {
			return
		}
		before := w.identity(string(alice.ID))
		quoted, err := json.Marshal(map[string]any{"op": op, "path": target, "value": json.RawMessage(value)})
		require.NoError(t, err)
		got := w.call(http.MethodPatch, path, patch(`{"op":"replace","path":"displayName","value":`+strconv.Quote(strconv.Itoa(len(value)))+`},`+string(quoted)))
		require.Less(t, got.StatusCode, 500, string(got.body))
		if got.StatusCode != http.StatusOK {
			require.Equal(t, before, w.identity(string(alice.ID)))
		}
	})
}
