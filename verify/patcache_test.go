package verify_test

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/directory"
	cambiopat "github.com/cambio-sts/cambio/pat"
	"github.com/cambio-sts/cambio/verify"
)

// pat returns the n-th personal access token.
func pat(n int) string {
	body := fmt.Sprintf("cambio_pat_%032x_%043d", n, n)
	const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	sum := crc32.ChecksumIEEE([]byte(body))
	tail := ""
	for range 6 {
		tail = string(digits[sum%62]) + tail
		sum /= 62
	}
	return body + tail
}

func refuses(code string) func(map[string][]string) (int, map[string]any) {
	return func(map[string][]string) (int, map[string]any) {
		return http.StatusBadRequest, map[string]any{"error": code, "error_description": "no"}
	}
}

func TestPATIsExchanged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newIssuer(time.Now)
		v := s.verifier(t, verify.AcceptPAT(verify.PATOptions{Scope: "orders:read"}))
		claims, err := v.Verify(t.Context(), pat(1))
		require.NoError(t, err)
		require.Equal(t, "alice", claims.Subject)
		require.Equal(t, map[string][]string{
			"grant_type": {"urn:ietf:params:oauth:grant-type:token-exchange"}, "subject_token": {pat(1)},
			"subject_token_type":   {"urn:ietf:params:oauth:token-type:access_token"},
			"requested_token_type": {"urn:ietf:params:oauth:token-type:access_token"},
			"audience":             {testAudience}, "scope": {"orders:read"},
		}, s.forms[0])
		for range 209 { // 70 % of 300 s
			time.Sleep(time.Second)
			_, err := v.Verify(t.Context(), pat(1))
			require.NoError(t, err)
		}
		require.Equal(t, 1, s.count(&s.exchanges))
		time.Sleep(time.Second)
		_, err = v.Verify(t.Context(), pat(1))
		require.NoError(t, err)
		require.Equal(t, 2, s.count(&s.exchanges))
	})
}

func TestPATIsNoJWTElsewhere(t *testing.T) {
	s := newIssuer(time.Now)
	_, err := s.verifier(t).Verify(t.Context(), pat(1))
	require.ErrorIs(t, err, verify.ErrInvalidToken)
	v := s.verifier(t, verify.AcceptPAT(verify.PATOptions{Prefixes: []string{"acme", "acme_ci"}}))
	_, err = v.Verify(t.Context(), pat(1))
	require.ErrorIs(t, err, verify.ErrInvalidToken)
	require.Zero(t, s.count(&s.exchanges))
}

func TestMalformedPATIsNotExchanged(t *testing.T) {
	s := newIssuer(time.Now)
	v := s.verifier(t, verify.AcceptPAT(verify.PATOptions{}))
	good := pat(1)
	for _, bad := range []string{good + "0", good[:len(good)-1], good[:len(good)-1] + "!", strings.ToUpper(good), good + " ", "cambio_pat_", strings.Replace(good, "000", "001", 1)} {
		_, err := v.Verify(t.Context(), bad)
		require.ErrorIs(t, err, verify.ErrInvalidToken, bad)
	}
	require.Zero(t, s.count(&s.exchanges))
}

// TestPATFormat: what the server makes is what the SDK takes.
func TestPATFormat(t *testing.T) {
	s := newIssuer(time.Now)
	v := s.verifier(t, verify.AcceptPAT(verify.PATOptions{Prefixes: []string{"cambio_pat", "acme"}}))
	for _, prefix := range []string{"cambio_pat", "acme"} {
		format, err := cambiopat.NewFormat(prefix)
		require.NoError(t, err)
		for range 50 {
			token := format.New(cambiopat.NewID(directory.ID(strings.Repeat("ab", 16)))).Reveal().Reveal()
			_, err := v.Verify(t.Context(), token)
			require.NoError(t, err)
		}
	}
}

func TestPATSingleFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newIssuer(time.Now)
		v := s.verifier(t, verify.AcceptPAT(verify.PATOptions{}))
		s.set(func() { s.slow = time.Second })
		impatient, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		_, err := v.Verify(impatient, pat(1))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		var group sync.WaitGroup
		for range 100 {
			group.Go(func() {
				_, err := v.Verify(t.Context(), pat(1))
				require.NoError(t, err)
			})
		}
		group.Wait()
		require.Equal(t, 1, s.count(&s.exchanges))
	})
}

func TestPATRefusals(t *testing.T) {
	for code, want := range map[string]error{
		"invalid_request": verify.ErrInvalidToken, "invalid_grant": verify.ErrInvalidToken, "invalid_target": verify.ErrInvalidToken,
		"invalid_scope": verify.ErrInsufficientScope, "unsupported_grant_type": verify.ErrUnavailable, "": verify.ErrUnavailable,
	} {
		synctest.Test(t, func(t *testing.T) {
			s := newIssuer(time.Now)
			v := s.verifier(t, verify.AcceptPAT(verify.PATOptions{}))
			good := s.exchange
			s.set(func() { s.exchange = refuses(code) })
			for range 3 {
				_, err := v.Verify(t.Context(), pat(1))
				require.ErrorIs(t, err, want, code)
				require.NotContains(t, err.Error(), pat(1)[20:])
			}
			require.Equal(t, 1, s.count(&s.exchanges), "it is remembered")
			s.set(func() { s.exchange = good })
			_, err := v.Verify(t.Context(), pat(2))
			require.NoError(t, err, "for that token")
			time.Sleep(time.Second)
			_, err = v.Verify(t.Context(), pat(1))
			require.NoError(t, err, "for a second")
		})
	}
}

// TestPATOutage: trouble is told apart from a refusal, and a JWT at hand serves
// until its exp.
func TestPATOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newIssuer(time.Now)
		v := s.verifier(t, verify.AcceptPAT(verify.PATOptions{}), verify.WithLeeway(0))
		_, err := v.Verify(t.Context(), pat(1))
		require.NoError(t, err)
		for _, status := range []int{http.StatusServiceUnavailable, http.StatusTooManyRequests, http.StatusFound, http.StatusOK} {
			s.set(func() {
				s.exchange = func(map[string][]string) (int, map[string]any) {
					return status, map[string]any{"error": "invalid_request"}
				}
			})
			_, err = v.Verify(t.Context(), pat(status))
			require.ErrorIs(t, err, verify.ErrUnavailable, status)
		}
		for range 299 {
			_, err = v.Verify(t.Context(), pat(1))
			require.NoError(t, err)
			time.Sleep(time.Second)
		}
		time.Sleep(time.Second)
		_, err = v.Verify(t.Context(), pat(1))
		require.ErrorIs(t, err, verify.ErrUnavailable)
	})
}

// TestPATRefusedAfterAll: a refusal ends what is remembered.
func TestPATRefusedAfterAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newIssuer(time.Now)
		v := s.verifier(t, verify.AcceptPAT(verify.PATOptions{}))
		_, err := v.Verify(t.Context(), pat(1))
		require.NoError(t, err)
		s.set(func() { s.exchange = refuses("invalid_request") })
		time.Sleep(210 * time.Second)
		_, err = v.Verify(t.Context(), pat(1))
		require.ErrorIs(t, err, verify.ErrInvalidToken)
		s.set(func() { s.fail = http.StatusServiceUnavailable })
		time.Sleep(time.Second)
		_, err = v.Verify(t.Context(), pat(1))
		require.ErrorIs(t, err, verify.ErrUnavailable)
	})
}

// TestPATForAnotherService: what the exchange gives is checked like any JWT.
func TestPATForAnotherService(t *testing.T) {
	s := newIssuer(time.Now)
	v := s.verifier(t, verify.AcceptPAT(verify.PATOptions{}))
	s.exchange = func(map[string][]string) (int, map[string]any) {
		return http.StatusOK, map[string]any{"access_token": s.mint(nil, map[string]any{"aud": "https://other.example.com"}), "token_type": "Bearer"}
	}
	_, err := v.Verify(t.Context(), pat(1))
	require.ErrorIs(t, err, verify.ErrUnavailable)
	require.NotErrorIs(t, err, verify.ErrInvalidToken)
}

func TestPATsAreBounded(t *testing.T) {
	s := newIssuer(time.Now)
	v := s.verifier(t, verify.AcceptPAT(verify.PATOptions{MaxEntries: 10}))
	see := func(n int) int {
		before := s.count(&s.exchanges)
		_, err := v.Verify(t.Context(), pat(n))
		require.NoError(t, err)
		return s.count(&s.exchanges) - before
	}
	for n := range 10 {
		require.Equal(t, 1, see(n))
	}
	require.Zero(t, see(0))
	require.Equal(t, 1, see(10))
	require.Zero(t, see(0), "it was used last")
	require.Equal(t, 1, see(1), "it was used first")
}

// TestMemoryOfPATs: one takes no more than PATOptions says.
func TestMemoryOfPATs(t *testing.T) {
	s := newIssuer(time.Now)
	s.add("EdDSA") // is fast
	v := s.verifier(t, verify.AcceptPAT(verify.PATOptions{}))
	heap := func() uint64 {
		var stats runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&stats)
		return stats.HeapAlloc
	}
	before := heap()
	const count = 2000
	for n := range count {
		_, err := v.Verify(t.Context(), pat(n))
		require.NoError(t, err)
	}
	s.forms = nil // what the test itself remembers
	used := heap() - before
	require.Less(t, used/count, uint64(2<<10))
	runtime.KeepAlive(v)
}

// TestPATOfARevokedKey: a signing key that is withdrawn takes what it signed along.
func TestPATOfARevokedKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newIssuer(time.Now)
		v := s.verifier(t, verify.AcceptPAT(verify.PATOptions{}))
		s.set(func() {
			s.exchange = func(map[string][]string) (int, map[string]any) {
				return http.StatusOK, map[string]any{"access_token": s.mint(nil, map[string]any{"exp": time.Now().Add(time.Hour).Unix()}), "token_type": "bearer"}
			}
		})
		_, err := v.Verify(t.Context(), pat(1))
		require.NoError(t, err)
		s.add("ES256")
		s.set(func() { s.keys = s.keys[1:] })
		time.Sleep(15 * time.Minute)
		_, err = v.Verify(t.Context(), pat(1))
		require.NoError(t, err)
		require.Equal(t, 2, s.count(&s.exchanges))
	})
}

// revocations is a source of them in memory.
type revocations struct {
	mu      sync.Mutex
	revoked map[int64]bool // by generation
	err     error
}

func (r *revocations) Revoked(_ context.Context, claims *verify.Claims) (bool, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.revoked[claims.PATGeneration], r.err
}

func TestRevocations(t *testing.T) {
	s := newIssuer(time.Now)
	known := &revocations{revoked: map[int64]bool{}}
	v := s.verifier(t, verify.WithRevocations(known), verify.AcceptPAT(verify.PATOptions{}))
	token := s.mint(nil, nil)
	both := func(want error) {
		t.Helper()
		for _, token := range []string{token, pat(1)} {
			_, err := v.Verify(t.Context(), token)
			require.ErrorIs(t, err, want)
		}
	}
	both(nil)
	known.err = errors.New("behind")
	both(verify.ErrUnavailable)
	known.err = nil
	known.revoked[3] = true
	both(verify.ErrRevoked)
	require.Equal(t, 2, s.count(&s.exchanges), "the server is asked once more: the token may have been enabled again")
	s.set(func() {
		s.exchange = func(map[string][]string) (int, map[string]any) {
			return http.StatusOK, map[string]any{"access_token": s.mint(nil, map[string]any{"pat_gen": 4}), "token_type": "Bearer"}
		}
	})
	_, err := v.Verify(t.Context(), pat(2))
	require.NoError(t, err)
}
