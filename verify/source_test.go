package verify_test

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/verify"
)

// The end of a bubble of synctest comes only once every goroutine of the verifiers
// has ended: each test here is one of Close, too.

func TestKeysAreRefreshedAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newIssuer(time.Now)
		s.verifier(t)
		require.Equal(t, 1, s.count(&s.fetches))
		for range 10 {
			before := s.count(&s.fetches)
			time.Sleep(15 * time.Minute)
			synctest.Wait()
			require.Contains(t, []int{before + 1, before + 2}, s.count(&s.fetches))
		}
	})
}

// TestPlannedRollover: a key that was published for the max-age of the JWKS is
// known when it begins to sign, without a question.
func TestPlannedRollover(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newIssuer(time.Now)
		v := s.verifier(t)
		s.add("ES256")
		fresh := s.mint(nil, nil)
		time.Sleep(15 * time.Minute)
		before := s.count(&s.fetches)
		_, err := v.Verify(t.Context(), s.mint(nil, nil))
		require.NoError(t, err)
		require.Equal(t, before, s.count(&s.fetches))
		_, err = v.Verify(t.Context(), fresh)
		require.ErrorIs(t, err, verify.ErrExpired)
	})
}

// TestUnknownKey: a hundred requests that name a new key wait for one fetch.
func TestUnknownKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newIssuer(time.Now)
		v := s.verifier(t)
		s.set(func() { s.slow = time.Second })
		s.add("ES256")
		token := s.mint(nil, nil)
		var group sync.WaitGroup
		for range 100 {
			group.Go(func() {
				_, err := v.Verify(t.Context(), token)
				require.NoError(t, err)
			})
		}
		group.Wait()
		require.Equal(t, 2, s.count(&s.fetches))
	})
}

// TestRolloverUnderLoad: a server that announces nothing, signs with a new key each
// time, and keeps the last three.
func TestRolloverUnderLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newIssuer(time.Now)
		v := s.verifier(t)
		var group sync.WaitGroup
		var accepted atomic.Int32
		var over atomic.Bool
		for range 8 {
			group.Go(func() {
				for !over.Load() {
					_, err := v.Verify(t.Context(), s.mint(nil, nil))
					require.NoError(t, err)
					accepted.Add(1)
					time.Sleep(time.Second)
				}
			})
		}
		for range 50 {
			time.Sleep(10 * time.Second)
			s.add("ES256")
		}
		over.Store(true)
		group.Wait()
		require.Greater(t, int(accepted.Load()), 50*8)
		require.LessOrEqual(t, s.count(&s.fetches), 53, "one for each key, and the first")
	})
}

// TestStrangersCostLittle: whatever kid tokens name, the server is asked four times
// and then once in five seconds, and good tokens pass meanwhile.
func TestStrangersCostLittle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newIssuer(time.Now)
		v := s.verifier(t)
		good := s.mint(nil, nil)
		strange := s.mint(map[string]any{"kid": "strange"}, nil)
		for range 600 {
			_, err := v.Verify(t.Context(), strange)
			require.ErrorIs(t, err, verify.ErrInvalidToken)
			_, err = v.Verify(t.Context(), good)
			require.NoError(t, err)
			time.Sleep(100 * time.Millisecond)
		}
		require.LessOrEqual(t, s.count(&s.fetches), 1+4+12)
		for _, claims := range []map[string]any{{"aud": "https://other.example.com"}, {"exp": 1}, {"iss": "x"}, {"jti": nil}} {
			time.Sleep(time.Minute)
			before := s.count(&s.fetches) // of the minute's refresh, if there was one
			_, err := v.Verify(t.Context(), s.mint(map[string]any{"kid": "strange"}, claims))
			require.ErrorIs(t, err, verify.ErrInvalidToken)
			require.Equal(t, before, s.count(&s.fetches), "what is not for this service makes nobody ask")
		}
	})
}

func TestStaleIfError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newIssuer(time.Now)
		v := s.verifier(t, verify.WithStaleIfError(time.Hour))
		check := func() error {
			_, err := v.Verify(t.Context(), s.mint(nil, nil))
			return err
		}
		s.set(func() { s.fail = http.StatusServiceUnavailable })
		time.Sleep(15*time.Minute + time.Hour)
		require.NoError(t, check())
		time.Sleep(time.Second)
		require.ErrorIs(t, check(), verify.ErrUnavailable)
		s.set(func() { s.fail = 0 })
		time.Sleep(time.Minute + time.Second) // the longest pause between two attempts
		require.NoError(t, check())
	})
}

// TestAfterSleep: a machine that slept longer than keys live asks before it refuses.
func TestAfterSleep(t *testing.T) {
	var offset atomic.Int64
	s := newIssuer(func() time.Time { return time.Now().Add(time.Duration(offset.Load())) })
	v := s.verifier(t)
	offset.Store(int64(24 * time.Hour))
	_, err := v.Verify(t.Context(), s.mint(nil, nil))
	require.NoError(t, err)
	require.Equal(t, 2, s.count(&s.fetches))
}

// TestUnknownKeyInAnOutage: nobody can tell whether a key is new or made up.
func TestUnknownKeyInAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newIssuer(time.Now)
		v := s.verifier(t)
		good := s.mint(nil, nil)
		s.add("ES256")
		fresh := s.mint(nil, nil)
		s.set(func() { s.fail = http.StatusBadGateway })
		_, err := v.Verify(t.Context(), fresh)
		require.ErrorIs(t, err, verify.ErrUnavailable)
		_, err = v.Verify(t.Context(), good)
		require.NoError(t, err)
		s.set(func() { s.fail = 0 })
		_, err = v.Verify(t.Context(), fresh)
		require.NoError(t, err)
	})
}

// TestUselessAnswersKeepTheKeys: an answer without keys, or of another issuer, is
// none.
func TestUselessAnswersKeepTheKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newIssuer(time.Now)
		v := s.verifier(t)
		good := s.mint(nil, map[string]any{"exp": time.Now().Add(time.Hour).Unix()})
		keys := s.keys
		s.set(func() { s.keys = nil })
		time.Sleep(20 * time.Minute)
		_, err := v.Verify(t.Context(), good)
		require.NoError(t, err)
		s.set(func() { s.keys, s.metadata["issuer"] = keys[:0], "https://other.example.com" })
		time.Sleep(20 * time.Minute)
		_, err = v.Verify(t.Context(), good)
		require.NoError(t, err)
	})
}

// TestARevokedKeyIsForgotten with the next refresh.
func TestARevokedKeyIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newIssuer(time.Now)
		v := s.verifier(t)
		bad := s.mint(nil, map[string]any{"exp": time.Now().Add(time.Hour).Unix()})
		s.add("ES256")
		s.set(func() { s.keys = s.keys[1:] })
		time.Sleep(15 * time.Minute)
		_, err := v.Verify(t.Context(), bad)
		require.ErrorIs(t, err, verify.ErrInvalidToken)
	})
}

func TestClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newIssuer(time.Now)
		v := s.verifier(t, verify.AcceptPAT(verify.PATOptions{}))
		good := s.mint(nil, nil)
		s.set(func() { s.slow = time.Hour })
		done := make(chan error)
		go func() {
			_, err := v.Verify(t.Context(), pat(1))
			done <- err
		}()
		synctest.Wait()
		v.Close()
		require.ErrorIs(t, <-done, verify.ErrUnavailable)
		v.Close()
		_, err := v.Verify(t.Context(), good)
		require.NoError(t, err)
		_, err = v.Verify(t.Context(), pat(2))
		require.ErrorIs(t, err, verify.ErrClosed)
		_, err = v.Verify(t.Context(), s.mint(map[string]any{"kid": "strange"}, nil))
		require.ErrorIs(t, err, verify.ErrClosed)
		_, err = v.Verify(t.Context(), "x")
		require.ErrorIs(t, err, verify.ErrInvalidToken)
	})
}

// TestImpatience: a request that ends does not wait, and takes nobody along.
func TestImpatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newIssuer(time.Now)
		v := s.verifier(t)
		s.set(func() { s.slow = 3 * time.Second })
		s.add("ES256")
		token := s.mint(nil, nil)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		begun := time.Now()
		_, err := v.Verify(ctx, token)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorIs(t, err, verify.ErrUnavailable)
		require.Equal(t, time.Second, time.Since(begun))
		_, err = v.Verify(t.Context(), token)
		require.NoError(t, err)
		require.Equal(t, 2, s.count(&s.fetches))
	})
}
