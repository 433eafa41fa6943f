package api_test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/exchange"
	"github.com/cambio-sts/cambio/internal/id"
	"github.com/cambio-sts/cambio/internal/secret"
	"github.com/cambio-sts/cambio/keys"
	"github.com/cambio-sts/cambio/pat"
)

// way is a header and its value, by which a credential is sent.
type way []string

func byBearer(credential string) way { return way{"Authorization", "Bearer " + credential} }

// principal is one who tries every route.
type principal struct {
	name     string
	ways     []way
	identity *directory.Identity // whose tokens are its own; nil: it does not come to that
	of       directory.ID        // the organization or group that a technical user acts for
	home     bool                // the group that it tries is the one where it has a role
}

// crowd makes principals.
type crowd struct {
	*world

	home directory.ID
	all  []principal
}

func (c *crowd) person(name string) *directory.Identity {
	c.Helper()
	identity := c.newIdentity(c.organization.ID, name)
	c.assign(&identity, directory.AccessAsNonInteractiveUser)
	return &identity
}

// add adds one who acts by a token.
func (c *crowd) add(name string, identity *directory.Identity, token string) {
	c.all = append(c.all, principal{name: name, ways: []way{byBearer(token)}, identity: identity})
}

// addEachWay adds one who acts by a token in each of the ways that there are.
func (c *crowd) addEachWay(name string, identity *directory.Identity, token string) {
	c.Helper()
	c.add(name, identity, token)
	last := &c.all[len(c.all)-1]
	tokenID, secretOnly, _ := strings.Cut(strings.TrimPrefix(token, pat.DefaultPrefix+"_"), "_")
	last.ways = append(last.ways, byBearer(c.jwt(token, "")), way{"private-token", token},
		way{"Authorization", "Basic " + base64.StdEncoding.EncodeToString([]byte(tokenID+":"+secretOnly))})
}

// atHome adds the last one once more, trying the group where it has a role.
func (c *crowd) atHome(name string) {
	again := c.all[len(c.all)-1]
	again.name, again.home = name, true
	c.all = append(c.all, again)
}

// everything gives a person every role and right in an organization but platform_admin,
// and a group.
func (w *world) everything(who *directory.Identity, group directory.ID) {
	w.Helper()
	for _, role := range []directory.Role{
		directory.AccessAsNonInteractiveUser, directory.AdministerNonInteractiveUser, directory.ManageSystemSecurityRoles,
		directory.ManageSystemSecurityGroups, directory.OrganizationAdmin, directory.OrganizationUser,
	} {
		w.assign(who, role)
	}
	w.assign(who, "", directory.Rights()...)
	w.assignOn(group, who.ID, directory.GroupAdmin)
}

// principals are made so that each differs from another in one thing.
func principals(w *world, things *things) []principal {
	w.Helper()
	c := &crowd{world: w, home: things.home}
	administrator := w.newIdentity(w.organization.ID, "administrator")
	w.everything(&administrator, things.home)
	things.admins = append(things.admins, administrator.ID)
	all := w.bearer(&administrator, pat.ScopeAll)
	c.strangers(&administrator, all)
	c.addEachWay("no role but Access", &w.alice, w.bearer(&w.alice, pat.ScopeAll))
	c.rights()
	c.roles()
	c.technicalUsers(all)
	c.addEachWay("all roles", &administrator, all)
	c.scopes(&administrator)
	c.foreigners()
	return c.all
}

// strangers are those whom no route lets in.
func (c *crowd) strangers(who *directory.Identity, token string) {
	c.Helper()
	add := func(name string, ways ...way) { c.all = append(c.all, principal{name: name, ways: ways}) }
	add("nobody", way{})
	add("expired JWT", byBearer(c.expiredJWT(token)))
	elsewhere, err := c.exchanger.Exchange(c.Context(), &exchange.Request{
		Credential: exchange.TokenCredential(secret.New(token)), Audience: []string{"https://api.example.com"},
	})
	require.NoError(c, err)
	add("JWT for another service", byBearer(elsewhere.AccessToken))

	record, revoked := c.token(who, "revoked")
	jwt := c.jwt(revoked, "")
	_, _, err = c.tokens.Revoke(c.Context(), &record, pat.End{}, pat.Actor{Identity: who.ID})
	require.NoError(c, err)
	add("revoked token", byBearer(revoked), byBearer(jwt))

	leaver := c.person("leaver")
	disabled := c.bearer(leaver, pat.ScopeAll)
	jwt = c.jwt(disabled, "")
	leaver.Enabled = false
	require.NoError(c, c.people.ReplaceIdentity(c.Context(), *leaver, directory.Actor{}))
	add("owner is disabled", byBearer(disabled), byBearer(jwt))

	roleless := c.newIdentity(c.organization.ID, "roleless")
	c.everything(&roleless, c.home)
	require.NoError(c, c.people.Unassign(c.Context(), c.organization.ID, directory.AccessAsNonInteractiveUser, roleless.ID, directory.Actor{}))
	add("all roles but Access", byBearer(c.bearer(&roleless, pat.ScopeAll)))
}

// expiredJWT is one that was minted ten minutes ago, by a process whose clock was right
// then: the stores' clocks cannot be turned back.
func (c *crowd) expiredJWT(token string) string {
	c.Helper()
	now := func() time.Time { return c.clock.now().Add(-10 * time.Minute) }
	parsed, err := c.tokens.Format().Parse(token)
	require.NoError(c, err)
	record := c.stored(parsed.ID())
	minted, err := c.ringAt(now).Mint(keys.ES256, keys.Claims{
		Issuer: issuer, Subject: string(record.Owner), Audience: []string{issuer + "/api/v1"}, IssuedAt: now().Truncate(time.Second),
		Expiry: now().Truncate(time.Second).Add(5 * time.Minute), ID: id.New(), ClientID: string(record.ID), AuthorizedParty: string(record.ID),
		Scope: pat.ScopeAll, PATID: string(record.ID), PATGeneration: record.Generation, PATLevel: string(record.Level), Organization: string(record.Organization),
	})
	require.NoError(c, err)
	return minted
}

// rights are those who hold one right alone.
func (c *crowd) rights() {
	c.Helper()
	for i, right := range []directory.Right{directory.ReadAllTokens, directory.ManageAllTokens, directory.ReadManagedTokens, directory.Introspect} {
		holder := c.person(fmt.Sprint("right", i))
		c.assign(holder, "", right)
		c.add("right "+string(right), holder, c.bearer(holder, pat.ScopeAll))
	}
	holder := c.person("managed-reader")
	c.assign(holder, "", directory.ReadAllTokens, directory.ReadManagedTokens)
	c.add("rights all:read, managed:read", holder, c.bearer(holder, pat.ScopeAll))
}

// roles are those who hold one role alone, besides that which lets them act.
func (c *crowd) roles() {
	c.Helper()
	for _, role := range []directory.Role{
		directory.AdministerNonInteractiveUser, directory.ManageSystemSecurityRoles, directory.ManageSystemSecurityGroups,
		directory.OrganizationAdmin, directory.OrganizationUser, directory.PlatformAdmin,
	} {
		holder := c.person("holds-" + string(role))
		c.assign(holder, role)
		c.addEachWay(string(role), holder, c.bearer(holder, pat.ScopeAll))
	}
	for _, role := range []directory.Role{directory.GroupAdmin, directory.GroupUser} {
		holder := c.person("holds-" + string(role))
		c.assignOn(c.home, holder.ID, role)
		c.add(string(role)+" of another group", holder, c.bearer(holder, pat.ScopeAll))
		c.atHome(string(role) + " of the group")
	}
}

// technicalUsers are those behind tokens that the API made.
func (c *crowd) technicalUsers(by string) {
	c.Helper()
	technical := func(name string, of directory.ID, adminRole bool, rights ...directory.Right) {
		level := pat.Organization
		if of == c.home {
			level = pat.Group
		}
		made := c.makeLevelToken(by, level, of, fmt.Sprintf(`{"name":%q,"adminRole":%v}`, name, adminRole))
		owner, err := c.people.Find(c.Context(), c.stored(pat.ID(made.text(c.T, "id"))).Owner)
		require.NoError(c, err)
		if len(rights) > 0 {
			c.assign(&owner, "", rights...)
		}
		if adminRole || len(rights) > 0 {
			c.addEachWay(name, &owner, made.text(c.T, "token"))
		} else { // there is no JWT for who has nothing to do here
			c.add(name, &owner, made.text(c.T, "token"))
		}
		c.all[len(c.all)-1].of = of
	}
	technical("organization token, adminRole", c.organization.ID, true)
	technical("organization token", c.organization.ID, false)
	technical("organization token with right my:read", c.organization.ID, false, directory.ReadMyTokens)
	technical("organization token with right my:manage", c.organization.ID, false, directory.ManageMyTokens)
	c.all[len(c.all)-1].identity, c.all[len(c.all)-1].of = nil, "" // to delete a token of its own is to delete itself
	technical("token of another group, adminRole", c.home, true)
	c.atHome("token of the group, adminRole")
	technical("token of another group", c.home, false)
	c.atHome("token of the group")
}

// scopes are tokens of somebody who may do everything, that do not cover it all.
func (c *crowd) scopes(who *directory.Identity) {
	c.Helper()
	platform := c.newIdentity(c.organization.ID, "holds-everything")
	c.everything(&platform, c.home)
	c.assign(&platform, directory.PlatformAdmin)
	for _, scope := range []string{
		pat.ScopeDefault, string(directory.ReadMyTokens), "sp:my-personal-access-tokens:manage", string(directory.ReadAllTokens), string(directory.ManageAllTokens),
		string(directory.ReadManagedTokens), string(directory.Introspect), pat.ScopeAdminister,
	} {
		c.add("all roles and platform_admin, scope "+scope, &platform, c.bearer(&platform, scope))
	}
	all := c.bearer(who, pat.ScopeAll)
	for _, scope := range []string{string(directory.ReadMyTokens), pat.ScopeAdminister} {
		c.add("all roles, JWT with "+scope, who, c.jwt(all, scope))
	}
}

// foreigners are those who may do everything in another organization.
func (c *crowd) foreigners() {
	c.Helper()
	other, mallory := foreignAdministrator(c.world)
	c.addEachWay("another organization's administrator", &mallory, c.bearer(&mallory, pat.ScopeAll))
	platform := other.newIdentity(other.organization.ID, "platform")
	other.everything(&platform, other.group().ID)
	c.assign(&platform, directory.PlatformAdmin)
	c.add("another organization's administrator, platform_admin", &platform, c.bearer(&platform, pat.ScopeAll))
}

// foreignAdministrator makes another organization, and somebody who may do everything
// there.
func foreignAdministrator(w *world) (*world, directory.Identity) {
	w.Helper()
	other := *w
	other.organization = w.newOrganization("other")
	mallory := other.newIdentity(other.organization.ID, "mallory")
	other.everything(&mallory, other.group().ID)
	return &other, mallory
}
