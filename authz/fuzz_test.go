package authz_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/authz"
	"github.com/cambio-sts/cambio/exchange"
	"github.com/cambio-sts/cambio/internal/audit"
)

// unlimited throttles nobody and forgets every event.
type unlimited struct{}

func (unlimited) Failed(netip.Addr, string) (time.Duration, bool) { return 0, false }

func (unlimited) Record(audit.Event) error { return nil }

func unwatched(c *exchange.Config, _ *authz.Config) { c.Throttle, c.Audit = unlimited{}, unlimited{} }

var (
	errorCode   = regexp.MustCompile(`^(invalid_request|invalid_client|invalid_scope|invalid_target|unsupported_grant_type)$`)
	description = regexp.MustCompile(`^[\x20-\x21\x23-\x5B\x5D-\x7E]+$`)
)

// FuzzToken sends anything to the token endpoint. Whatever it is, the answer is
// that of RFC 6749 §5.2, repeats nothing of it, and is a success only if the
// secret was in it. In the inputs § stands for a canary and ¤ for a right token.
func FuzzToken(f *testing.F) {
	const formType = "application/x-www-form-urlencoded"
	good := "grant_type=" + url.QueryEscape(grantExchange) + "&subject_token_type=" + typePAT + "&subject_token="
	for _, body := range []string{
		good + "¤", good + "§", good + "¤&scope=§", good + "¤&audience=§", good + "¤&resource=https://§", good + "¤&requested_token_type=§",
		good + "¤&actor_token=§&actor_token_type=§", good + "¤&client_id=§&client_secret=§", good + "¤&§=1&§=2", good + "¤&scope=%zz", good + "¤;a=§",
		"grant_type=client_credentials&client_id=§&client_secret=¤", "grant_type=§", "grant_type=+client_credentials", "grant_type=%00", "§", "",
	} {
		f.Add(body, formType, "", "")
	}
	f.Add("grant_type=client_credentials", formType, "Basic §", "")
	f.Add("grant_type=client_credentials", formType, "Bearer ¤", "client_secret=§")
	f.Add("--b\r\nContent-Disposition: form-data; name=\"grant_type\"\r\n\r\nclient_credentials\r\n--b--\r\n", "multipart/form-data; boundary=b", "", "§")
	f.Add("{\"grant_type\":\"§\"}", "application/json", "§", "a=§")

	w := newWorld(f, unwatched)
	token := text(w.token(alice, nil))
	const canary = "Kanarienvogel"
	fill := strings.NewReplacer("§", canary, "¤", token)
	f.Fuzz(func(t *testing.T, body, contentType, authorization, query string) {
		body, authorization = fill.Replace(body), fill.Replace(authorization)
		r := httptest.NewRequest(http.MethodPost, authz.PathToken, strings.NewReader(body))
		r.URL.RawQuery = fill.Replace(query)
		r.Header["Content-Type"] = []string{contentType}
		if authorization != "" {
			r.Header["Authorization"] = []string{authorization}
		}
		answer := httptest.NewRecorder()
		w.bare.ServeHTTP(answer, r)

		require.Equal(t, "application/json", answer.Header().Get("Content-Type"))
		require.Equal(t, "no-store", answer.Header().Get("Cache-Control"))
		var found map[string]any
		require.NoError(t, json.Unmarshal(answer.Body.Bytes(), &found), answer.Body)
		if answer.Code == http.StatusOK {
			require.Contains(t, body+authorization, token[len(token)-49:], "a success without the secret")
			require.NotEmpty(t, found["access_token"])
			require.NotContains(t, answer.Body.String(), token[len(token)-49:])
			return
		}
		require.Contains(t, []int{http.StatusBadRequest, http.StatusUnauthorized, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType}, answer.Code)
		require.Regexp(t, errorCode, found["error"])
		require.Regexp(t, description, found["error_description"])
		require.NotContains(t, found, "access_token")
		require.Equal(t, answer.Code == http.StatusUnauthorized, answer.Header().Get("WWW-Authenticate") != "")
		require.NotContains(t, wire(answer), canary)
	})
}
