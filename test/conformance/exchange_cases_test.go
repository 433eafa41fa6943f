package conformance

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// multipartOf is a body of multipart/form-data with text fields.
func multipartOf(pairs ...string) change {
	var text strings.Builder
	for _, pair := range pairs {
		name, value, _ := strings.Cut(pair, "=")
		text.WriteString("--border\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\n" + value + "\r\n")
	}
	return body("multipart/form-data; boundary=border", text.String()+"--border--\r\n")
}

// rawForm is a form as it is sent, with more behind it.
func rawForm(more string) change {
	return body(formType, "grant_type="+strings.ReplaceAll(grantExchange, ":", "%3A")+"&subject_token_type="+typePAT+"&subject_token=${alice.token}"+more)
}

// exchangeCases are what an exchange must look like (RFC 8693 §2.1).
func exchangeCases() []Case {
	malformed := fails(http.StatusBadRequest, "invalid_request")
	answered := ok(map[string]any{
		"access_token": matcher(present), "issued_token_type": typeAccessToken, "token_type": "Bearer", "expires_in": between(299, 300),
		"scope": matcher(present), "client_id": "${alice.id}", "issuer": "${issuer}", "refresh_token": matcher(absent),
	})
	asJSON := `{"grant_type":"` + grantExchange + `","subject_token_type":"` + typePAT + `","subject_token":"${alice.token}"}`
	second := []draft{{name: "second"}}
	return []Case{
		accepted("C001", "a PAT", exchange(), answered),
		accepted("C002", "a PAT as an access token", exchange(set("subject_token_type", typeAccessToken)), answered),

		refused("C003", "JSON", exchange(jsonBody(asJSON)), malformed),
		refused("C003", "a form that says it is JSON", exchange(head("Content-Type", "application/json")), malformed),
		refused("C003", "no content type", exchange(rawForm(""), unhead("Content-Type")), malformed),
		refused("C004", "an exchange as multipart",
			exchange(multipartOf("grant_type="+grantExchange, "subject_token_type="+typePAT, "subject_token=${alice.token}")), malformed),
		accepted("C004", "client_credentials as multipart",
			credentials(anonymous, multipartOf("grant_type=client_credentials", "client_id=${alice.id}", "client_secret=${alice.secret}")), minted(nil)),
		refused("C004", "client_credentials with a file", credentials(anonymous, body("multipart/form-data; boundary=border",
			"--border\r\nContent-Disposition: form-data; name=\"grant_type\"\r\n\r\nclient_credentials\r\n"+
				"--border\r\nContent-Disposition: form-data; name=\"client_id\"\r\n\r\n${alice.id}\r\n"+
				"--border\r\nContent-Disposition: form-data; name=\"client_secret\"; filename=\"s\"\r\n\r\n${alice.secret}\r\n--border--\r\n")), malformed),
		refused("C005", "another character set", exchange(head("Content-Type", formType+"; charset=iso-8859-1")), malformed),
		accepted("C005", "UTF-8", exchange(rawForm("&note=%C3%A4")), minted(nil)),
		refused("C005", "not UTF-8", exchange(rawForm("&note=%E4")), malformed),
		refused("C005", "not UTF-8 in scope", exchange(rawForm("&scope=%E4")), malformed),
		refused("C006", "GET", get(pathToken+"?grant_type=client_credentials"), Want{
			Status: http.StatusMethodNotAllowed, Header: map[string]string{"Allow": "POST"}, JSON: map[string]any{"access_token": matcher(absent)},
		}),
		refused("C006", "GET with a token", get(pathToken+"?grant_type="+grantExchange+"&subject_token_type="+typePAT+"&subject_token=${alice.token}"), Want{
			Status: http.StatusMethodNotAllowed, Header: map[string]string{"Allow": "POST"}, JSON: map[string]any{"access_token": matcher(absent)},
		}),

		refused("C007", "no subject_token", exchange(drop("subject_token")), malformed),
		refused("C008", "an empty subject_token", exchange(set("subject_token", "")), malformed),
		refused("C009", "no subject_token_type", exchange(drop("subject_token_type")), malformed),
		refused("C010", "an unknown type", exchange(set("subject_token_type", "urn:example:token")), malformed),
		refused("C010", "a type of others", exchange(set("subject_token_type", "urn:ietf:params:oauth:token-type:saml2")), malformed),
		refused("C011", "a PAT as a JWT", exchange(set("subject_token_type", typeJWT)), uniform()),
		{ID: "C012", Name: "a JWT of ours as a PAT", Steps: Steps{
			{Request: exchange(), Want: minted(nil), Save: map[string]string{"jwt": "access_token"}},
			{Request: exchange(set("subject_token", "${jwt}")), Want: uniform()},
			{Request: exchange(set("subject_token", "${jwt}"), set("subject_token_type", typeAccessToken)), Want: uniform()},
			{Request: exchange(set("subject_token", "${jwt}"), set("subject_token_type", typeJWT)), Want: uniform()},
		}},

		refused("C013", "no actor_token_type", exchange(set("actor_token", "${bob.token}")), malformed),
		refused("C014", "no actor_token", exchange(set("actor_token_type", typePAT)), malformed),
		refused("C015", "a foreign actor_token", exchange(set("actor_token", "${erin.token}"), set("actor_token_type", typePAT)), malformed),
		refused("C015", "an unknown actor_token", exchange(set("actor_token", "nobody"), set("actor_token_type", typePAT)), malformed),
		{ID: "C015", Name: "a revoked actor_token", PATs: []draft{{name: "actor", owner: "bob"}}, Steps: Steps{
			{Request: revoke("${actor.token}"), Want: Want{Status: http.StatusOK}},
			{Request: exchange(set("actor_token", "${actor.token}"), set("actor_token_type", typePAT)), Want: malformed},
		}},
		{
			ID: "C015", Name: "an expired actor_token", PATs: []draft{{name: "actor", owner: "bob", expires: shortly}},
			Run: func(t *testing.T, w *world) {
				t.Helper()
				w.waitPast(t, "actor.expires")
				w.expect(t, exchange(set("actor_token", "${actor.token}"), set("actor_token_type", typePAT)), malformed)
			},
		},
		refused("C016", "a valid actor_token", exchange(set("actor_token", "${bob.token}"), set("actor_token_type", typePAT)), Want{
			Status: http.StatusBadRequest, JSON: map[string]any{"error": "invalid_request", "error_description": "delegation not supported"},
		}),

		{ID: "C042", Name: "twice", Steps: Steps{{Request: exchange(), Want: answered}, {Request: exchange(), Want: answered}}},
		accepted("C043", "no client", exchange(), ok(map[string]any{"client_id": "${alice.id}"})),
		accepted("C043", "a bare client_id", exchange(set("client_id", "whoever")), ok(map[string]any{"client_id": "${alice.id}"})),
		{ID: "C043", Name: "a client of the same owner", PATs: second, Steps: Steps{
			{Request: exchange(basic("${second.id}", "${second.secret}")), Want: ok(map[string]any{"client_id": "${alice.id}"})},
			{Request: exchange(set("client_id", "${second.id}"), set("client_secret", "${second.token}")), Want: ok(map[string]any{"client_id": "${alice.id}"})},
		}},
		{ID: "C043", Name: "a client with another secret", PATs: second, Steps: Steps{
			{Request: exchange(basic("${second.id}", "${alice.secret}")), Want: fails(http.StatusUnauthorized, "invalid_client")},
			{Request: exchange(set("client_id", "${second.id}"), set("client_secret", "${alice.secret}")), Want: fails(http.StatusUnauthorized, "invalid_client")},
		}},
		refused("C043", "a client of another owner", exchange(basic("${bob.id}", "${bob.secret}")), fails(http.StatusUnauthorized, "invalid_client")),
		refused("C046", "a PAT type in capitals", exchange(set("subject_token_type", strings.ToUpper(typePAT))), malformed),
		refused("C046", "a requested type in capitals", exchange(set("requested_token_type", strings.ToUpper(typeJWT))), malformed),
	}
}

// targetCases are what audience and resource may be (RFC 8693 §2.1, RFC 8707 §2).
func targetCases() []Case {
	invalid := fails(http.StatusBadRequest, "invalid_target")
	target := func(values ...string) change {
		return func(r *Request) { r.Form = append(r.Form, values...) }
	}
	return []Case{
		accepted("C023", "a resource", exchange(target("resource=${audience}")), minted(map[string]any{"aud": "${audience}"})),
		refused("C024", "a fragment", exchange(target("resource=${audience}#frag")), invalid),
		refused("C024", "an empty fragment", exchange(target("resource=${audience}#")), invalid),
		refused("C025", "a path", exchange(target("resource=/relative")), invalid),
		refused("C025", "a name", exchange(target("resource=api")), invalid),
		refused("C025", "no scheme", exchange(target("resource=//demo.example.com")), invalid),
		{ID: "C026", Name: "two resources", On: onServed, Steps: Steps{
			{Request: exchange(target("resource="+ordersAudience, "resource="+rsAudience)), Want: minted(map[string]any{"aud": []string{ordersAudience, rsAudience}})},
		}},
		refused("C027", "an unknown audience", exchange(target("audience=https://unknown.example.com")), invalid),
		refused("C027", "an unknown resource", exchange(target("resource=https://unknown.example.com")), invalid),
		refused("C027", "a slash more", exchange(target("resource=${audience}/")), invalid),
		refused("C027", "one of two", exchange(target("audience=${audience}", "audience=https://unknown.example.com")), invalid),
		{ID: "C027", Name: "not permitted to the token", PATs: []draft{{name: "narrow", members: `"audience":["${audience}"]`}}, Steps: Steps{
			{Request: exchange(set("subject_token", "${narrow.token}"), target("audience=${audience}")), Want: minted(map[string]any{"aud": "${audience}"})},
			{Request: exchange(set("subject_token", "${narrow.token}"), target("audience=${api}")), Want: invalid},
			{Request: exchange(set("subject_token", "${narrow.token}"), target("audience=${audience}", "audience=${api}")), Want: invalid},
		}},
		accepted("C028", "four targets", exchange(target("audience=${audience}", "audience=${api}", "resource=${audience}", "resource=${api}")),
			minted(map[string]any{"aud": []string{"${audience}", "${api}"}})),
		refused("C028", "five targets", exchange(target("audience=${audience}", "audience=${api}", "resource=${audience}", "resource=${api}", "resource=${api}")), invalid),
		accepted("C029", "audience and resource", exchange(target("audience=${api}", "resource=${audience}")),
			minted(map[string]any{"aud": []string{"${api}", "${audience}"}})),
		accepted("C029", "the same twice", exchange(target("audience=${audience}", "resource=${audience}")), minted(map[string]any{"aud": "${audience}"})),

		accepted("C116", "a resource with client_credentials", credentials(target("resource=${audience}")), minted(map[string]any{"aud": "${audience}"})),
		refused("C116", "an unknown resource with client_credentials", credentials(target("resource=https://unknown.example.com")), invalid),
		refused("C116", "a fragment with client_credentials", credentials(target("resource=${audience}#frag")), invalid),

		accepted("C077", "a resource", exchange(target("resource=${api}")), minted(map[string]any{"aud": "${api}"})),
		accepted("C078", "the default audience", exchange(), minted(map[string]any{"aud": "${audience}"})),
		accepted("C078", "the default audience of client_credentials", credentials(), minted(map[string]any{"aud": "${audience}"})),
		accepted("C078", "the management API", exchange(path(pathPATToken)), minted(map[string]any{"aud": "${api}"})),
		accepted("C078", "the management API with client_credentials", credentials(path(pathPATToken)), minted(map[string]any{"aud": "${api}"})),
		{ID: "C078", Name: "none configured", On: onServed, Steps: Steps{
			{Request: exchange(), Want: invalid},
			{Request: credentials(), Want: invalid},
			{Request: exchange(path(pathPATToken)), Want: minted(map[string]any{"aud": "${api}"})},
		}},
		{ID: "C120", Name: "no more than asked for", PATs: []draft{{name: "wide", members: `"scope":["a:b:read","a:b:write"]`}}, Steps: Steps{
			{
				Request: exchange(set("subject_token", "${wide.token}"), target("audience=${audience}", "scope=a:b:read")),
				Want:    minted(map[string]any{"aud": "${audience}", "scope": "a:b:read"}),
			},
		}},
	}
}

// exchangeAnswerCases are what an exchange answers (RFC 8693 §2.2).
func exchangeAnswerCases() []Case {
	scoped := []draft{{name: "scoped", members: `"scope":["a:b:read","a:b:write"]`}}
	by := func(changes ...change) Request {
		return exchange(append([]change{set("subject_token", "${scoped.token}")}, changes...)...)
	}
	granted := func(scope string) Want {
		return Want{Status: http.StatusOK, JSON: map[string]any{"scope": scope}, Claims: map[string]any{"scope": scope}}
	}
	cases := []Case{
		{ID: "C030", Name: "a part", PATs: scoped, Steps: Steps{{Request: by(set("scope", "a:b:read")), Want: granted("a:b:read")}}},
		{ID: "C030", Name: "all", PATs: scoped, Steps: Steps{{Request: by(set("scope", "a:b:write a:b:read")), Want: granted("a:b:write a:b:read")}}},
		{ID: "C031", Name: "more", PATs: scoped, Steps: Steps{
			{Request: by(set("scope", "a:b:admin")), Want: fails(http.StatusBadRequest, "invalid_scope")},
			{Request: by(set("scope", "a:b:read a:b:admin")), Want: fails(http.StatusBadRequest, "invalid_scope")},
			{Request: by(set("scope", "sp:scopes:all")), Want: fails(http.StatusBadRequest, "invalid_scope")},
		}},
		{ID: "C032", Name: "no scope", PATs: scoped, Steps: Steps{{Request: by(), Want: granted("a:b:read a:b:write")}}},
		{ID: "C032", Name: "an empty scope", PATs: scoped, Steps: Steps{{Request: by(set("scope", "")), Want: granted("a:b:read a:b:write")}}},
		{ID: "C033", Name: "what the service does not grant", On: onServed, Steps: Steps{
			{Request: exchange(set("audience", ordersAudience), set("scope", "orders:read orders:audit")), Want: granted("orders:read")},
			{Request: exchange(set("audience", ordersAudience), set("scope", "orders:audit")), Want: fails(http.StatusBadRequest, "invalid_scope")},
		}},
		accepted("C033", "what the service does not know", exchange(set("scope", "a:b:read idn:my-personal-access-tokens:read")), granted("a:b:read")),

		accepted("C034", "no requested type", exchange(), ok(map[string]any{"issued_token_type": typeAccessToken})),
		accepted("C034", "an access token", exchange(set("requested_token_type", typeAccessToken)), ok(map[string]any{"issued_token_type": typeAccessToken})),
		accepted("C034", "a JWT", exchange(set("requested_token_type", typeJWT)), Want{
			Status: http.StatusOK, JSON: map[string]any{"issued_token_type": typeJWT}, Claims: map[string]any{"header.typ": "at+jwt"},
		}),
		accepted("C036", "a type of RFC 8693", exchange(), ok(map[string]any{"issued_token_type": like(`^urn:ietf:params:oauth:token-type:(access_token|jwt)$`)})),
		accepted("C037", "Bearer", exchange(), ok(map[string]any{"token_type": "Bearer"})),
		accepted("C037", "Bearer, as a JWT", exchange(set("requested_token_type", typeJWT)), ok(map[string]any{"token_type": "Bearer"})),
		{ID: "C038", Name: "as the JWT says", Run: expiresAsSaid},
		{
			ID: "C038", Name: "no longer than the PAT", Run: expiresAsSaid,
			PATs: []draft{{name: "alice", expires: 100 * second, members: `"accessTokenValiditySeconds":600`}},
		},
		accepted("C039", "an exchange", exchange(), ok(map[string]any{"refresh_token": matcher(absent)})),
		accepted("C039", "client_credentials", credentials(), ok(map[string]any{"refresh_token": matcher(absent)})),

		{ID: "C041", Name: "every kind", Run: errorsAreOAuth},
		accepted("C044", "an exchange", exchange(), minted(map[string]any{"scope": like(`^\S+( \S+)*$`), "client_id": like(`^[0-9a-f]{32}$`)})),
		accepted("C045", "nothing about the owner", exchange(set("subject_token", "${bob.token}")), Want{Status: http.StatusOK, Claims: map[string]any{
			"email": matcher(absent), "name": matcher(absent), "preferred_username": matcher(absent), "roles": matcher(absent), "groups": matcher(absent),
		}, Check: noSecretInJWT}),
		accepted("C045", "by scope profile", exchange(set("scope", "openid profile")), Want{Status: http.StatusOK, Claims: map[string]any{
			"name": "Alice", "preferred_username": "alice", "roles": matcher(absent), "groups": matcher(absent),
		}, Check: noSecretInJWT}),
	}
	for _, kind := range []string{"refresh_token", "id_token", "saml1", "saml2", "unknown"} {
		cases = append(cases, refused("C035", kind, exchange(set("requested_token_type", "urn:ietf:params:oauth:token-type:"+kind)), fails(http.StatusBadRequest, "invalid_request")))
	}
	return append(cases, subjectCases()...)
}

// subjectCases are the tokens that are refused, C040.
func subjectCases() []Case {
	by := func(token string) Request { return exchange(set("subject_token", token)) }
	return []Case{
		refused("C040", "malformed", by("cambio_pat"), uniform()),
		refused("C040", "a blank more", by("${alice.token} "), uniform()),
		refused("C040", "a line end more", by("${alice.token}\n"), uniform()),
		refused("C040", "the secret alone", by("${alice.secret}"), uniform()),
		{ID: "C040", Name: "wrong checksum", Run: func(t *testing.T, w *world) {
			t.Helper()
			token := w.vars["alice.token"]
			last := "0"
			if strings.HasSuffix(token, last) {
				last = "1"
			}
			w.expect(t, by(token[:len(token)-1]+last), uniform())
		}},
		{ID: "C040", Name: "unknown", Run: func(t *testing.T, w *world) {
			t.Helper()
			w.expect(t, by(craft(strings.Repeat("0", 32), aSecret)), uniform())
		}},
		{ID: "C040", Name: "wrong secret", Run: func(t *testing.T, w *world) {
			t.Helper()
			w.expect(t, by(craft(w.vars["alice.id"], aSecret)), uniform())
		}},
		{ID: "C040", Name: "another's secret", Run: func(t *testing.T, w *world) {
			t.Helper()
			w.expect(t, by(craft(w.vars["alice.id"], w.vars["bob.secret"][:secretLen])), uniform())
		}},
		{
			ID: "C040", Name: "expired", PATs: []draft{{name: "old", expires: shortly}},
			Run: func(t *testing.T, w *world) {
				t.Helper()
				w.expect(t, by("${old.token}"), minted(nil))
				w.waitPast(t, "old.expires")
				w.expect(t, by(craft(w.vars["old.id"], aSecret)), uniform())
				w.expect(t, call("GET", pathTokens+"/${old.id}"), ok(map[string]any{"status": "Expired"}))
				want := denied("the token expired on ${old.expires} and is now auto-revoked")
				want.JSON["error_description"] = "the token expired on ${old.expires} and is now auto-revoked"
				w.expect(t, by("${old.token}"), want)
				w.expect(t, call("GET", pathTokens+"/${old.id}"), ok(map[string]any{"status": "Auto-revoked"}))
				w.expect(t, by("${old.token}"), denied("revoked"))
			},
		},
		{ID: "C040", Name: "revoked", PATs: []draft{{name: "gone"}}, Steps: Steps{
			{Request: by("${gone.token}"), Want: minted(nil)},
			{Request: call("POST", pathTokens+"/${gone.id}/revoke"), Want: ok(map[string]any{"status": "Revoked"})},
			{Request: by("${gone.token}"), Want: denied("revoked")},
		}},
		refused("C040", "owner disabled", by("${carol.token}"), denied("its owner is disabled")),
		refused("C040", "role lost", by("${dave.token}"), denied("AccessAsNonInteractiveUser")),
		{ID: "C040", Name: "network", PATs: []draft{
			{name: "near", members: `"allowedNetworks":["127.0.0.0/8","::1/128"]`}, {name: "far", members: `"allowedNetworks":["192.0.2.0/24"]`},
		}, Steps: Steps{
			{Request: by("${near.token}"), Want: minted(nil)},
			{Request: by("${far.token}"), Want: denied("not allowed from this network")},
		}},
	}
}

func expiresAsSaid(t *testing.T, w *world) {
	t.Helper()
	before := now()
	got := w.expect(t, exchange(), minted(nil))
	after := now()
	_, claims := decodeJWT(t, got.text(t, "access_token"))
	expiry, isNumber := claims["exp"].(float64)
	require.True(t, isNumber)
	expiresIn, isNumber := got.member(t, "expires_in").(float64)
	require.True(t, isNumber)
	require.InDelta(t, expiry-float64(before.UnixMilli())/1000, expiresIn, 1.5+after.Sub(before).Seconds())
	if at, limited := w.vars["alice.expires"]; limited {
		require.Equal(t, at, got.text(t, "pat_expires_at"))
		end := parseTime(t, at)
		require.LessOrEqual(t, int64(expiry), end.Unix())
		require.LessOrEqual(t, expiresIn, end.Sub(before).Seconds())
		return
	}
	require.NotContains(t, got.object(t), "pat_expires_at")
}

// errorsAreOAuth holds the answers to requests of every kind of fault against
// RFC 6749 §5.2; the runner does so with every other error, too.
func errorsAreOAuth(t *testing.T, w *world) {
	t.Helper()
	for name, request := range map[string]Request{
		"invalid_request":        exchange(drop("subject_token_type")),
		"invalid_client":         credentials(anonymous),
		"invalid_scope":          exchange(set("scope", `"`)),
		"invalid_target":         exchange(set("audience", "unknown")),
		"unsupported_grant_type": exchange(set("grant_type", "unknown")),
	} {
		t.Run(name, func(t *testing.T) {
			got := w.send(t, request)
			require.GreaterOrEqual(t, got.Status, http.StatusBadRequest)
			checkError(t, got)
			require.Equal(t, name, got.text(t, "error"))
			require.Equal(t, "application/json", got.Header.Get("Content-Type"))
			require.Equal(t, "no-cache", got.Header.Get("Pragma"))
		})
	}
}

func noSecretInJWT(t *testing.T, w *world, got answer) {
	t.Helper()
	for part := range strings.SplitSeq(got.text(t, "access_token"), ".") {
		require.NotContains(t, string(decode64(t, part)), w.vars["alice.secret"])
		require.NotContains(t, string(decode64(t, part)), w.vars["alice.secret"][:secretLen])
	}
}
