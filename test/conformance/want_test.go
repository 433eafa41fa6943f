package conformance

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Want is what must come back.
type Want struct {
	Status int
	Header map[string]string // "" : absent; after ~ a pattern; else exact
	JSON   map[string]any    // member → value, or one of the matchers below
	Claims map[string]any    // of the minted JWT, alike; those of its header after "header."
	Body   string            // exact; not looked at if empty
	Check  func(t *testing.T, w *world, got answer)
}

// answer is what came back.
type answer struct {
	Status int
	Header http.Header
	Body   string
}

// member returns a member of the JSON object in the body.
func (a answer) member(t *testing.T, name string) any {
	t.Helper()
	return a.object(t)[name]
}

func (a answer) text(t *testing.T, name string) string {
	t.Helper()
	text, ok := a.member(t, name).(string)
	require.True(t, ok, "member %s in %s", name, a.Body)
	return text
}

func (a answer) object(t *testing.T) map[string]any {
	t.Helper()
	return decodeObject(t, a.Body)
}

func decodeObject(t *testing.T, text string) map[string]any {
	t.Helper()
	var object map[string]any
	require.NoError(t, json.Unmarshal([]byte(text), &object), "body: %s", text)
	return object
}

// matcher looks at a member; present says whether it is there.
type matcher func(t *testing.T, name string, value any, present bool)

func absent(t *testing.T, name string, value any, present bool) {
	t.Helper()
	require.False(t, present, "%s must not be there and is %v", name, value)
}

func present(t *testing.T, name string, value any, present bool) {
	t.Helper()
	require.True(t, present, "%s must be there", name)
	require.NotEmpty(t, value, name)
}

func like(pattern string) matcher {
	return func(t *testing.T, name string, value any, _ bool) {
		t.Helper()
		text, ok := value.(string)
		require.True(t, ok, "%s must be a string and is %v", name, value)
		require.Regexp(t, regexp.MustCompile(pattern), text, name)
	}
}

// between is a whole number, bounds included.
func between(least, most float64) matcher {
	return func(t *testing.T, name string, value any, _ bool) {
		t.Helper()
		number, ok := value.(float64)
		require.True(t, ok, "%s must be a number and is %v", name, value)
		require.Equal(t, float64(int64(number)), number, name)
		require.GreaterOrEqual(t, number, least, name)
		require.LessOrEqual(t, number, most, name)
	}
}

// hex32 is 128 bits.
func hex32() matcher { return like(`^[0-9a-f]{32}$`) }

// ok is a success of an endpoint that answers with JSON.
func ok(members map[string]any) Want { return Want{Status: http.StatusOK, JSON: members} }

// minted is a success of the token endpoint.
func minted(claims map[string]any) Want {
	return Want{Status: http.StatusOK, JSON: map[string]any{"access_token": matcher(present)}, Claims: claims}
}

// fails is an error by its code, whatever its description.
func fails(status int, code string) Want {
	want := Want{Status: status, JSON: map[string]any{"error": code, "error_description": matcher(present)}}
	if status == http.StatusUnauthorized {
		want.Header = map[string]string{"WWW-Authenticate": `~^(Basic|Bearer) realm="[^"]+"`}
	}
	return want
}

// uniform is the answer to a subject token that was not proved.
func uniform() Want {
	return Want{Status: http.StatusBadRequest, Body: `{"error":"invalid_request","error_description":"subject_token is invalid"}`}
}

// denied is the answer to a token that was proved.
func denied(description string) Want {
	return Want{Status: http.StatusBadRequest, JSON: map[string]any{
		"error": "invalid_request", "error_description": like(description), "denial_id": hex32(),
	}}
}

// inactive is all that is told of a token that is not active.
func inactive() Want { return Want{Status: http.StatusOK, Body: `{"active":false}`} }

func active() Want { return ok(map[string]any{"active": true}) }

// apiUnauthorized is a 401 of the management API.
func apiUnauthorized(text string) Want {
	return Want{
		Status: http.StatusUnauthorized, JSON: map[string]any{"error": like(text)},
		Header: map[string]string{"WWW-Authenticate": `~^Bearer realm="[^"]+".*, error="invalid_token"`},
	}
}

// apiFails is any other error of the management API.
func apiFails(status int, code string) Want {
	return Want{Status: status, JSON: map[string]any{
		"detailCode": code, "trackingId": hex32(), "messages": matcher(present), "causes": matcher(present),
	}}
}

func (want Want) check(t *testing.T, w *world, sent Request, got answer) {
	t.Helper()
	require.Equal(t, want.Status, got.Status, "%s %s %v %v\n%s\n%v", sent.Method, sent.Path, sent.Form, sent.Header, got.Body, got.Header)
	for name, value := range want.Header {
		checkHeader(t, got.Header, name, w.expand(t, value))
	}
	if want.Body != "" {
		require.Equal(t, w.expand(t, want.Body), strings.TrimSuffix(got.Body, "\n"))
	}
	if want.JSON != nil {
		checkMembers(t, w, want.JSON, got.object(t))
	}
	if want.Claims != nil {
		checkMembers(t, w, want.Claims, w.verify(t, got.text(t, "access_token")))
	}
	if got.Status >= http.StatusBadRequest {
		checkError(t, got)
	}
	if want.Check != nil {
		want.Check(t, w, got)
	}
}

// checkError holds what is true of every error (RFC 6749 §5.2).
func checkError(t *testing.T, got answer) {
	t.Helper()
	require.Equal(t, "no-store", got.Header.Get("Cache-Control"))
	require.Equal(t, "nosniff", got.Header.Get("X-Content-Type-Options"))
	if got.Body == "" {
		return
	}
	require.Contains(t, []string{"application/json", "application/problem+json", "application/scim+json"}, got.Header.Get("Content-Type"))
	object := got.object(t)
	require.NotContains(t, object, "access_token")
	if description, ok := object["error_description"].(string); ok {
		require.Regexp(t, `^[\x20-\x21\x23-\x5b\x5d-\x7e]+$`, description)
	}
}

func checkHeader(t *testing.T, header http.Header, name, want string) {
	t.Helper()
	values := header.Values(name)
	pattern, isPattern := strings.CutPrefix(want, "~")
	switch {
	case want == "":
		require.Empty(t, values, name)
	case isPattern:
		require.Regexp(t, regexp.MustCompile(pattern), strings.Join(values, "; "), name)
	default:
		require.Equal(t, []string{want}, values, name)
	}
}

func checkMembers(t *testing.T, w *world, want, got map[string]any) {
	t.Helper()
	for name, expected := range want {
		value, there := got[name]
		switch expected := expected.(type) {
		case matcher:
			expected(t, name, value, there)
		case func(*testing.T, string, any, bool):
			expected(t, name, value, there)
		case string:
			require.Equal(t, w.expand(t, expected), value, "%s in %v", name, got)
		case []string:
			expanded := make([]any, len(expected))
			for i, element := range expected {
				expanded[i] = w.expand(t, element)
			}
			require.Equal(t, expanded, value, "%s in %v", name, got)
		case int:
			require.EqualValues(t, expected, value, "%s in %v", name, got)
		default:
			require.Equal(t, expected, value, "%s in %v", name, got)
		}
	}
}

// list returns the JSON array of objects in the body.
func (a answer) list(t *testing.T) []map[string]any {
	t.Helper()
	var list []map[string]any
	require.NoError(t, json.Unmarshal([]byte(a.Body), &list), "body: %s", a.Body)
	return list
}
