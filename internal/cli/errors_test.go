package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/cli"
)

func hideCredentials(text string) string {
	return strings.NewReplacer(pat, "$TOKEN", secretTail, "$SECRET").Replace(text)
}

func splitWords(text string) []string { return strings.Fields(text) }

func joinWords(text string) string { return strings.ReplaceAll(text, " ", "-") }

// fault is an error of the management API.
func fault(code string, causes ...string) string {
	var all []string
	for _, cause := range causes {
		all = append(all, `{"locale":"en-US","localeOrigin":"DEFAULT","text":"`+cause+`"}`)
	}
	return `{"detailCode":"` + code + `","trackingId":"aaaabbbbccccddddeeeeffff00001111","messages":[{"locale":"en-US","localeOrigin":"DEFAULT","text":"A message."}],"causes":[` +
		strings.Join(all, ",") + `]}`
}

func oauth(code, description string) string {
	return `{"error":"` + code + `","error_description":"` + description + `","denial_id":"ddddbbbbccccddddeeeeffff00001111"}`
}

// TestErrors shows every shape in which a server refuses.
func TestErrors(t *testing.T) {
	const denied = `{"error":"Token validation failed: %s","denial_id":"ddddbbbbccccddddeeeeffff00001111"}`
	var out strings.Builder
	for _, tc := range []struct {
		name string
		args string
		reply
	}{
		{"400", "pat list", reply{status: 400, body: fault("400.1 Bad Request Content", "filters: unknown field \\u001b[2J", "sorters: no")}},
		{"400 without causes", "pat list", reply{status: 400, body: fault("400.1.1 Illegal update attempt")}},
		{"fault without texts", "pat list", reply{status: 400, body: `{"detailCode":"400.1 Bad Request Content"}`}},
		{"401 expired JWT", "pat list", reply{status: 401, body: `{"error":"JWT validation failed: JWT is expired"}`}},
		{"401 invalid", "pat list", reply{status: 401, body: `{"error":"JWT validation failed: JWT is invalid"}`}},
		{"401 proved, expired", "pat list", reply{status: 401, body: fmt.Sprintf(denied, "the token expired on 2026-11-20T00:00:00.000Z and is now auto-revoked")}},
		{"401 proved, disabled", "pat list", reply{status: 401, body: fmt.Sprintf(denied, "its owner is disabled")}},
		{"401 proved, inactive", "pat list", reply{status: 401, body: fmt.Sprintf(denied, "its owner is inactive")}},
		{"401 proved, role", "pat list", reply{status: 401, body: fmt.Sprintf(denied, "its owner does not hold the role AccessAsNonInteractiveUser")}},
		{"401 empty", "pat list", reply{status: 401}},
		{"403", "keys list", reply{status: 403, body: fault("403 Forbidden", "the credential does not cover the scope sp:scopes:all, which its owner has")}},
		{"403 right", "pat list --owner all", reply{status: 403, body: fault("403 Forbidden", "the owner of the credential lacks the right idn:all-personal-access-tokens:read")}},
		{"403 of an administrator", "pat rotate " + tokenID, reply{status: 403, body: fault("403 Forbidden", "nobody but the owner of a token can change or rotate it, not even an administrator")}},
		{"403 wider", "pat create --name ci", reply{status: 403, body: fault("403 Forbidden", "expirationDate: wider than the token you act with: give an expirationDate no later than its own")}},
		{"404", "pat get " + tokenID, reply{status: 404, body: fault("404 Not found")}},
		{"404 of a route", "keys list", reply{status: 404, body: fault("404 Not found", "there is no such route")}},
		{"404 of another program", "pat get " + tokenID, reply{status: 404, body: "<html>"}},
		{"409", "pat list", reply{status: 409, body: fault("409 Conflict", "the name is taken")}},
		{"429", "pat list", reply{status: 429, body: `{"message":" Rate Limit Exceeded "}`, header: map[string]string{"Retry-After": "11"}}},
		{"429 until", "pat list", reply{status: 429, body: `{"message":" Rate Limit Exceeded "}`, header: map[string]string{"Retry-After": "Sun, 22 Nov 2026 03:02:00 GMT"}}},
		{"429 for ever", "pat list", reply{status: 429, body: `{"message":" Rate Limit Exceeded "}`}},
		{"500", "pat list", reply{status: 500, body: fault("500.0 Internal Fault")}},
		{"503", "pat list", reply{status: 503, body: fault("503 Service Unavailable")}},
		{"502 of a proxy", "pat list", reply{status: 502, body: "bad gateway"}},
		{"unknown status", "pat list", reply{status: 599}},
		{"plain http at a TLS port", "pat list", reply{status: 400, body: "Client sent an HTTP request to an HTTPS server.\n"}},
		{"redirect", "pat list", reply{status: 308, header: map[string]string{"Location": "https://evil.example/"}}},
		{"no JSON", "pat list", reply{status: 200, body: "<html>"}},
		{"another shape", "pat list", reply{status: 200, body: `{"a":1}`}},
		{"token of another shape", "pat get " + tokenID, reply{status: 200, body: `[]`}},
		{"keys of another shape", "keys list", reply{status: 200, body: `{}`}},
		{"exchange of another shape", "exchange", reply{status: 200, body: `[]`}},
		{"no secret", "pat rotate " + tokenID, reply{status: 200, body: `{}`}},
		{"secret of another shape", "pat rotate " + tokenID, reply{status: 200, body: `[]`}},
		{"revoke of another shape", "pat revoke " + tokenID, reply{status: 200, body: `[]`}},
		{"subject token", "exchange", reply{status: 400, body: `{"error":"invalid_request","error_description":"subject_token is invalid"}`}},
		{"subject token revoked", "exchange", reply{status: 400, body: oauth("invalid_request", "the token was revoked on 2026-11-20T00:00:00.000Z")}},
		{"network", "exchange", reply{status: 400, body: oauth("invalid_request", "not allowed from this network")}},
		{"audience", "exchange", reply{status: 400, body: oauth("invalid_request", "the token is not meant for this service")}},
		{"target", "exchange", reply{status: 400, body: `{"error":"invalid_target","error_description":"no such service"}`}},
		{"no target", "exchange", reply{status: 400, body: `{"error":"invalid_target","error_description":"audience or resource is needed: no default audience is configured"}`}},
		{"scope", "exchange", reply{status: 400, body: `{"error":"invalid_scope"}`}},
		{"OAuth 503", "exchange", reply{status: 503, body: `{"error":"temporarily_unavailable","error_description":"try again later"}`, header: map[string]string{"Retry-After": "1"}}},
		{"OAuth 429", "exchange", reply{status: 429, body: `{"error":"temporarily_unavailable","error_description":"too many failed attempts"}`, header: map[string]string{"Retry-After": "3600"}}},
		{"introspection", "introspect --of -", reply{status: 403, body: `{"error":"insufficient_scope","error_description":"the token does not cover cambio:introspect"}`}},
		{"introspection by none", "introspect", reply{status: 401, body: `{"error":"invalid_token","error_description":"the token is invalid"}`}},
	} {
		got := run{args: splitWords(tc.args), stdin: freshPAT, replies: []reply{tc.reply}}.do(t)
		require.Empty(t, got.stdout, tc.name)
		require.Len(t, got.requests, 1, tc.name)
		require.NotContains(t, got.stderr, secretTail, tc.name)
		asJSON := run{args: append(splitWords(tc.args), "-o", "json"), stdin: freshPAT, replies: []reply{tc.reply}}.do(t)
		if asJSON.exit != 0 { // -o json passes some shapes through
			var object struct{ Code, Cause, Fix string }
			require.NoError(t, json.Unmarshal([]byte(lastLine(asJSON.stderr)), &object), tc.name)
			require.NotEmpty(t, object.Code, tc.name)
			require.NotEmpty(t, object.Cause, tc.name)
			require.NotEmpty(t, object.Fix, tc.name)
		}
		fmt.Fprintf(&out, "# %s\n%s-- exit %d --\n", tc.name, strings.ReplaceAll(got.stderr, got.server.Host, "$HOST"), got.exit)
	}
	require.NotContains(t, out.String(), "console", "there is none yet")
	golden(t, "errors", out.String())
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[len(lines)-1]
}

func TestFail(t *testing.T) {
	for name, tc := range map[string]struct {
		err    error
		exit   int
		stderr string
	}{
		"nothing":     {nil, cli.ExitDone, ""},
		"interrupted": {fmt.Errorf("get: %w", context.Canceled), cli.ExitRefused, "error: interrupted\n  cause: the command was interrupted\n"},
		"foreign":     {errors.New("no \x1b[1m"), cli.ExitRefused, "error: failed\n  cause: no \\x1b[1m\n"},
		"cobra":       {errors.New(`unknown command "x" for "cambio"`), cli.ExitUsage, "error: usage\n  cause: unknown command \"x\" for \"cambio\"\n  fix: see --help\n"},
		"own": {
			fmt.Errorf("x: %w", &cli.Error{Code: "c", Cause: "a " + pat + " and " + jwt, Fix: "f", TrackingID: "t", DenialID: "d"}), cli.ExitRefused,
			"error: c\n  cause: a [redacted] and [redacted]\n  fix: f\n  tracking id: t\n  denial id: d\n",
		},
		"JSON": {
			&cli.Error{Code: "c", Cause: "a\u202e", Exit: cli.ExitUnreachable, JSON: true}, cli.ExitUnreachable,
			`{"code":"c","cause":"a\\u202e","exit":3}` + "\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			var stderr bytes.Buffer
			require.Equal(t, tc.exit, cli.Fail(tc.err, &stderr))
			require.Equal(t, tc.stderr, stderr.String())
		})
	}
	require.EqualError(t, &cli.Error{Code: "c", Cause: "a"}, "c: a")
}

// freeAddr returns a loopback address where nobody listens.
func freeAddr(t *testing.T) string {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	return listener.Addr().String()
}

func TestUnreachable(t *testing.T) {
	got := run{args: []string{"pat", "list"}, env: map[string]string{"CAMBIO_SERVER": "http://" + freeAddr(t)}}.do(t)
	require.Equal(t, cli.ExitUnreachable, got.exit)
	require.Contains(t, got.stderr, "error: unreachable\n")
	require.Contains(t, got.stderr, "check that the server runs at 127.0.0.1:")

	got = run{args: []string{"pat", "revoke", tokenID, otherID, "-o", "json"}, env: map[string]string{"CAMBIO_SERVER": "http://" + freeAddr(t)}}.do(t)
	require.Equal(t, cli.ExitUnreachable, got.exit)
	require.Contains(t, got.stderr, "0 of 2 done")
	require.NotContains(t, got.stderr, otherID, "the rest is not tried where no server is")
}

func TestSpeaksPlainWhereTLSIsAsked(t *testing.T) {
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	plain := &http.Server{Handler: http.NotFoundHandler()}
	go func() { _ = plain.Serve(listener) }()
	defer plain.Close()
	out := run{args: []string{"pat", "list", "--server", "https://" + listener.Addr().String()}}.do(t)
	require.Equal(t, cli.ExitUnreachable, out.exit)
	require.Contains(t, out.stderr, "error: tls_failed\n")
	require.Contains(t, out.stderr, "does not speak TLS at 127.0.0.1:")
}
