package exchange_test

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
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

func TestExchange(t *testing.T) {
	w := newWorld(t)
	token, record := w.create(&w.owner)
	issued, err := w.exchange(token)
	require.NoError(t, err)
	require.EqualValues(t, 300, issued.ExpiresIn)
	require.Equal(t, pat.ScopeAll, issued.Scope)
	require.Equal(t, []string{api}, issued.Audience)
	require.Equal(t, record.ID, issued.ClientID)
	require.True(t, issued.PATExpiration.IsZero())
	require.Equal(t, 1, w.uses.calls, "one round trip to the store")

	claims := payload(t, issued.AccessToken)
	iat := float64(w.clock.now().Unix())
	require.Equal(t, map[string]any{
		"iss": issuer, "sub": string(w.owner.ID), "aud": api, "iat": iat, "exp": iat + 300, "jti": issued.JTI, "client_id": string(record.ID),
		"azp": string(record.ID), "scope": pat.ScopeAll, "pat_id": string(record.ID), "pat_gen": 1.0, "pat_level": "personal",
		"org": string(w.owner.Organization),
	}, claims)
	_, err = w.ring.Verify(issued.AccessToken, keys.Expected{Issuer: issuer, Audiences: []string{api}})
	require.NoError(t, err)

	event := w.audit.last()
	require.Equal(t, audit.TokenUsed, event.Name)
	require.Equal(t, issued.JTI, event.JTI)
	require.Equal(t, origin.IP, event.IP)
	stored, err := w.tokens.Find(t.Context(), record.ID)
	require.NoError(t, err)
	require.True(t, w.clock.now().Equal(stored.LastUsed))
}

func TestExchangeByBasic(t *testing.T) {
	w := newWorld(t)
	token, record := w.create(&w.owner)
	for name, password := range map[string]secret.Text{"secret": token.Secret(), "token": token.Reveal()} {
		_, err := w.exchange(token, func(r *exchange.Request) {
			r.Credential = exchange.BasicCredential(string(record.ID), password)
		})
		require.NoError(t, err, name)
	}
}

// Failures of proof are one error, whatever the cause; the cause is in the
// audit trail only.
func TestExchangeUnproved(t *testing.T) {
	w := newWorld(t)
	token, _ := w.create(&w.owner)
	text := token.Reveal().Reveal()
	for name, c := range map[string]struct {
		credential exchange.Credential
		calls      int
		reason     string
	}{
		"malformed":    {exchange.TokenCredential(secret.New("x")), 0, "malformed"},
		"checksum":     {exchange.TokenCredential(secret.New(text[:len(text)-1] + "!")), 0, "malformed"},
		"nothing":      {exchange.Credential{}, 0, "malformed"},
		"Basic":        {exchange.BasicCredential(string(token.ID()), secret.New("x")), 0, "malformed"},
		"unknown id":   {whole(w.format.New(pat.NewID(w.owner.ID))), 1, "unknown_or_wrong_secret"},
		"wrong secret": {whole(w.format.New(token.ID())), 1, "unknown_or_wrong_secret"},
	} {
		before := w.uses.calls
		_, err := w.exchange(token, func(r *exchange.Request) { r.Credential = c.credential })
		require.Equal(t, exchange.ErrUnproved, err, name)
		require.Equal(t, c.calls, w.uses.calls-before, "%s: calls of the store", name)
		require.Equal(t, c.reason, w.audit.last().Reason, name)
		require.Equal(t, audit.TokenUseFailed, w.audit.last().Name, name)
		require.Empty(t, w.audit.last().Owner, name)
	}
	require.Len(t, w.throttle.failed, 6)
	require.Contains(t, w.throttle.failed, origin.IP+" "+string(token.ID()))
}

func TestExchangeOldSecretIsRecorded(t *testing.T) {
	w := newWorld(t)
	token, record := w.create(&w.owner)
	_, _, err := w.tokens.Rotate(t.Context(), record.ID, pat.Rotation{}, policyOf(), pat.Actor{})
	require.NoError(t, err)
	_, err = w.exchange(token)
	require.Equal(t, exchange.ErrUnproved, err)
	require.Equal(t, "old_secret", w.audit.last().Reason)
}

func TestExchangeThrottled(t *testing.T) {
	w := newWorld(t)
	token, _ := w.create(&w.owner)
	w.throttle.limited = true
	recorded := len(w.audit.events)
	_, err := w.exchange(w.format.New(token.ID()))
	throttled, ok := errors.AsType[*exchange.ThrottledError](err)
	require.True(t, ok)
	require.Equal(t, 3*time.Second, throttled.RetryAfter)
	require.ErrorIs(t, err, exchange.ErrUnproved)
	require.Len(t, w.audit.events, recorded, "a flood does not fill the trail")
	_, err = w.exchange(token)
	require.NoError(t, err, "a right secret is never locked out")
}

func TestExchangeDenied(t *testing.T) {
	for name, c := range map[string]struct {
		cause       pat.Cause
		description string
		spoil       func(*world, *pat.Record)
	}{
		"revoked": {pat.CauseRevoked, "the token was revoked on 2026-11-22T12:00:00.123Z", func(w *world, r *pat.Record) {
			_, _, err := w.tokens.Revoke(w.Context(), r, pat.End{}, pat.Actor{})
			require.NoError(w, err)
		}},
		"expired": {pat.CauseExpired, "the token expired on 2026-11-22T14:00:00.123Z and is now auto-revoked", func(w *world, _ *pat.Record) {
			w.clock.advance(2 * time.Hour)
			require.NoError(w, w.ring.Open(w.Context()))
		}},
		"owner disabled": {pat.CauseOwnerDisabled, "its owner is disabled", func(w *world, _ *pat.Record) {
			owner, err := w.directory.Find(w.Context(), w.owner.ID)
			require.NoError(w, err)
			owner.Enabled = false
			require.NoError(w, w.directory.ReplaceIdentity(w.Context(), owner, directory.Actor{}))
		}},
		"role lost": {exchange.CauseRole, "its owner does not hold the role AccessAsNonInteractiveUser", func(w *world, _ *pat.Record) {
			require.NoError(w, w.directory.Unassign(w.Context(), w.owner.Organization, directory.AccessAsNonInteractiveUser, w.owner.ID, directory.Actor{}))
		}},
		"network": {exchange.CauseNetwork, "not allowed from this network", func(w *world, r *pat.Record) {
			_, err := w.tokens.Update(w.Context(), r.ID, &pat.Change{Networks: &[]netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")}}, policyOf(), pat.Actor{})
			require.NoError(w, err)
		}},
		"network of the organization": {exchange.CauseNetwork, "not allowed from this network", func(w *world, _ *pat.Record) {
			w.policy(func(p *directory.Policy) { p.AllowedNetworks = []string{"198.51.100.0/24"} })
		}},
		"less than a second": {exchange.CauseEnding, "the token expires in less than a second", func(w *world, _ *pat.Record) {
			w.clock.advance(2*time.Hour - 900*time.Millisecond)
			require.NoError(w, w.ring.Open(w.Context()))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			token, record := w.create(&w.owner, func(d *pat.Draft) { d.Expiration = w.clock.now().Add(2 * time.Hour) })
			_, err := w.exchange(token)
			require.NoError(t, err)
			c.spoil(w, &record)
			_, err = w.exchange(token)
			requireDenial(t, err, c.cause, c.description)
			denial, _ := errors.AsType[*exchange.DeniedError](err)
			event := w.audit.last()
			require.Equal(t, audit.TokenUseFailed, event.Name)
			require.Equal(t, audit.Failure, event.Outcome)
			require.Equal(t, string(c.cause), event.Reason)
			require.Equal(t, denial.ID, event.DenialID)
			require.Equal(t, string(record.ID), event.PATID)
			require.Empty(t, w.throttle.failed, "who proved the secret is not guessing")
		})
	}
}

func policyOf() *directory.Policy {
	policy := directory.DefaultPolicy()
	return &policy
}

func TestExchangeFromAnAllowedNetwork(t *testing.T) {
	w := newWorld(t)
	w.policy(func(p *directory.Policy) { p.AllowedNetworks = []string{"192.0.2.0/24"} })
	token, _ := w.create(&w.owner, func(d *pat.Draft) { d.Networks = []netip.Prefix{netip.MustParsePrefix("192.0.2.7/32")} })
	_, err := w.exchange(token)
	require.NoError(t, err)
	_, err = w.exchange(token, func(r *exchange.Request) { r.Origin.IP = "::ffff:192.0.2.7" })
	require.NoError(t, err, "an IPv4 address is the same however it is written")
	_, err = w.exchange(token, func(r *exchange.Request) { r.Origin.IP = "192.0.2.8" })
	requireDenial(t, err, exchange.CauseNetwork, "not allowed from this network")
	_, err = w.exchange(token, func(r *exchange.Request) { r.Origin.IP = "" })
	requireDenial(t, err, exchange.CauseNetwork, "not allowed from this network")
}

// Whatever a use depends on being out of reach is 503 at the door, never a JWT
// and never a refusal.
func TestExchangeFailsClosed(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(*world)
	}{
		"store":     {func(w *world) { w.uses.err = errDown }},
		"directory": {func(w *world) { require.NoError(w, w.db.Close()); w.clock.advance(2 * time.Second) }},
		"key ring":  {func(w *world) { w.signer.err = keys.ErrStale }},
		"audit":     {func(w *world) { w.audit.err = audit.ErrFull }},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			token, _ := w.create(&w.owner)
			c.spoil(w)
			issued, err := w.exchange(token)
			require.ErrorIs(t, err, fault.ErrUnavailable)
			require.Nil(t, issued)
		})
	}
	w := newWorld(t)
	token, _ := w.create(&w.owner)
	w.signer.err = keys.ErrClaims
	_, err := w.exchange(token)
	require.ErrorIs(t, err, keys.ErrClaims)
	require.NotErrorIs(t, err, fault.ErrUnavailable, "claims that must not be signed will not be right a moment later")
}

func TestExchangeClientBeside(t *testing.T) {
	w := newWorld(t)
	token, _ := w.create(&w.owner)
	second, _ := w.create(&w.owner)
	bob := w.person("bob", w.owner.Organization)
	foreign, _ := w.create(&bob)
	beside := func(c exchange.Credential) error {
		_, err := w.exchange(token, func(r *exchange.Request) { r.Client = &c })
		return err
	}
	require.NoError(t, beside(whole(token)))
	require.NoError(t, beside(whole(second)), "another token of the same owner")
	require.ErrorIs(t, beside(whole(foreign)), exchange.ErrClient)
	require.Equal(t, "client_of_another_owner", w.audit.last().Reason)
	require.ErrorIs(t, beside(whole(w.format.New(token.ID()))), exchange.ErrClient)
	require.ErrorIs(t, beside(exchange.BasicCredential("x", secret.New("y"))), exchange.ErrClient)
	w.throttle.limited = true
	_, throttled := errors.AsType[*exchange.ThrottledError](beside(exchange.BasicCredential("x", secret.New("y"))))
	require.True(t, throttled)
}

func TestExchangeTargets(t *testing.T) {
	w := newWorld(t)
	token, _ := w.create(&w.owner)
	bound, _ := w.create(&w.owner, func(d *pat.Draft) { d.Audience = []string{orders} })
	for name, c := range map[string]struct {
		token              pat.Token
		audience, resource []string
		want               []string // nil: invalid_target
	}{
		"default":                        {token, nil, nil, []string{api}},
		"audience":                       {token, []string{orders}, nil, []string{orders}},
		"resource":                       {token, nil, []string{orders}, []string{orders}},
		"both, in order, once":           {token, []string{people, api}, []string{people, orders}, []string{people, api, orders}},
		"management API":                 {token, []string{issuer + "/api/v1"}, nil, []string{issuer + "/api/v1"}},
		"management API, beside another": {token, []string{api, issuer + "/api/v1"}, nil, []string{api, issuer + "/api/v1"}},
		"unknown":                        {token, []string{"https://other.example.com"}, nil, nil},
		"one unknown of two":             {token, []string{api, "https://other.example.com"}, nil, nil},
		"trailing slash":                 {token, []string{api + "/"}, nil, nil},
		"fragment":                       {token, nil, []string{api + "#f"}, nil},
		"empty fragment":                 {token, nil, []string{api + "#"}, nil},
		"relative resource":              {token, nil, []string{"/orders"}, nil},
		"five":                           {token, []string{api, api, api, api, api}, nil, nil},
		"bound, its audience":            {bound, []string{orders}, nil, []string{orders}},
		"bound, another":                 {bound, []string{api}, nil, nil},
		"bound, default":                 {bound, nil, nil, nil},
	} {
		issued, err := w.exchange(c.token, func(r *exchange.Request) { r.Audience, r.Resource = c.audience, c.resource })
		if c.want == nil {
			_, ok := errors.AsType[*exchange.TargetError](err)
			require.True(t, ok, "%s: %v", name, err)
			require.Equal(t, "invalid_target", w.audit.last().Reason, name)
			continue
		}
		require.NoError(t, err, name)
		require.Equal(t, c.want, issued.Audience, name)
	}
	_, err := w.exchange(token, func(r *exchange.Request) { r.Fallback = "" })
	_, ok := errors.AsType[*exchange.TargetError](err)
	require.True(t, ok, "no audience and no default")
}

func TestExchangeScopes(t *testing.T) {
	w := newWorld(t)
	admin := w.person("admin", w.owner.Organization)
	w.assign(admin.ID, w.owner.Organization, directory.OrganizationAdmin)
	w.assign(admin.ID, w.owner.Organization, "", directory.Introspect)
	of := func(owner *directory.Identity, scopes ...string) pat.Token {
		token, _ := w.create(owner, func(d *pat.Draft) { d.Scope = scopes })
		return token
	}
	all := of(&w.owner, pat.ScopeAll)
	management := issuer + "/api/v1"
	for name, c := range map[string]struct {
		token     pat.Token
		audience  []string
		requested string
		want      string // "": invalid_scope
	}{
		"all, literally":                       {all, []string{api}, "", "sp:scopes:all"},
		"default, literally":                   {of(&w.owner, pat.ScopeDefault), []string{api}, "", "sp:scopes:default"},
		"all covers what is asked":             {all, []string{api}, "orders:read x", "orders:read x"},
		"all is not asked for downstream":      {all, []string{api}, "sp:scopes:all", ""},
		"subset":                               {of(&w.owner, "a", "b"), []string{api}, "a", "a"},
		"all of its own":                       {of(&w.owner, "a", "b"), []string{api}, "", "a b"},
		"asked twice, given once":              {of(&w.owner, "a", "b"), []string{api}, "b a  b", "b a"},
		"more than it holds":                   {of(&w.owner, "a"), []string{api}, "a c", ""},
		"malformed":                            {all, []string{api}, `a"b`, ""},
		"too many":                             {all, []string{api}, strings.Repeat("a b ", 1) + manyScopes(), ""},
		"openid is not in all":                 {all, []string{api}, "openid", ""},
		"openid by name":                       {of(&w.owner, "openid", "a"), []string{api}, "", "openid a"},
		"credentials fall away":                {of(&w.owner, "credentials", "a"), []string{api}, "", "a"},
		"credentials alone":                    {of(&w.owner, "credentials"), []string{api}, "credentials", ""},
		"rights stay at home":                  {of(&w.owner, "idn:my-personal-access-tokens:read", "a"), []string{api}, "", "a"},
		"listed, for a clerk":                  {all, []string{orders}, "", "orders:read orders:write"},
		"listed, for an administrator":         {of(&admin, pat.ScopeAll), []string{orders}, "", "orders:audit orders:read"},
		"listed, not granted":                  {all, []string{orders}, "orders:read orders:audit", "orders:read"},
		"listed, none granted":                 {all, []string{orders}, "orders:audit", ""},
		"unlisted":                             {all, []string{orders}, "invoices:read", ""},
		"nothing that needs a right":           {of(&w.owner, pat.ScopeDefault), []string{orders}, "", ""},
		"management: own rights":               {all, []string{management}, "", "idn:my-personal-access-tokens:manage idn:my-personal-access-tokens:read"},
		"management: alias as asked":           {all, []string{management}, "sp:my-personal-access-tokens:read", "sp:my-personal-access-tokens:read"},
		"management: a right of nobody's":      {all, []string{management}, "idn:all-personal-access-tokens:manage", ""},
		"management: introspection":            {of(&admin, pat.ScopeAll), []string{management}, "cambio:introspect", "cambio:introspect"},
		"management: default":                  {of(&w.owner, pat.ScopeDefault), []string{management}, "", "sp:scopes:default"},
		"management: no application scope":     {all, []string{management}, "orders:read", ""},
		"management beside another: no rights": {all, []string{api, management}, "", "sp:scopes:all"},
		"management beside another: asked for": {all, []string{api, management}, "idn:my-personal-access-tokens:manage", ""},
		"two services: refused by one":         {all, []string{api, orders}, "orders:audit orders:read", "orders:read"},
		"two services: unknown to one":         {all, []string{api, orders}, "invoices:read", "invoices:read"},
	} {
		issued, err := w.exchange(c.token, func(r *exchange.Request) { r.Audience, r.Scope = c.audience, c.requested })
		if c.want == "" {
			_, ok := errors.AsType[*exchange.ScopeError](err)
			require.True(t, ok, "%s: %v", name, err)
			require.Equal(t, "invalid_scope", w.audit.last().Reason, name)
			continue
		}
		require.NoError(t, err, name)
		require.Equal(t, c.want, issued.Scope, name)
		require.Equal(t, c.want, payload(t, issued.AccessToken)["scope"], name)
	}
}

func manyScopes() string {
	names := make([]string, 101)
	for i := range names {
		names[i] = "s" + strings.Repeat("x", i)
	}
	return strings.Join(names, " ")
}

func TestExchangeLifetime(t *testing.T) {
	w := newWorld(t)
	w.policy(func(p *directory.Policy) { p.DefaultAccessTokenSeconds, p.MaxAccessTokenSeconds = 600, 3600 })
	now := w.clock.now()
	for name, c := range map[string]struct {
		audience string
		life     time.Duration
		expiry   time.Duration
		want     int64 // seconds of expires_in
		exp      int64 // seconds after iat
	}{
		"default":               {api, 0, 0, 600, 600},
		"the token's":           {api, 60 * time.Second, 0, 60, 60},
		"capped by policy":      {api, 2 * time.Hour, 0, 3600, 3600},
		"capped by service":     {orders, 0, 0, 120, 120},
		"capped by the PAT":     {api, 0, 10*time.Second + 500*time.Millisecond, 9, 10}, // iat is 123 ms back, exp 623 ms before the PAT's end
		"the PAT lives as long": {api, 60 * time.Second, time.Minute, 60, 60},
	} {
		token, record := w.create(&w.owner, func(d *pat.Draft) {
			d.AccessTokenLife = c.life
			if c.expiry > 0 {
				d.Expiration = now.Add(c.expiry)
			}
		})
		issued, err := w.exchange(token, func(r *exchange.Request) { r.Audience = []string{c.audience} })
		require.NoError(t, err, name)
		claims, err := w.ring.Verify(issued.AccessToken, keys.Expected{Issuer: issuer})
		require.NoError(t, err, name)
		iat, exp := claims.IssuedAt.Unix(), claims.Expiry.Unix()
		require.Equal(t, now.Unix(), iat, name)
		require.Equal(t, c.exp, exp-iat, name)
		require.Equal(t, c.want, issued.ExpiresIn, name)
		if !record.Expiration.IsZero() {
			require.True(t, record.Expiration.Equal(issued.PATExpiration), name)
			require.False(t, time.Unix(exp, 0).After(record.Expiration), name)
		}
	}
}

func TestExchangeTellsOfTheOwnerOnlyWhatIsAsked(t *testing.T) {
	w := newWorld(t)
	plain, _ := w.create(&w.owner)
	profile, _ := w.create(&w.owner, func(d *pat.Draft) { d.Scope = []string{"openid", "profile", "a"} })
	told := func(token pat.Token, audience ...string) map[string]any {
		issued, err := w.exchange(token, func(r *exchange.Request) { r.Audience = audience })
		require.NoError(t, err)
		claims := payload(t, issued.AccessToken)
		for _, name := range []string{"iss", "sub", "aud", "iat", "exp", "jti", "client_id", "azp", "scope", "pat_id", "pat_gen", "pat_level", "org"} {
			require.Contains(t, claims, name)
			delete(claims, name)
		}
		return claims
	}
	require.Empty(t, told(plain, api))
	require.Equal(t, map[string]any{
		"name": "Alice", "email": "alice@example.com", "groups": []any{"order-clerks"}, "roles": []any{"AccessAsNonInteractiveUser"},
	}, told(plain, people))
	require.Empty(t, told(plain, people, api), "one JWT for two services tells what both ask for")
	require.Equal(t, map[string]any{"name": "Alice", "email": "alice@example.com", "preferred_username": "alice"}, told(profile, api))
}

// The longest scopes that a token may have, and more groups than a header holds,
// end in a JWT; what does not is the client's to mend.
func TestExchangeOfMuch(t *testing.T) {
	w := newWorld(t)
	var groups []directory.ID
	for i := range 40 {
		group, err := w.directory.CreateGroup(t.Context(), directory.Group{
			Organization: w.owner.Organization, Name: fmt.Sprintf("order-%03d-%s", i, strings.Repeat("g", 200)),
		}, directory.Actor{})
		require.NoError(t, err)
		groups = append(groups, group.ID)
	}
	member := w.person("bob", w.owner.Organization, groups...)
	scopes := func(letter string) []string {
		var all []string
		for i := range 20 {
			all = append(all, fmt.Sprintf("%02d:", i)+strings.Repeat(letter+":", 98))
		}
		return all
	}
	token, _ := w.create(&member, func(d *pat.Draft) { d.Scope = scopes("s") })
	issued, err := w.exchange(token, func(r *exchange.Request) { r.Audience = []string{people} })
	require.NoError(t, err)
	claims := payload(t, issued.AccessToken)
	require.Len(t, strings.Fields(issued.Scope), 20)
	listed, ok := claims["groups"].([]any)
	require.True(t, ok)
	require.Len(t, listed, 14, "the first ones, 3 KiB of them")

	escaped, _ := w.create(&w.owner, func(d *pat.Draft) { d.Scope = scopes("<") })
	_, err = w.exchange(escaped)
	_, ok = errors.AsType[*exchange.ScopeError](err)
	require.True(t, ok, "%v", err)
	require.Equal(t, "invalid_scope", w.audit.last().Reason)
	require.NotErrorIs(t, err, fault.ErrUnavailable)
}

func TestExchangeAlgOfTheService(t *testing.T) {
	w := newWorld(t)
	token, _ := w.create(&w.owner)
	for audience, alg := range map[string]string{api: "eyJhbGciOiJFUzI1NiIs", people: "eyJhbGciOiJFZERTQSIs"} {
		issued, err := w.exchange(token, func(r *exchange.Request) { r.Audience = []string{audience} })
		require.NoError(t, err)
		require.True(t, strings.HasPrefix(issued.AccessToken, alg), issued.AccessToken)
	}
}

func TestExchangeLevels(t *testing.T) {
	w := newWorld(t)
	technical, err := w.directory.CreateIdentity(t.Context(), directory.Identity{
		Organization: w.owner.Organization, Type: directory.TechnicalUser, Username: "robot", Enabled: true,
	}, directory.Actor{})
	require.NoError(t, err)
	for _, c := range []struct {
		level pat.Level
		admin bool
		role  directory.Role
		on    directory.ScopeKind
	}{
		{pat.Group, true, directory.GroupAdmin, directory.OnGroup},
		{pat.Group, false, directory.GroupUser, directory.OnGroup},
		{pat.Organization, true, directory.OrganizationAdmin, directory.OnOrganization},
		{pat.Organization, false, directory.OrganizationUser, directory.OnOrganization},
	} {
		held, err := w.directory.AddAssignment(t.Context(), w.owner.Organization, directory.Assignment{
			Role: c.role, Scope: c.on, ScopeID: w.owner.Organization, Holder: technical.ID,
		}, directory.Actor{})
		require.NoError(t, err)
		token, _ := w.create(&technical, func(d *pat.Draft) { d.Level, d.LevelID, d.AdminRole = c.level, w.owner.Organization, c.admin })
		issued, err := w.exchange(token)
		require.NoError(t, err, "only a personal token needs the role of its owner")
		claims := payload(t, issued.AccessToken)
		require.Equal(t, string(c.level), claims["pat_level"])
		require.Equal(t, string(c.role), claims["pat_role"])
		require.Equal(t, string(w.owner.Organization), claims["pat_level_id"])

		require.NoError(t, w.directory.RemoveAssignment(t.Context(), w.owner.Organization, held.ID, directory.Actor{}))
		issued, err = w.exchange(token)
		require.NoError(t, err)
		require.NotContains(t, payload(t, issued.AccessToken), "pat_role", "a role is as of now")
	}
}

func TestSubject(t *testing.T) {
	w := newWorld(t)
	token, _ := w.create(&w.owner)
	for kind, want := range map[exchange.SubjectKind]string{
		"": string(w.owner.ID), exchange.SubjectID: string(w.owner.ID), exchange.SubjectExternalID: "ext-alice", exchange.SubjectUsername: "alice",
	} {
		config := w.config
		config.Subject = kind
		var err error
		w.exchanger, err = exchange.New(config)
		require.NoError(t, err)
		issued, err := w.exchange(token)
		require.NoError(t, err)
		require.Equal(t, want, payload(t, issued.AccessToken)["sub"])
	}
	config := w.config
	config.Subject = exchange.SubjectExternalID
	var err error
	w.exchanger, err = exchange.New(config)
	require.NoError(t, err)
	owner, err := w.directory.Find(t.Context(), w.owner.ID)
	require.NoError(t, err)
	owner.ExternalID = ""
	require.NoError(t, w.directory.ReplaceIdentity(t.Context(), owner, directory.Actor{}))
	_, err = w.exchange(token)
	requireDenial(t, err, exchange.CauseSubject, "its owner has no external id, which access tokens name as their subject")
	config.Subject = "email"
	_, err = exchange.New(config)
	require.Error(t, err)
}

func TestNewNeedsAll(t *testing.T) {
	w := newWorld(t)
	for name, without := range map[string]func(*exchange.Config){
		"issuer": func(c *exchange.Config) { c.Issuer = "" }, "tokens": func(c *exchange.Config) { c.Tokens = nil },
		"directory": func(c *exchange.Config) { c.Directory = nil }, "signer": func(c *exchange.Config) { c.Signer = nil },
		"services": func(c *exchange.Config) { c.Services = nil }, "audit": func(c *exchange.Config) { c.Audit = nil },
		"throttle": func(c *exchange.Config) { c.Throttle = nil }, "clock": func(c *exchange.Config) { c.Now = nil },
		"alg": func(c *exchange.Config) { c.Alg = "" },
	} {
		config := w.config
		without(&config)
		_, err := exchange.New(config)
		require.Error(t, err, name)
	}
}
