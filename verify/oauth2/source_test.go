package oauth2_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"

	verifyoauth2 "github.com/cambio-sts/cambio/verify/oauth2"
)

const issuer = "https://sts.example.com"

// server is an authorization server in memory, for time that is the test's.
type server struct {
	mu        sync.Mutex
	forms     []url.Values
	described int
	status    int
	answer    map[string]any // instead of a token, unless nil
	slow      time.Duration
}

func (s *server) RoundTrip(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	slow := s.slow
	s.mu.Unlock()
	time.Sleep(slow)
	s.mu.Lock()
	defer s.mu.Unlock()
	w := httptest.NewRecorder()
	var answer any
	switch r.URL.String() {
	case issuer + "/.well-known/oauth-authorization-server":
		s.described++
		answer = map[string]any{"issuer": issuer, "jwks_uri": issuer + "/jwks", "token_endpoint": issuer + "/token"}
	case issuer + "/token":
		if err := r.ParseForm(); err != nil {
			return nil, err
		}
		s.forms = append(s.forms, r.PostForm)
		answer = map[string]any{"access_token": "jwt-" + strconv.Itoa(len(s.forms)), "token_type": "Bearer", "expires_in": 300}
		if s.answer != nil {
			w.WriteHeader(s.status)
			answer = s.answer
		}
	}
	err := json.NewEncoder(w).Encode(answer)
	return w.Result(), err
}

func (s *server) fail(status int, code string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status, s.answer = status, map[string]any{"error": code, "error_description": "no"}
	if status == 0 {
		s.answer = nil
	}
}

func (s *server) exchanges() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.forms)
}

func (s *server) source(t *testing.T, pat verifyoauth2.PAT) *verifyoauth2.TokenSource {
	t.Helper()
	source, err := verifyoauth2.New(verifyoauth2.Config{
		Issuer: issuer, Audience: "https://orders.example.com", Scope: "orders:read", PAT: pat, HTTPClient: &http.Client{Transport: s},
	})
	require.NoError(t, err)
	return source
}

func TestToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{}
		source := s.source(t, verifyoauth2.Fixed("the PAT"))
		token, err := source.Token()
		require.NoError(t, err)
		require.Equal(t, "jwt-1", token.AccessToken)
		require.Equal(t, "Bearer", token.Type())
		require.True(t, token.Expiry.Equal(time.Now().Add(300*time.Second)))
		require.Equal(t, url.Values{
			"grant_type": {"urn:ietf:params:oauth:grant-type:token-exchange"}, "subject_token": {"the PAT"},
			"subject_token_type":   {"urn:ietf:params:oauth:token-type:access_token"},
			"requested_token_type": {"urn:ietf:params:oauth:token-type:access_token"},
			"audience":             {"https://orders.example.com"}, "scope": {"orders:read"},
		}, s.forms[0])
	})
}

// TestRefreshAhead: for an hour each call gets a valid token at once, though each
// exchange takes five seconds.
func TestRefreshAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{}
		source := s.source(t, verifyoauth2.Fixed("the PAT"))
		_, err := source.Token()
		require.NoError(t, err)
		s.mu.Lock()
		s.slow = 5 * time.Second
		s.mu.Unlock()
		for range 3600 {
			begun := time.Now()
			token, err := source.Token()
			require.NoError(t, err)
			require.True(t, token.Valid())
			require.Zero(t, time.Since(begun))
			time.Sleep(time.Second)
		}
		require.InDelta(t, 3600/210, s.exchanges(), 2)
		require.Equal(t, 1, s.described)
		time.Sleep(time.Minute)
	})
}

func TestSingleFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{slow: time.Second}
		source := s.source(t, verifyoauth2.Fixed("the PAT"))
		var group sync.WaitGroup
		for range 100 {
			group.Go(func() {
				token, err := source.Token()
				require.NoError(t, err)
				require.Equal(t, "jwt-1", token.AccessToken)
			})
		}
		group.Wait()
		require.Equal(t, 1, s.exchanges())
	})
}

// TestOutage: a token at hand serves until fifteen seconds before its end, and the
// server is asked each five seconds meanwhile.
func TestOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{}
		source := s.source(t, verifyoauth2.Fixed("the PAT"))
		_, err := source.Token()
		require.NoError(t, err)
		s.fail(http.StatusServiceUnavailable, "temporarily_unavailable")
		for range 285 {
			_, err := source.Token()
			require.NoError(t, err)
			time.Sleep(time.Second)
		}
		_, err = source.Token()
		require.Error(t, err)
		require.LessOrEqual(t, s.exchanges(), 1+75/5+1)
		s.fail(0, "")
		_, err = source.Token()
		require.NoError(t, err)
	})
}

func TestRefused(t *testing.T) {
	s := &server{}
	s.fail(http.StatusBadRequest, "invalid_request")
	_, err := s.source(t, verifyoauth2.Fixed("the PAT")).Token()
	var refused *oauth2.RetrieveError
	require.ErrorAs(t, err, &refused)
	require.Equal(t, "invalid_request", refused.ErrorCode)
	require.NotContains(t, err.Error(), "the PAT")
	for _, answer := range []map[string]any{
		{"access_token": "x", "token_type": "Bearer"}, {"access_token": "x", "token_type": "DPoP", "expires_in": 300}, {"token_type": "Bearer", "expires_in": 300},
	} {
		s.status, s.answer = http.StatusOK, answer
		_, err = s.source(t, verifyoauth2.Fixed("the PAT")).Token()
		require.Error(t, err)
	}
}

// TestFromFile: a personal access token that was rotated is taken up.
func TestFromFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "pat")
	pat := verifyoauth2.FromFile(file)
	_, err := pat(t.Context())
	require.ErrorIs(t, err, os.ErrNotExist)
	for _, want := range []string{"one", "two"} {
		require.NoError(t, os.WriteFile(file, []byte(want+"\n"), 0o600))
		got, err := pat(t.Context())
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	require.NoError(t, os.WriteFile(file, make([]byte, 5000), 0o600))
	_, err = pat(t.Context())
	require.Error(t, err)
}

func TestNewRefuses(t *testing.T) {
	pat := verifyoauth2.Fixed("x")
	for _, config := range []verifyoauth2.Config{{Audience: "x", PAT: pat}, {Issuer: issuer, PAT: pat}, {Issuer: issuer, Audience: "x"}} {
		_, err := verifyoauth2.New(config)
		require.Error(t, err)
	}
	lost := errors.New("vault is sealed")
	_, err := (&server{}).source(t, func(context.Context) (string, error) { return "", lost }).Token()
	require.ErrorIs(t, err, lost)
}
