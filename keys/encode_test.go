package keys

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// wire is the JSON form of Claims, but for Extra.
type wire struct {
	Issuer            string   `json:"iss"`
	Subject           string   `json:"sub"`
	Audience          any      `json:"aud"` // string or []string
	IssuedAt          int64    `json:"iat"`
	Expiry            int64    `json:"exp"`
	ID                string   `json:"jti"`
	ClientID          string   `json:"client_id"`
	AuthorizedParty   string   `json:"azp"`
	Scope             string   `json:"scope,omitempty"`
	PATID             string   `json:"pat_id"`
	PATGeneration     int64    `json:"pat_gen"`
	PATLevel          string   `json:"pat_level"`
	PATLevelID        string   `json:"pat_level_id,omitempty"`
	PATRole           string   `json:"pat_role,omitempty"`
	Organization      string   `json:"org"`
	Groups            []string `json:"groups,omitempty"`
	Roles             []string `json:"roles,omitempty"`
	Name              string   `json:"name,omitempty"`
	PreferredUsername string   `json:"preferred_username,omitempty"`
	Email             string   `json:"email,omitempty"`
}

// TestEncodesAsTheLibrary: any claims are encoded byte for byte as encoding/json would.
func TestEncodesAsTheLibrary(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.Just(""), rapid.StringMatching(`[ -~]{1,40}`), rapid.String())
		one := func(name string) string { return text.Draw(t, name) }
		several := func(name string) []string { return rapid.SliceOfN(text, 0, 3).Draw(t, name) }
		c := Claims{
			Issuer: one("iss"), Subject: one("sub"), Audience: rapid.SliceOfN(text, 1, 3).Draw(t, "aud"),
			IssuedAt: time.Unix(rapid.Int64().Draw(t, "iat"), 0), Expiry: time.Unix(rapid.Int64().Draw(t, "exp"), 0), ID: one("jti"),
			ClientID: one("client_id"), AuthorizedParty: one("azp"), Scope: one("scope"),
			PATID: one("pat_id"), PATGeneration: rapid.Int64().Draw(t, "pat_gen"), PATLevel: one("pat_level"),
			PATLevelID: one("pat_level_id"), PATRole: one("pat_role"), Organization: one("org"),
			Groups: several("groups"), Roles: several("roles"), Name: one("name"), PreferredUsername: one("preferred_username"), Email: one("email"),
		}
		want := wire{
			Issuer: c.Issuer, Subject: c.Subject, Audience: c.Audience,
			IssuedAt: c.IssuedAt.Unix(), Expiry: c.Expiry.Unix(), ID: c.ID,
			ClientID: c.ClientID, AuthorizedParty: c.AuthorizedParty, Scope: c.Scope,
			PATID: c.PATID, PATGeneration: c.PATGeneration, PATLevel: c.PATLevel,
			PATLevelID: c.PATLevelID, PATRole: c.PATRole, Organization: c.Organization,
			Groups: c.Groups, Roles: c.Roles,
			Name: c.Name, PreferredUsername: c.PreferredUsername, Email: c.Email,
		}
		if len(c.Audience) == 1 {
			want.Audience = c.Audience[0]
		}
		library, err := json.Marshal(want)
		require.NoError(t, err)
		got, err := c.appendJSON(nil)
		require.NoError(t, err)
		require.Equal(t, string(library), string(got))

		c.Extra = map[string]string{"b": "2", "a": one("extra")}
		extra, err := json.Marshal(c.Extra)
		require.NoError(t, err)
		got, err = c.appendJSON(nil)
		require.NoError(t, err)
		require.Equal(t, string(library[:len(library)-1])+","+string(extra[1:]), string(got))
	})
}
