package forwardauth_test

import (
	"errors"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/forwardauth"
	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/fault"
	"github.com/cambio-sts/cambio/pat"
)

const (
	path = forwardauth.Path

	challengeBasic  = `Basic realm="cambio", charset="UTF-8"`
	challengeBearer = `Bearer realm="cambio"`
)

func TestCredentialsAccepted(t *testing.T) {
	w := newWorld(t)
	made, record := w.create()
	token := reveal(made)
	short := strings.TrimPrefix(token, "cambio_pat_"+string(record.ID)+"_")
	for name, header := range map[string][]string{
		"bearer":                     bearer(token),
		"scheme in any case":         {"Authorization", "bEARER " + token},
		"private-token":              {"private-token", token},
		"basic with the secret":      basic(string(record.ID), short),
		"basic with the whole token": basic(string(record.ID), token),
		"a cookie beside it":         {"Authorization", "Bearer " + token, "Cookie", "session=x"},
	} {
		got := w.get(path, header...)
		claims := w.claims(got, open)
		require.Equal(t, string(w.owner.ID), claims.Subject, name)
		require.Equal(t, string(record.ID), claims.PATID, name)
		require.Empty(t, got.body, name)
		require.Equal(t, "no-store", got.header.Get("Cache-Control"), name)
	}
	for _, method := range []string{http.MethodHead, http.MethodPost, http.MethodOptions, "PROPFIND"} {
		require.Equal(t, http.StatusOK, w.ask(method, path, bearer(token)...).status, method)
	}
	require.Equal(t, http.StatusTeapot, w.get(path+"s", bearer(token)...).status, "another path")
	require.Equal(t, http.StatusTeapot, w.get("/", bearer(token)...).status)
}

func TestCredentialsRefused(t *testing.T) {
	w := newWorld(t)
	made, record := w.create()
	token := reveal(made)
	jwt := w.get(path, bearer(token)...).jwt()
	wrong := reveal(w.tokens.Format().New(record.ID))
	var first *answer
	for name, header := range map[string][]string{
		"wrong secret":         bearer(wrong),
		"unknown id":           bearer(reveal(w.tokens.Format().New(pat.NewID(w.owner.ID)))),
		"wrong checksum":       bearer(token[:len(token)-1] + "-"),
		"a JWT":                {"Authorization", jwt},
		"malformed bearer":     bearer("a b"),
		"empty bearer":         bearer(""),
		"basic wrong secret":   basic(string(record.ID), wrong),
		"basic another id":     basic(string(pat.NewID(w.owner.ID)), token),
		"basic no base64":      {"Authorization", "Basic %%%"},
		"private-token no PAT": {"private-token", "x"},
		"private-token empty":  {"private-token", ""},
	} {
		got := w.get(path, header...)
		require.Equal(t, http.StatusUnauthorized, got.status, name)
		require.Empty(t, got.body, name)
		got.header.Del("Date")
		if first == nil {
			first = got
		}
		require.Equal(t, first.header, got.header, "the same whatever the cause: %s", name)
		require.Equal(t, audit.TokenUseFailed, w.audit.last().Name, name)
	}
	require.Equal(t, []string{challengeBasic, challengeBearer + `, error="invalid_token"`}, first.header.Values("WWW-Authenticate"))
	require.NotContains(t, first.header, http.CanonicalHeaderKey(forwardauth.HeaderCause))
}

func TestNotOneCredential(t *testing.T) {
	w := newWorld(t)
	made, _ := w.create()
	token := reveal(made)
	for name, header := range map[string][]string{
		"none": {}, "a cookie": {"Cookie", "session=" + token}, "another scheme": {"Authorization", "Digest " + token},
	} {
		got := w.get(path, header...)
		require.Equal(t, http.StatusUnauthorized, got.status, name)
		require.Equal(t, []string{challengeBasic, challengeBearer}, got.header.Values("WWW-Authenticate"), name)
	}
	for name, header := range map[string][]string{
		"twice":               {"Authorization", "Bearer " + token, "Authorization", "Bearer " + token},
		"in two places":       {"Authorization", "Bearer " + token, "private-token", token},
		"private-token twice": {"private-token", token, "private-token", token},
	} {
		got := w.get(path, header...)
		require.Equal(t, http.StatusUnauthorized, got.status, name)
		require.Equal(t, []string{challengeBasic, challengeBearer + `, error="invalid_request"`}, got.header.Values("WWW-Authenticate"), name)
	}
	for _, query := range []string{"access_token=x", "audience=" + token, "client_secret=x"} {
		got := w.get(path+"?"+query, bearer(token)...)
		require.Equal(t, http.StatusUnauthorized, got.status, query)
		require.Equal(t, "secret_in_uri", w.audit.last().Reason)
	}
}

func TestIdentityHeaders(t *testing.T) {
	w := newWorld(t)
	made, record := w.create(func(d *pat.Draft) { d.Scope = []string{pat.ScopeAll, pat.ScopeOpenID, pat.ScopeProfile} })
	said := append(bearer(reveal(made)), forwardauth.HeaderUser, "mallory", forwardauth.HeaderEmail, "mallory@example.com")
	got := w.get(path+"?scope=openid", said...)
	require.Equal(t, http.StatusOK, got.status)
	require.Equal(t, []string{string(w.owner.ID)}, got.header.Values(forwardauth.HeaderUser))
	require.Equal(t, []string{string(record.ID)}, got.header.Values(forwardauth.HeaderPAT))
	require.Equal(t, []string{""}, got.header.Values(forwardauth.HeaderEmail), "there, so that what the client sent is overwritten")
	require.Equal(t, []string{""}, got.header.Values(forwardauth.HeaderUsername))
	got = w.get(path+"?scope=openid+profile", said...)
	require.Equal(t, []string{"alice@example.com"}, got.header.Values(forwardauth.HeaderEmail))
	require.Equal(t, []string{"alice"}, got.header.Values(forwardauth.HeaderUsername))
}

func TestQuery(t *testing.T) {
	w := newWorld(t)
	made, _ := w.create()
	token := bearer(reveal(made))
	claims := w.claims(w.get(path+"?audience=https%3A%2F%2Forders.example.com", token...), orders)
	require.Equal(t, "orders:read", claims.Scope, "what the owner is granted there")
	claims = w.claims(w.get(path+"?scope=shop:cart:read", token...), open)
	require.Equal(t, "shop:cart:read", claims.Scope)
	for _, query := range []string{"audience=", "scope=", "aud=" + open, "scope=a&scope=b", "audience=" + open + "&x", "%zz"} {
		require.Equal(t, http.StatusBadRequest, w.get(path+"?"+query, token...).status, "a slip must not let in with more: %s", query)
	}
	for query, cause := range map[string]string{
		"audience=https://nowhere.example.com":       "unknown or not permitted audience or resource",
		"audience=" + orders + "&scope=orders:write": "none of the scopes is granted to the owner at this audience",
	} {
		got := w.get(path+"?"+query, token...)
		require.Equal(t, http.StatusForbidden, got.status, query)
		require.Equal(t, cause, got.header.Get(forwardauth.HeaderCause))
		require.Empty(t, got.body)
		require.Empty(t, got.jwt())
		unproved := w.get(path+"?"+query, bearer("x")...)
		require.Equal(t, http.StatusUnauthorized, unproved.status, query)
		require.Empty(t, unproved.header.Get(forwardauth.HeaderCause), "only whoever proved a secret is told")
	}
}

// Each token is served once, so that its JWT is kept; then one thing changes, and it is
// refused from then on.
func TestNeverAfterAnEnd(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(w *world, record *pat.Record)
		cause  string
	}{
		"revoked": {func(w *world, record *pat.Record) {
			_, _, err := w.tokens.Revoke(w.Context(), record, pat.End{}, pat.Actor{Identity: w.owner.ID})
			require.NoError(w, err)
		}, "the token was revoked on 2026-11-22T12:00:00.123Z"},
		"owner disabled": {func(w *world, _ *pat.Record) {
			w.owner.Enabled = false
			require.NoError(w, w.people.ReplaceIdentity(w.Context(), w.owner, directory.Actor{}))
		}, "its owner is disabled"},
		"role lost": {func(w *world, _ *pat.Record) {
			require.NoError(w, w.people.Unassign(w.Context(), w.owner.Organization, directory.AccessAsNonInteractiveUser, w.owner.ID, directory.Actor{}))
		}, "its owner does not hold the role AccessAsNonInteractiveUser"},
		"another network": {func(w *world, record *pat.Record) {
			w.update(record, &pat.Change{Networks: &[]netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}})
		}, "not allowed from this network"},
		"expired": {func(w *world, record *pat.Record) {
			end := w.clock.now().Add(time.Second)
			w.update(record, &pat.Change{Expiration: &end})
			w.clock.advance(time.Second)
		}, "the token expired on 2026-11-22T12:00:01.123Z and is now auto-revoked"},
		"scope taken away": {func(w *world, record *pat.Record) {
			w.update(record, &pat.Change{Scope: &[]string{"orders:read"}})
		}, "the token does not hold every requested scope"},
		"audience taken away": {func(w *world, record *pat.Record) {
			w.update(record, &pat.Change{Audience: &[]string{orders}})
		}, "unknown or not permitted audience or resource"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			made, record := w.create()
			ask := func() *answer { return w.get(path+"?scope=shop:cart:read", bearer(reveal(made))...) }
			first := ask()
			require.Equal(t, http.StatusOK, first.status)
			require.Equal(t, first.jwt(), ask().jwt(), "it is kept")
			c.change(w, &record)
			got := ask()
			require.Equal(t, http.StatusForbidden, got.status)
			require.Equal(t, c.cause, got.header.Get(forwardauth.HeaderCause))
			require.Equal(t, w.audit.last().DenialID, got.header.Get(forwardauth.HeaderDenial))
			require.Empty(t, got.jwt())
			require.Empty(t, got.header.Get(forwardauth.HeaderUser))
			require.Empty(t, got.body)
		})
	}
}

func (w *world) update(record *pat.Record, change *pat.Change) {
	w.Helper()
	policy := directory.DefaultPolicy()
	_, err := w.tokens.Update(w.Context(), record.ID, change, &policy, pat.Actor{Identity: w.owner.ID})
	require.NoError(w, err)
}

// A rotation without grace ends the JWTs of the old secret, and the new one gets none of them.
func TestAnotherGeneration(t *testing.T) {
	w := newWorld(t)
	made, record := w.create()
	old := w.claims(w.get(path, bearer(reveal(made))...), open)
	policy := directory.DefaultPolicy()
	renewed, _, err := w.tokens.Rotate(t.Context(), record.ID, pat.Rotation{}, &policy, pat.Actor{Identity: w.owner.ID})
	require.NoError(t, err)
	require.Equal(t, http.StatusUnauthorized, w.get(path, bearer(reveal(made))...).status, "the old secret proves nothing")
	fresh := w.claims(w.get(path, bearer(reveal(renewed))...), open)
	require.Equal(t, old.PATGeneration+1, fresh.PATGeneration)
	require.NotEqual(t, old.ID, fresh.ID)
}

func TestTheNetworkIsTheClients(t *testing.T) {
	w := newWorld(t)
	made, _ := w.create(func(d *pat.Draft) { d.Networks = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")} })
	require.Equal(t, http.StatusOK, w.get(path, append(bearer(reveal(made)), "X-Forwarded-For", "192.0.2.7")...).status)
	require.Equal(t, "192.0.2.7", w.audit.last().IP)
	require.Equal(t, http.StatusForbidden, w.get(path, append(bearer(reveal(made)), "X-Forwarded-For", "198.51.100.7")...).status)
}

func TestTrouble(t *testing.T) {
	w := newWorld(t)
	made, _ := w.create()
	require.Equal(t, http.StatusOK, w.get(path, bearer(reveal(made))...).status)
	w.uses.err = errors.Join(errors.New("connection refused"), fault.ErrUnavailable)
	got := w.get(path, bearer(reveal(made))...)
	require.Equal(t, http.StatusServiceUnavailable, got.status, "whatever is kept")
	require.Equal(t, "1", got.header.Get("Retry-After"))
	require.Empty(t, got.body)
	w.uses.err = errors.New("nobody knows it")
	got = w.get(path, bearer(reveal(made))...)
	require.Equal(t, http.StatusInternalServerError, got.status)
	require.Empty(t, got.body)
}

func TestThrottled(t *testing.T) {
	w := newWorld(t)
	made, record := w.create()
	wrong := bearer(reveal(w.tokens.Format().New(record.ID)))
	for range 20 {
		require.Equal(t, http.StatusUnauthorized, w.get(path, wrong...).status)
	}
	got := w.get(path, wrong...)
	require.Equal(t, http.StatusTooManyRequests, got.status)
	require.Equal(t, "3", got.header.Get("Retry-After"))
	require.Equal(t, http.StatusOK, w.get(path, bearer(reveal(made))...).status, "a right secret is never locked out")
}

// No request that begins after a revocation was answered is let in, whatever runs beside it.
func TestRevokedWhileInUse(t *testing.T) {
	w := newWorld(t)
	made, record := w.create()
	var revoked atomic.Bool
	var served, late atomic.Int64
	var work sync.WaitGroup
	stop := make(chan struct{})
	for range 8 {
		work.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				after := revoked.Load()
				if got := w.get(path, bearer(reveal(made))...); got.status == http.StatusOK {
					served.Add(1)
					if after {
						late.Add(1)
					}
				} else if after {
					return
				}
			}
		})
	}
	for served.Load() < 200 {
		require.Equal(t, http.StatusOK, w.get(path, bearer(reveal(made))...).status)
	}
	_, _, err := w.tokens.Revoke(t.Context(), &record, pat.End{}, pat.Actor{Identity: w.owner.ID})
	require.NoError(t, err)
	revoked.Store(true)
	require.Equal(t, http.StatusForbidden, w.get(path, bearer(reveal(made))...).status)
	close(stop)
	work.Wait()
	require.Zero(t, late.Load())
}

func TestNewNeedsAll(t *testing.T) {
	w := newWorld(t)
	for name, change := range map[string]func(*forwardauth.Config){
		"exchanger": func(c *forwardauth.Config) { c.Exchanger = nil },
		"trusted":   func(c *forwardauth.Config) { c.Trusted = nil },
		"now":       func(c *forwardauth.Config) { c.Now = nil },
		"logger":    func(c *forwardauth.Config) { c.Logger = nil },
		"audience":  func(c *forwardauth.Config) { c.Routes = []forwardauth.Route{{Path: "/"}} },
		"path":      func(c *forwardauth.Config) { c.Routes = []forwardauth.Route{{Path: "/a/../b", Audience: open}} },
		"host":      func(c *forwardauth.Config) { c.Routes = []forwardauth.Route{{Host: "a:1", Path: "/", Audience: open}} },
	} {
		config := forwardauth.Config{Exchanger: w.exchanger, Trusted: netip.Addr.IsLoopback, Now: time.Now, Logger: zap.NewNop()}
		_, err := forwardauth.New(config)
		require.NoError(t, err)
		change(&config)
		_, err = forwardauth.New(config)
		require.Error(t, err, name)
	}
}
