package conformance

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// metadataCases are RFC 8414, discovery and RFC 9728.
func metadataCases() []Case {
	public := map[string]string{"Content-Type": "application/json", "Access-Control-Allow-Origin": "*"}
	both := func(id, name string, want Want) []Case {
		return []Case{
			accepted(id, name+", RFC 8414", get(pathServer), want),
			accepted(id, name+", discovery", get(pathOpenID), want),
		}
	}
	return slices.Concat(
		both("C109", "a document", Want{Status: http.StatusOK, Header: public, JSON: map[string]any{"issuer": matcher(present)}}),
		both("C111", "the issuer", ok(map[string]any{"issuer": "${issuer}"})),
		both("C112", "grant types", ok(map[string]any{"grant_types_supported": []string{grantExchange, "client_credentials"}})),
		both("C114", "response types", ok(map[string]any{"response_types_supported": []string{"none"}, "authorization_endpoint": matcher(absent)})),
		[]Case{
			{ID: "C111", Name: "the JWT", Steps: Steps{{Request: exchange(), Want: minted(map[string]any{"iss": "${issuer}"})}}},
			{ID: "C111", Name: "loopback http, nothing behind the host", Run: func(t *testing.T, w *world) {
				t.Helper()
				require.Regexp(t, `^(https://[^/?#]+|http://(127\.0\.0\.1|\[::1\]|localhost)(:\d+)?)$`, w.issuer)
			}},
			{ID: "C113", Name: "everything it says", Run: metadataIsTrue},
			accepted("C167", "subject types", get(pathOpenID), ok(map[string]any{"subject_types_supported": []string{"public"}})),
			{ID: "C167", Name: "every live algorithm", Run: algorithmsAreListed},
			{ID: "C167", Name: "every live algorithm of several", On: onServed, Run: algorithmsAreListed},
			{ID: "C115", Name: "Host", Run: hostIsIgnored},
			accepted("C118", "the management API", get(pathResource), Want{Status: http.StatusOK, Header: public, JSON: map[string]any{
				"resource": "${api}", "authorization_servers": []string{"${issuer}"}, "bearer_methods_supported": []string{"header"},
			}}),
		},
	)
}

// texts is a member that is a list of strings, none of which may be empty.
func (a answer) texts(t *testing.T, name string) []string {
	t.Helper()
	list, isList := a.member(t, name).([]any)
	require.True(t, isList, name)
	require.NotEmpty(t, list, name)
	values := make([]string, len(list))
	for i, value := range list {
		text, isText := value.(string)
		require.True(t, isText, name)
		values[i] = text
	}
	return values
}

// metadataIsTrue tries every method and grant that the metadata advertises.
func metadataIsTrue(t *testing.T, w *world) {
	t.Helper()
	metadata := w.expect(t, get(pathServer), ok(nil))
	post := []change{anonymous, set("client_id", "${alice.id}"), set("client_secret", "${alice.secret}")}
	asAdmin := []change{anonymous, set("client_id", "${admin.id}"), set("client_secret", "${admin.secret}")}
	unknown := "unknown"
	tries := map[string]map[string]Request{
		"token_endpoint_auth_methods_supported": {
			"client_secret_basic": credentials(), "client_secret_post": credentials(post...), "none": exchange(),
		},
		"introspection_endpoint_auth_methods_supported": {
			"client_secret_basic": introspect(), "client_secret_post": introspect(asAdmin...), "Bearer": introspect(bearer("${admin.token}")),
		},
		"revocation_endpoint_auth_methods_supported": {
			"client_secret_basic": revoke(unknown, basic("${alice.id}", "${alice.secret}")), "client_secret_post": revoke(unknown, post[1:]...), "none": revoke(unknown),
		},
		"grant_types_supported": {grantExchange: exchange(), "client_credentials": credentials()},
	}
	for member, known := range tries {
		for _, advertised := range metadata.texts(t, member) {
			request, isKnown := known[advertised]
			require.True(t, isKnown, "%s advertises %s, of which the suite knows nothing", member, advertised)
			w.expect(t, request, Want{Status: http.StatusOK})
		}
	}
	for member, request := range map[string]Request{
		"token_endpoint": exchange(), "introspection_endpoint": introspect(), "revocation_endpoint": revoke(unknown), "jwks_uri": get(""), "revocations_uri": get(""),
		"userinfo_endpoint": get("", bearer(w.mint(t, set("scope", "openid")))),
	} {
		at, below := strings.CutPrefix(metadata.text(t, member), w.issuer)
		require.True(t, below, member)
		request.Path = at
		w.expect(t, request, Want{Status: http.StatusOK})
	}
}

// algorithmsAreListed compares discovery with the published keys.
func algorithmsAreListed(t *testing.T, w *world) {
	t.Helper()
	var live []string
	for _, key := range w.jwks(t) {
		if !slices.Contains(live, key.Alg) {
			live = append(live, key.Alg)
		}
	}
	require.ElementsMatch(t, live, w.expect(t, get(pathOpenID), ok(nil)).texts(t, "id_token_signing_alg_values_supported"))
}

func hostIsIgnored(t *testing.T, w *world) {
	t.Helper()
	for _, at := range []string{pathServer, pathOpenID, pathResource} {
		honest := w.expect(t, get(at), ok(nil)).Body
		for name, value := range map[string]string{
			"Host": "evil.example", "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https", "Forwarded": "host=evil.example;proto=https",
		} {
			require.Equal(t, honest, w.expect(t, get(at, head(name, value)), ok(nil)).Body, "%s with %s", at, name)
		}
	}
}
