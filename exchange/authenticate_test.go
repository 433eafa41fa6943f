package exchange_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/exchange"
	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/fault"
	"github.com/cambio-sts/cambio/internal/secret"
	"github.com/cambio-sts/cambio/keys"
	"github.com/cambio-sts/cambio/pat"
)

const management = issuer + "/api/v1"

func TestAuthenticate(t *testing.T) {
	w := newWorld(t)
	token, record := w.create(&w.owner, func(d *pat.Draft) { d.Scope = []string{"idn:my-personal-access-tokens:read"} })
	principal, err := w.exchanger.Authenticate(t.Context(), whole(token), management, origin)
	require.NoError(t, err)
	require.Equal(t, w.owner.ID, principal.Identity.ID)
	require.Equal(t, record.ID, principal.Token.ID)
	require.Nil(t, principal.JWT)
	require.True(t, principal.May(directory.ReadMyTokens))
	require.False(t, principal.May(directory.ManageMyTokens), "the owner may, but not by this token")
	require.False(t, principal.May(directory.ReadAllTokens))
	require.Equal(t, audit.TokenUsed, w.audit.last().Name)
	stored, err := w.tokens.Find(t.Context(), record.ID)
	require.NoError(t, err)
	require.True(t, w.clock.now().Equal(stored.LastSeen))
	require.True(t, stored.LastUsed.IsZero(), "no JWT was minted")

	_, err = w.exchanger.Authenticate(t.Context(), exchange.TokenCredential(secret.New("x")), management, origin)
	require.Equal(t, exchange.ErrUnproved, err)
	bound, _ := w.create(&w.owner, func(d *pat.Draft) { d.Audience = []string{api} })
	_, err = w.exchanger.Authenticate(t.Context(), whole(bound), management, origin)
	requireDenial(t, err, exchange.CauseAudience, "the token is not meant for this service")
	w.audit.err = audit.ErrFull
	_, err = w.exchanger.Authenticate(t.Context(), whole(token), management, origin)
	require.NoError(t, err, "a blocked trail must not keep anybody from revoking")
}

func TestAuthenticateJWT(t *testing.T) {
	w := newWorld(t)
	token, record := w.create(&w.owner)
	issued, err := w.exchange(token, func(r *exchange.Request) {
		r.Audience, r.Scope = []string{management}, "idn:my-personal-access-tokens:read"
	})
	require.NoError(t, err)
	authenticate := func() (*exchange.Principal, error) {
		return w.exchanger.AuthenticateJWT(t.Context(), issued.AccessToken, []string{management}, origin)
	}
	principal, err := authenticate()
	require.NoError(t, err)
	require.NotNil(t, principal.JWT)
	require.True(t, principal.May(directory.ReadMyTokens))
	require.False(t, principal.May(directory.ManageMyTokens), "the PAT covers it, the JWT does not")

	downstream, err := w.exchange(token)
	require.NoError(t, err)
	_, err = w.exchanger.AuthenticateJWT(t.Context(), downstream.AccessToken, []string{management}, origin)
	require.ErrorIs(t, err, keys.ErrInvalid, "meant for another audience")
	_, err = w.exchanger.AuthenticateJWT(t.Context(), downstream.AccessToken, nil, origin)
	require.NoError(t, err, "any audience")
	require.Equal(t, "access_token", w.audit.last().Reason)
	require.Equal(t, downstream.JTI, w.audit.last().JTI)
	_, err = w.exchanger.AuthenticateJWT(t.Context(), "x.y.z", nil, origin)
	require.ErrorIs(t, err, keys.ErrInvalid)
	require.Equal(t, "access_token_invalid", w.audit.last().Reason)
	w.throttle.limited = true
	recorded := len(w.audit.events)
	_, err = w.exchanger.AuthenticateJWT(t.Context(), "x.y.z", nil, origin)
	require.ErrorIs(t, err, keys.ErrInvalid)
	require.Len(t, w.audit.events, recorded, "a flood does not fill the trail")
	w.throttle.limited = false
	w.audit.err = audit.ErrFull
	_, err = authenticate()
	require.NoError(t, err)
	w.audit.err = nil

	w.signer.err = keys.ErrNotOpened
	_, err = authenticate()
	require.ErrorIs(t, err, fault.ErrUnavailable)
	w.signer.err = nil

	_, err = w.tokens.Update(t.Context(), record.ID, &pat.Change{Networks: &[]netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")}}, policyOf(), pat.Actor{})
	require.NoError(t, err)
	_, err = authenticate()
	requireDenial(t, err, exchange.CauseNetwork, "not allowed from this network")
	_, err = w.tokens.Update(t.Context(), record.ID, &pat.Change{Networks: &[]netip.Prefix{}}, policyOf(), pat.Actor{})
	require.NoError(t, err)

	require.NoError(t, w.directory.Unassign(t.Context(), w.owner.Organization, directory.AccessAsNonInteractiveUser, w.owner.ID, directory.Actor{}))
	_, err = authenticate()
	requireDenial(t, err, exchange.CauseRole, "its owner does not hold the role AccessAsNonInteractiveUser")
	w.assign(w.owner.ID, w.owner.Organization, directory.AccessAsNonInteractiveUser)

	_, _, err = w.tokens.Revoke(t.Context(), &record, pat.End{}, pat.Actor{})
	require.NoError(t, err)
	_, err = authenticate()
	requireDenial(t, err, pat.CauseRevoked, "the token behind it was revoked")
	require.Equal(t, string(record.ID), w.audit.last().PATID)
	w.clock.advance(5 * time.Minute)
	_, err = authenticate()
	require.ErrorIs(t, err, keys.ErrExpired)
	require.Equal(t, "access_token_expired", w.audit.last().Reason)
}

// What a PAT has lost since, a JWT of it has lost too.
func TestAuthenticateJWTFollowsItsPAT(t *testing.T) {
	w := newWorld(t)
	token, record := w.create(&w.owner)
	issued, err := w.exchange(token, func(r *exchange.Request) { r.Audience = []string{management} })
	require.NoError(t, err)
	change := func(change pat.Change) (*exchange.Principal, error) {
		_, err := w.tokens.Update(t.Context(), record.ID, &change, policyOf(), pat.Actor{})
		require.NoError(t, err)
		return w.exchanger.AuthenticateJWT(t.Context(), issued.AccessToken, []string{management}, origin)
	}
	principal, err := change(pat.Change{Scope: &[]string{"idn:my-personal-access-tokens:read"}})
	require.NoError(t, err)
	require.True(t, principal.May(directory.ReadMyTokens))
	require.False(t, principal.May(directory.ManageMyTokens))
	_, err = change(pat.Change{Audience: &[]string{api}})
	requireDenial(t, err, exchange.CauseAudience, "the token is not meant for this service")
}

// A JWT that another service holds as well manages nothing.
func TestAuthenticateJWTSharedWithAnotherService(t *testing.T) {
	w := newWorld(t)
	token, _ := w.create(&w.owner)
	issued, err := w.exchange(token, func(r *exchange.Request) { r.Audience = []string{api, management} })
	require.NoError(t, err)
	principal, err := w.exchanger.AuthenticateJWT(t.Context(), issued.AccessToken, []string{management}, origin)
	require.NoError(t, err)
	require.Empty(t, principal.Scope)
	require.False(t, principal.May(directory.ReadMyTokens))
	require.False(t, principal.May(directory.ManageMyTokens))
}

func TestIntrospect(t *testing.T) {
	w := newWorld(t)
	inspector := w.person("inspector", w.owner.Organization)
	w.assign(inspector.ID, w.owner.Organization, "", directory.Introspect)
	elsewhere, err := w.directory.CreateOrganization(t.Context(), "elsewhere", directory.DefaultPolicy(), directory.Actor{})
	require.NoError(t, err)
	foreign := w.person("foreign", elsewhere.ID)
	w.assign(foreign.ID, elsewhere.ID, "", directory.Introspect)
	caller := func(owner *directory.Identity, scope ...string) *exchange.Principal {
		token, _ := w.create(owner, func(d *pat.Draft) { d.Scope = scope })
		principal, err := w.exchanger.Authenticate(t.Context(), whole(token), management, origin)
		require.NoError(t, err)
		return principal
	}
	token, record := w.create(&w.owner, func(d *pat.Draft) { d.Expiration = w.clock.now().Add(time.Hour) })
	issued, err := w.exchange(token)
	require.NoError(t, err)
	itself, err := w.exchanger.Authenticate(t.Context(), whole(token), management, origin)
	require.NoError(t, err)
	jwt := exchange.TokenCredential(secret.New(issued.AccessToken))
	ask := func(caller *exchange.Principal, c exchange.Credential) exchange.Introspection {
		found, err := w.exchanger.Introspect(t.Context(), caller, c, "", origin)
		require.NoError(t, err)
		return found
	}
	entitled := caller(&inspector, pat.ScopeAll)
	for name, who := range map[string]*exchange.Principal{"entitled": entitled, "itself": itself} {
		found := ask(who, jwt)
		require.True(t, found.Active, name)
		require.Equal(t, issued.JTI, found.Claims.ID, name)
		found = ask(who, whole(token))
		require.True(t, found.Active, name)
		require.Equal(t, "introspection", w.audit.last().Reason, name)
		require.Nil(t, found.Claims, name)
		require.Equal(t, record.ID, found.Token.ID, name)
		require.True(t, record.Expiration.Equal(found.Expiry), name)
	}
	for name, who := range map[string]*exchange.Principal{
		"right, but not in the token": caller(&inspector, "orders:read"), "token, but no right": caller(&w.owner, pat.ScopeAll),
		"another organization": caller(&foreign, pat.ScopeAll),
	} {
		require.Equal(t, exchange.Introspection{}, ask(who, jwt), name)
		require.Equal(t, exchange.Introspection{}, ask(who, whole(token)), name)
	}
	for name, c := range map[string]exchange.Credential{
		"garbage": exchange.TokenCredential(secret.New("x")), "unknown": whole(w.format.New(pat.NewID(w.owner.ID))), "wrong secret": whole(w.format.New(token.ID())),
	} {
		require.Equal(t, exchange.Introspection{}, ask(entitled, c), name)
	}

	_, err = w.tokens.Update(t.Context(), record.ID, &pat.Change{Networks: &[]netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")}}, policyOf(), pat.Actor{})
	require.NoError(t, err)
	require.True(t, ask(entitled, whole(token)).Active, "the network counts only if the caller names it")
	for address, active := range map[string]bool{"198.51.100.9": true, "192.0.2.7": false, "nonsense": false} {
		found, err := w.exchanger.Introspect(t.Context(), entitled, whole(token), address, origin)
		require.NoError(t, err)
		require.Equal(t, active, found.Active, address)
	}

	w.uses.err = errDown
	_, err = w.exchanger.Introspect(t.Context(), entitled, whole(token), "", origin)
	require.ErrorIs(t, err, fault.ErrUnavailable)
	w.uses.err = nil

	w.clock.advance(time.Hour)
	require.NoError(t, w.ring.Open(t.Context()))
	require.False(t, ask(entitled, whole(token)).Active)
	stored, err := w.tokens.Find(t.Context(), record.ID)
	require.NoError(t, err)
	require.Equal(t, pat.StateAutoRevoked, stored.State, "an expired PAT is ended wherever it is presented")
}

func TestRevoke(t *testing.T) {
	w := newWorld(t)
	token, record := w.create(&w.owner)
	issued, err := w.exchange(token)
	require.NoError(t, err)
	jwt := exchange.TokenCredential(secret.New(issued.AccessToken))
	itself, err := w.exchanger.Authenticate(t.Context(), whole(token), management, origin)
	require.NoError(t, err)
	active := func(c exchange.Credential) bool {
		found, err := w.exchanger.Introspect(t.Context(), itself, c, "", origin)
		require.NoError(t, err)
		return found.Active
	}
	revoke := func(c exchange.Credential) { require.NoError(t, w.exchanger.Revoke(t.Context(), c, origin)) }

	revoke(exchange.TokenCredential(secret.New("x")))
	revoke(whole(w.format.New(token.ID())))
	require.True(t, active(whole(token)), "a wrong secret revokes nothing")

	revoke(jwt)
	revoke(jwt)
	require.False(t, active(jwt))
	found, err := w.exchanger.Introspect(t.Context(), itself, jwt, "", origin)
	require.NoError(t, err)
	require.Equal(t, exchange.Introspection{Own: true}, found, "who it was minted for may know that it is dead")
	require.True(t, active(whole(token)), "the PAT lives on")

	revoke(whole(token))
	revoke(whole(token))
	require.False(t, active(whole(token)))
	stored, err := w.tokens.Find(t.Context(), record.ID)
	require.NoError(t, err)
	require.Equal(t, pat.StateRevoked, stored.State)
	require.Equal(t, pat.Compromised, stored.RevokeReason)

	another, record := w.create(&w.owner)
	issued, err = w.exchange(another)
	require.NoError(t, err)
	require.NoError(t, w.tokens.Delete(t.Context(), &record, pat.Actor{}))
	revoke(exchange.TokenCredential(secret.New(issued.AccessToken)))

	last, _ := w.create(&w.owner, func(d *pat.Draft) { d.Expiration = w.clock.now().Add(time.Hour) })
	w.uses.err = errDown
	require.ErrorIs(t, w.exchanger.Revoke(t.Context(), whole(last), origin), fault.ErrUnavailable)
	w.uses.err = nil
	w.signer.err = keys.ErrNotOpened
	require.ErrorIs(t, w.exchanger.Revoke(t.Context(), jwt, origin), fault.ErrUnavailable)
	w.signer.err = nil
	w.clock.advance(time.Hour)
	revoke(whole(last))
	w.throttle.limited = true
	require.Error(t, w.exchanger.Revoke(t.Context(), whole(w.format.New(token.ID())), origin))
}

// A leak of a token that has expired ends what it made.
func TestRevokeOfAnExpiredTokenCascades(t *testing.T) {
	w := newWorld(t)
	token, parent := w.create(&w.owner)
	policy := policyOf()
	_, child, err := w.tokens.Create(t.Context(), &w.owner, &pat.Draft{Name: "child", Level: pat.Personal}, policy, pat.Actor{Identity: w.owner.ID, Parent: &parent})
	require.NoError(t, err)
	soon := w.clock.now().Add(time.Minute)
	_, err = w.tokens.Update(t.Context(), parent.ID, &pat.Change{Expiration: &soon}, policy, pat.Actor{})
	require.NoError(t, err)
	w.clock.advance(time.Minute)
	require.NoError(t, w.exchanger.Revoke(t.Context(), whole(token), origin))
	stored, err := w.tokens.Find(t.Context(), child.ID)
	require.NoError(t, err)
	require.Equal(t, pat.StateRevoked, stored.State)
}

// Whoever holds a token may end it even if they may not use it.
func TestRevokeByADisabledOwner(t *testing.T) {
	w := newWorld(t)
	token, record := w.create(&w.owner)
	owner, err := w.directory.Find(t.Context(), w.owner.ID)
	require.NoError(t, err)
	owner.Enabled = false
	require.NoError(t, w.directory.ReplaceIdentity(t.Context(), owner, directory.Actor{}))
	require.NoError(t, w.exchanger.Revoke(t.Context(), whole(token), origin))
	stored, err := w.tokens.Find(t.Context(), record.ID)
	require.NoError(t, err)
	require.Equal(t, pat.StateRevoked, stored.State)
}
