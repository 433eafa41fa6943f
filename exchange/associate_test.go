package exchange_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/credentials"
	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/exchange"
	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/fault"
	"github.com/cambio-sts/cambio/internal/id"
	"github.com/cambio-sts/cambio/internal/secret"
	"github.com/cambio-sts/cambio/keys"
	"github.com/cambio-sts/cambio/pat"
)

// counter gives members out, and remembers what it was asked.
type counter struct {
	none     bool
	err      error
	requests []*credentials.Request
}

func (c *counter) Offers(*credentials.Claims) bool { return !c.none }

func (c *counter) Issue(_ context.Context, r *credentials.Request) (*credentials.Set, error) {
	c.requests = append(c.requests, r)
	if c.err != nil {
		return nil, c.err
	}
	return &credentials.Set{Members: []credentials.Member{{Name: "db_password", Value: secret.New("canary")}}, Expiry: r.Expiry}, nil
}

func withCredentials(scope string) func(*exchange.Request) {
	return func(r *exchange.Request) { r.Scope, r.Credentials = scope, true }
}

func holdsCredentials(d *pat.Draft) { d.Scope = []string{pat.ScopeAll, pat.ScopeCredentials} }

// The scope credentials gives some where it is asked for by name, and nowhere else.
func TestCredentials(t *testing.T) {
	w := newWorld(t)
	desk := &counter{}
	w.exchanger.Credentials = desk
	token, record := w.create(&w.owner, holdsCredentials)
	plain, _ := w.create(&w.owner)

	issued, err := w.exchange(token, withCredentials("credentials"))
	require.NoError(t, err)
	require.Equal(t, "credentials", issued.Scope)
	require.Len(t, issued.Credentials, 1)
	require.NotContains(t, payload(t, issued.AccessToken), "db_password")
	r := desk.requests[0]
	require.Equal(t, credentials.Holder{PAT: string(record.ID), Generation: record.Generation}, r.Holder)
	require.Equal(t, issued.Claims.Expiry, r.Expiry)
	require.Equal(t, &credentials.Claims{
		Subject: string(w.owner.ID), Owner: string(w.owner.ID), Username: w.owner.Username, Organization: string(w.owner.Organization),
		ExternalID: "ext-alice", OrganizationName: "acme", PAT: string(record.ID), Level: "personal", Groups: []string{"order-clerks", "staff"}, Roles: []string{"AccessAsNonInteractiveUser"},
	}, r.Claims)

	issued, err = w.exchange(token, withCredentials("orders:read credentials"))
	require.NoError(t, err)
	require.Equal(t, "orders:read credentials", issued.Scope)
	require.Len(t, desk.requests, 2)

	for name, tc := range map[string]struct {
		token  pat.Token
		change func(*exchange.Request)
		none   bool
		fails  bool
	}{
		"no scope is asked for":              {token: token, change: withCredentials("")},
		"another is asked for":               {token: token, change: withCredentials("orders:read")},
		"the door has no place for them":     {token: token, change: func(r *exchange.Request) { r.Scope = "orders:read credentials" }},
		"and there is nothing else":          {token: token, change: func(r *exchange.Request) { r.Scope = "credentials" }, fails: true},
		"there are none for the owner":       {token: token, change: withCredentials("orders:read credentials"), none: true},
		"the token does not hold it":         {token: plain, change: withCredentials("credentials"), fails: true},
		"the token does not hold it, beside": {token: plain, change: withCredentials("orders:read credentials"), fails: true},
	} {
		t.Run(name, func(t *testing.T) {
			before := len(desk.requests)
			desk.none = tc.none
			issued, err := w.exchange(tc.token, tc.change)
			require.Len(t, desk.requests, before)
			if tc.fails {
				var wrong *exchange.ScopeError
				require.ErrorAs(t, err, &wrong)
				return
			}
			require.NoError(t, err)
			require.Empty(t, issued.Credentials)
			require.NotContains(t, issued.Scope, "credentials")
		})
	}
}

// What tells a provider who the owner is serves nowhere else.
func TestAssertion(t *testing.T) {
	w := newWorld(t)
	desk := &counter{}
	w.exchanger.Credentials = desk
	token, record := w.create(&w.owner, holdsCredentials)
	issued, err := w.exchange(token, withCredentials("orders:read credentials"))
	require.NoError(t, err)
	minted, err := desk.requests[0].Mint(credentials.Assertion{Audience: "https://s3.example.com", Claims: map[string]string{"policy": "readers"}})
	require.NoError(t, err)
	claims := payload(t, minted.Reveal())
	require.Equal(t, map[string]any{
		"iss": issuer, "sub": string(w.owner.ID), "aud": "https://s3.example.com", "azp": "https://s3.example.com", "client_id": string(record.ID),
		"iat": claims["iat"], "exp": float64(issued.Claims.Expiry.Unix()), "jti": claims["jti"], "pat_id": string(record.ID), "pat_gen": float64(record.Generation),
		"pat_level": "personal", "org": string(w.owner.Organization), "policy": "readers",
	}, claims)
	require.NotEqual(t, issued.JTI, claims["jti"])
	_, err = desk.requests[0].Mint(credentials.Assertion{Audience: "https://s3.example.com", Claims: map[string]string{"scope": "openid"}})
	require.ErrorIs(t, err, keys.ErrClaims)
	_, err = desk.requests[0].Mint(credentials.Assertion{Audience: "https://s3.example.com", Alg: "RS512"})
	require.Error(t, err)
}

// Where a provider fails there is no JWT either, and no use.
func TestCredentialsFail(t *testing.T) {
	w := newWorld(t)
	desk := &counter{err: errors.Join(errors.New("is down"), fault.ErrUnavailable)}
	w.exchanger.Credentials = desk
	token, record := w.create(&w.owner, holdsCredentials)
	issued, err := w.exchange(token, withCredentials("orders:read credentials"))
	require.ErrorIs(t, err, fault.ErrUnavailable)
	require.Nil(t, issued)
	require.NotEqual(t, audit.TokenUsed, w.audit.last().Name)
	after, err := w.tokens.Find(t.Context(), record.ID)
	require.NoError(t, err)
	require.True(t, after.LastUsed.IsZero())

	desk.err = &credentials.ClaimError{Claim: "username", Problem: "has no value"}
	_, err = w.exchange(token, withCredentials("credentials"))
	requireDenial(t, err, exchange.CauseCredentials, "claim username has no value")
	require.Equal(t, "credentials", w.audit.last().Reason)
}

// Credentials may live as long as their token could be exchanged for new ones.
func TestCredentialsAlive(t *testing.T) {
	for name, tc := range map[string]struct {
		end   func(w *world, record *pat.Record)
		alive bool
	}{
		"nothing happens": {func(*world, *pat.Record) {}, true},
		"it is revoked": {func(w *world, r *pat.Record) {
			_, _, err := w.tokens.Revoke(w.Context(), r, pat.End{}, pat.Actor{})
			require.NoError(w, err)
		}, false},
		"it has expired": {func(w *world, _ *pat.Record) { w.clock.advance(91 * 24 * time.Hour) }, false},
		"another one":    {func(_ *world, r *pat.Record) { r.ID = pat.ID(string(r.ID)[:2] + id.New()[2:]) }, false},
		"another life":   {func(_ *world, r *pat.Record) { r.Generation++ }, false},
		"the role is lost": {func(w *world, r *pat.Record) {
			bob, err := w.directory.CreateIdentity(w.Context(), directory.Identity{
				Organization: w.owner.Organization, Type: directory.User, Username: "bob", DisplayName: "Bob", Enabled: true,
			}, directory.Actor{})
			require.NoError(w, err)
			_, *r = w.create(&bob, holdsCredentials)
		}, false},
		"it has no scope":   {func(w *world, r *pat.Record) { _, *r = w.create(&w.owner) }, false},
		"the store is down": {func(w *world, _ *pat.Record) { require.NoError(w, w.db.Close()) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			_, record := w.create(&w.owner, holdsCredentials, func(d *pat.Draft) { d.Expiration = pat.Milliseconds(w.clock.now().Add(90 * 24 * time.Hour)) })
			tc.end(w, &record)
			alive, err := w.exchanger.CredentialsAlive(t.Context(), credentials.Holder{PAT: string(record.ID), Generation: record.Generation})
			if name == "the store is down" {
				require.ErrorIs(t, err, fault.ErrUnavailable)
				return
			}
			require.NoError(t, err)
			require.Equal(t, tc.alive, alive)
		})
	}
}
