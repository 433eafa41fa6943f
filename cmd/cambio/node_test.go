package main

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAFaultHasTheShapeOfItsDoor(t *testing.T) {
	var answered string
	by := func(door string) http.HandlerFunc {
		return func(http.ResponseWriter, *http.Request) { answered = door }
	}
	fault := faultByDoor(by("oauth"), by("management"), by("provisioning"), by("console"), by("proxied"))
	for path, want := range map[string]string{
		"/oauth2/token":          "oauth",
		"/oauth/token":           "oauth",
		"/.well-known/jwks.json": "oauth",
		"/.well-known/oauth-protected-resource/api/v1": "oauth",
		"/api/v1/personal-access-tokens":               "management",
		"/v3/personal-access-tokens":                   "management",
		"/beta/personal-access-tokens/x":               "management",
		"/v2025/personal-access-tokens":                "management",
		"/personal-access-tokens/v1":                   "management",
		"/revocations":                                 "oauth",
		"/oauth3":                                      "management",
		"/scim/v2/Users":                               "provisioning",
		"/console/tokens":                              "console",
		"/consoles":                                    "management",
		"/forward-auth":                                "proxied",
		"/forward-auth/x":                              "proxied",
		"/forward-authority":                           "management",
		"/scimitar":                                    "management",
		"/":                                            "management",
	} {
		r := httptest.NewRequest(http.MethodGet, path, http.NoBody)
		fault(httptest.NewRecorder(), r)
		require.Equal(t, want, answered, path)
	}
}
