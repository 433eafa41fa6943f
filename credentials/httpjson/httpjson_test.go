package httpjson

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/credentials"
	"github.com/cambio-sts/cambio/internal/egress"
	"github.com/cambio-sts/cambio/internal/secret"
)

const canary = "canary"

var (
	loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	expiry   = time.Date(2026, 11, 26, 12, 5, 0, 0, time.UTC)
)

func now() time.Time { return expiry.Add(-5 * time.Minute) }

// call is what a service was sent.
type call struct{ path, authorization, body string }

// service answers /issue with an answer, and /revoke with a status.
type service struct {
	*httptest.Server

	status  int
	answer  string
	revoked int
	calls   []call
}

func newService(t *testing.T, answer string) *service {
	t.Helper()
	s := &service{status: http.StatusOK, answer: answer, revoked: http.StatusNoContent}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		s.calls = append(s.calls, call{r.Method + " " + r.URL.Path, r.Header.Get("Authorization"), string(body)})
		if r.URL.Path == "/revoke" {
			w.WriteHeader(s.revoked)
			return
		}
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(s.status)
		_, _ = io.WriteString(w, s.answer)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *service) provider(t *testing.T) *Provider {
	t.Helper()
	p, err := New(Config{
		URL: s.URL + "/issue", RevokeURL: s.URL + "/revoke", Allowed: loopback, Now: now,
		Members: map[string]string{"vault_token": "auth.client_token", "vault_port": "port", "vault_tls": "tls"}, ExpiryField: "auth.expires", HandleField: "id",
	})
	require.NoError(t, err)
	return p
}

func grant() *credentials.Grant {
	return &credentials.Grant{Now: now(), Expiry: expiry, Assertion: func(context.Context) (secret.Text, error) { return secret.New("jwt-1"), nil }}
}

const good = `{"auth":{"client_token":"canary","expires":"2026-11-26T13:04:00+01:00"},"port":8200,"tls":true,"id":"lease/1"}`

func TestIssueAndRevoke(t *testing.T) {
	s := newService(t, good)
	p := s.provider(t)
	require.Equal(t, []string{"vault_port", "vault_tls", "vault_token"}, p.Members())
	issued, err := p.Issue(t.Context(), grant())
	require.NoError(t, err)
	told := map[string]string{}
	for i, member := range issued.Members {
		require.Equal(t, p.Members()[i], member.Name)
		told[member.Name] = member.Value.Reveal()
	}
	require.Equal(t, map[string]string{"vault_token": canary, "vault_port": "8200", "vault_tls": "true"}, told)
	require.Equal(t, "lease/1", issued.Handle)
	require.Equal(t, expiry.Add(-time.Minute), issued.Expiry)
	require.NotContains(t, fmt.Sprintf("%+v", issued), canary)

	require.ErrorIs(t, p.Revoke(t.Context(), "another"), credentials.ErrIrrevocable)
	s.revoked = http.StatusInternalServerError
	require.EqualError(t, p.Revoke(t.Context(), "lease/1"), "the service answered 500")
	s.revoked = http.StatusGone
	require.NoError(t, p.Revoke(t.Context(), "lease/1"))
	require.Equal(t, []call{
		{"POST /issue", "Bearer jwt-1", `{"expires_at":"2026-11-26T12:05:00Z"}`},
		{"POST /revoke", "Bearer jwt-1", `{"handle":"lease/1"}`},
		{"POST /revoke", "Bearer jwt-1", `{"handle":"lease/1"}`},
	}, s.calls)
	require.ErrorIs(t, p.Revoke(t.Context(), "lease/1"), credentials.ErrIrrevocable, "it is gone")
}

// No answer but a right one gives anything, and no error repeats one.
func TestIssueRefuses(t *testing.T) {
	change := func(from, to string) string { return strings.Replace(good, from, to, 1) }
	for name, tc := range map[string]struct {
		status int
		answer string
		want   string

		revoked bool
	}{
		"forbidden":           {403, good, "the service answered 403", false},
		"a redirect":          {302, good, "the service answered 302", false},
		"nothing":             {200, "", "no JSON object", false},
		"a list":              {200, "[]", "no JSON object", false},
		"null":                {200, "null", "no JSON object", false},
		"two":                 {200, good + good, "something follows", false},
		"another name":        {200, change("client_token", "Client_Token"), "no field auth.client_token", true},
		"no such object":      {200, change(`"auth":{`, `"Auth":{`), "no field auth.", true},
		"an object":           {200, change(`"canary"`, `{"canary":1}`), "no field auth.client_token that is a text", true},
		"null for a text":     {200, change(`"canary"`, `null`), "no field auth.client_token that is a text", true},
		"a zero":              {200, change(`canary`, `canary\u0000`), "has a zero", true},
		"too long a text":     {200, change(`canary`, strings.Repeat("canary", 3000)), "too long", true},
		"too long an answer":  {200, good + strings.Repeat(" ", maxAnswer), "the answer is too long", false},
		"no time":             {200, change("2026-11-26T13", "canary"), "is no time", true},
		"no handle":           {200, change("lease/1", ""), "id is empty", false},
		"a handle of objects": {200, change(`"lease/1"`, "[]"), "no field id", false},
	} {
		t.Run(name, func(t *testing.T) {
			s := newService(t, tc.answer)
			s.status = tc.status
			issued, err := s.provider(t).Issue(t.Context(), grant())
			require.ErrorContains(t, err, tc.want)
			require.NotContains(t, err.Error(), canary)
			require.Empty(t, issued)
			revoked := call{"POST /revoke", "Bearer jwt-1", `{"handle":"lease/1"}`}
			if tc.revoked {
				require.Equal(t, revoked, s.calls[1], "what was made is not left behind")
			} else {
				require.Len(t, s.calls, 1, "no redirect was followed")
			}
		})
	}
}

func TestIssueOfNobody(t *testing.T) {
	s := newService(t, good)
	p := s.provider(t)
	s.Close()
	_, err := p.Issue(t.Context(), grant())
	require.ErrorContains(t, err, "call the service: ")
	require.NotContains(t, err.Error(), "/issue")
	none := grant()
	none.Assertion = nil
	_, err = p.Issue(t.Context(), none)
	require.ErrorContains(t, err, "no audience")
}

// What is not named is not called, whatever it is named.
func TestIssueCallsNobodyElse(t *testing.T) {
	s := newService(t, good)
	p, err := New(Config{URL: strings.Replace(s.URL, "127.0.0.1", "localhost", 1), Members: map[string]string{"a": "port"}, Now: now})
	require.NoError(t, err)
	_, err = p.Issue(t.Context(), grant())
	require.ErrorIs(t, err, egress.ErrForbidden)
	require.Empty(t, s.calls)
	for name, config := range map[string]Config{
		"an address": {URL: "https://169.254.169.254/latest"}, "plain": {URL: "http://93.184.216.34/"}, "a user": {URL: "https://u:p@a.example.com/"},
		"ftp": {URL: "ftp://a/b"}, "a fragment": {URL: "https://a/#b"}, "no host": {URL: "https:///b"}, "no handle": {URL: "https://a", RevokeURL: "https://a"},
		"to revoke": {URL: "https://a", RevokeURL: "https://10.0.0.1/", HandleField: "id"},
	} {
		config.Now, config.Members = now, map[string]string{"a": "b"}
		_, err := New(config)
		require.Error(t, err, name)
	}
}

func TestTimes(t *testing.T) {
	for text, want := range map[string]time.Time{
		"2026-11-26T12:05:00Z": expiry, "2026-11-26T14:05:00.000+02:00": expiry, fmt.Sprint(expiry.Unix()): expiry,
		"": {}, "0": {}, "-5": {}, "1e9": {}, "999999999999999": {}, "tomorrow": {},
	} {
		got, err := parseTime(text)
		require.Equal(t, want.IsZero(), err != nil, text)
		require.True(t, want.Equal(got) || err != nil, text)
	}
}

// What is read out of an answer stands there, as text.
func FuzzRead(f *testing.F) {
	f.Add(good, "auth.client_token")
	f.Add(`{"a":{"b":1e3}}`, "a.b")
	f.Add(`{"a":"\ud800"}`, "a")
	f.Fuzz(func(t *testing.T, answer, path string) {
		document, err := parse([]byte(answer))
		if err != nil {
			return
		}
		text, err := textAt(document, path)
		if err != nil {
			require.Empty(t, text)
			return
		}
		require.NotContains(t, text, "\x00")
		var at any = document
		for name := range strings.SplitSeq(path, ".") {
			inner, ok := at.(map[string]any)
			require.True(t, ok)
			at = inner[name]
		}
		if number, ok := at.(json.Number); ok {
			at = number.String()
		}
		require.Equal(t, fmt.Sprint(at), text)
	})
}
