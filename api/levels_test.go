package api_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/pat"
)

// place is where tokens of an organization or a group are, and who administers it.
type place struct {
	*world

	level    pat.Level
	of       directory.ID
	path     string
	admin    directory.Identity
	by       string // a token of the admin
	existing map[directory.ID]bool
}

// onBothLevels runs a test for tokens of an organization and of a group, over either store.
func onBothLevels(t *testing.T, test func(t *testing.T, p *place)) {
	t.Helper()
	onBothStores(t, func(t *testing.T, w *world) {
		t.Helper()
		for _, level := range []pat.Level{pat.Organization, pat.Group} {
			t.Run(string(level), func(t *testing.T) {
				inner := *w
				inner.T = t
				test(t, newPlace(&inner, level))
			})
		}
	})
}

func newPlace(w *world, level pat.Level) *place {
	w.Helper()
	p := &place{world: w, level: level, of: w.organization.ID, admin: w.newIdentity(w.organization.ID, w.fresh())}
	w.assign(&p.admin, directory.AccessAsNonInteractiveUser)
	if level == pat.Group {
		p.of = w.group().ID
		w.assignOn(p.of, p.admin.ID, directory.GroupAdmin)
	} else {
		w.assign(&p.admin, directory.OrganizationAdmin)
	}
	p.path, p.by = levelPath(level, p.of), w.bearer(&p.admin, pat.ScopeAll, pat.ScopeOpenID)
	p.existing = p.technicalUsers()
	return p
}

// technicalUsers are those of the organization.
func (p *place) technicalUsers() map[directory.ID]bool {
	p.Helper()
	all := map[directory.ID]bool{}
	for identity, err := range p.people.ListIdentities(p.Context(), p.organization.ID) {
		require.NoError(p, err)
		if identity.Type == directory.TechnicalUser {
			all[identity.ID] = true
		}
	}
	return all
}

// ask sends a request on what is below the place, and expects a status.
func (p *place) ask(status int, method, below, body string) *answer {
	p.Helper()
	got := p.call(p.by, method, p.path+below, body)
	require.Equal(p, status, got.StatusCode, "%s %s: %s", method, below, got.body)
	return got
}

// works reports whether a token, or a JWT, is let in.
func (p *place) works(credential string) bool {
	return p.call(credential, http.MethodGet, "/api/v1/me", "").StatusCode == http.StatusOK
}

func TestLevelTokenIsMadeWithATechnicalUser(t *testing.T) {
	onBothLevels(t, func(t *testing.T, p *place) {
		t.Helper()
		for adminRole, roles := range map[bool]map[pat.Level]directory.Role{
			true:  {pat.Organization: directory.OrganizationAdmin, pat.Group: directory.GroupAdmin},
			false: {pat.Organization: directory.OrganizationUser, pat.Group: directory.GroupUser},
		} {
			made := p.ask(http.StatusOK, http.MethodPost, "", fmt.Sprintf(`{"name":"deploys %v","adminRole":%v}`, adminRole, adminRole))
			require.Equal(t, "no-store", made.Header.Get("Cache-Control"))
			require.Equal(t, adminRole, made.json(t)["adminRole"])
			require.Equal(t, string(p.level), made.text(t, "level"))
			require.Equal(t, string(p.of), made.text(t, "levelId"))
			record := p.stored(pat.ID(made.text(t, "id")))
			require.Equal(t, p.of[:2], directory.ID(record.ID[:2]), "in the shard of its level")
			require.Equal(t, p.of[:2], record.Owner[:2], "and so is its owner")
			require.Equal(t, p.admin.ID, record.CreatedBy)
			owner, err := p.people.Find(t.Context(), record.Owner)
			require.NoError(t, err)
			require.Equal(t, directory.TechnicalUser, owner.Type)
			snapshot, err := p.people.Snapshot(t.Context())
			require.NoError(t, err)
			access := snapshot.AccessOf(&owner)
			held := access.Assignments()
			require.Len(t, held, 1, "it holds its role and nothing else")
			require.Equal(t, roles[p.level], held[0].Role)
			require.Equal(t, p.of, held[0].ScopeID)
			require.True(t, p.works(made.text(t, "token")))

			p.ask(http.StatusNoContent, http.MethodDelete, "/"+string(record.ID), "")
			require.False(t, p.works(made.text(t, "token")))
			_, err = p.people.Find(t.Context(), record.Owner)
			require.ErrorIs(t, err, directory.ErrNotFound)
			snapshot, err = p.people.Snapshot(t.Context())
			require.NoError(t, err)
			_, there := snapshot.Assignment(held[0].ID)
			require.False(t, there, "its role went with it")
			p.ask(http.StatusNotFound, http.MethodGet, "/"+string(record.ID), "")
		}
	})
}

func TestLevelTokenIsDisabledAndReenabled(t *testing.T) {
	onBothLevels(t, func(t *testing.T, p *place) {
		t.Helper()
		made := p.ask(http.StatusOK, http.MethodPost, "", `{"name":"ci","adminRole":true}`)
		token, below := made.text(t, "token"), "/"+made.text(t, "id")
		before := p.jwt(token, "")
		require.True(t, p.works(before))
		disabled := p.ask(http.StatusOK, http.MethodPost, below+"/revoke", "").json(t)
		require.Equal(t, "Revoked", disabled["status"])
		require.Equal(t, true, disabled["reactivatable"])
		require.False(t, p.works(token) || p.works(before))
		enabled := p.ask(http.StatusOK, http.MethodPost, below+"/reactivate", "").json(t)
		require.Equal(t, "Active", enabled["status"])
		require.Nil(t, enabled["revokedAt"])
		require.True(t, p.works(token))
		require.False(t, p.works(before), "what was minted before stays dead")
		require.True(t, p.works(p.jwt(token, "")), "what is minted now works")
		p.ask(http.StatusBadRequest, http.MethodPost, below+"/reactivate", "") // it is not revoked

		child := p.makeLevelToken(token, p.level, p.of, `{"name":"child"}`)
		p.ask(http.StatusOK, http.MethodPost, below+"/revoke", `{"reason":"compromised"}`)
		p.ask(http.StatusBadRequest, http.MethodPost, below+"/reactivate", "")
		require.False(t, p.works(token) || p.works(child.text(t, "token")), "a leak ends the children")
		p.ask(http.StatusBadRequest, http.MethodPost, "/"+child.text(t, "id")+"/reactivate", "")
	})
}

func TestLevelTokenIsRotated(t *testing.T) {
	onBothLevels(t, func(t *testing.T, p *place) {
		t.Helper()
		made := p.ask(http.StatusOK, http.MethodPost, "", `{"name":"ci"}`)
		old, below := made.text(t, "token"), "/"+made.text(t, "id")
		rotated := p.ask(http.StatusOK, http.MethodPost, below+"/rotate", `{"gracePeriodSeconds":3600}`)
		require.Equal(t, "no-store", rotated.Header.Get("Cache-Control"))
		require.True(t, p.works(old) && p.works(rotated.text(t, "token")), "both work")
		uses, ok := p.ask(http.StatusOK, http.MethodGet, below, "").json(t)["oldSecretUses"].([]any)
		require.True(t, ok)
		require.Len(t, uses, 1, "who still uses the old one is shown")
		last := p.ask(http.StatusOK, http.MethodPost, below+"/rotate", `{"gracePeriodSeconds":0}`)
		require.False(t, p.works(old) || p.works(rotated.text(t, "token")))
		require.True(t, p.works(last.text(t, "token")))
	})
}

// Whoever is told the secret acts as the technical user: who cannot give what that one
// was given besides is not told it.
func TestLevelTokenOfSomebodyMightierIsNotRotated(t *testing.T) {
	onBothLevels(t, func(t *testing.T, p *place) {
		t.Helper()
		made := p.ask(http.StatusOK, http.MethodPost, "", `{"name":"ci","adminRole":true}`)
		below := "/" + made.text(t, "id") + "/rotate"
		p.ask(http.StatusOK, http.MethodPost, below, "")
		owner, err := p.people.Find(t.Context(), p.stored(pat.ID(made.text(t, "id"))).Owner)
		require.NoError(t, err)
		p.assign(&owner, directory.ManageSystemSecurityRoles)
		require.Contains(t, p.ask(http.StatusForbidden, http.MethodPost, below, "").cause(t), string(directory.ManageSystemSecurityRoles))
		p.assign(&p.admin, directory.ManageSystemSecurityRoles)
		p.ask(http.StatusOK, http.MethodPost, below, "")
	})
}

func TestTechnicalUserHoldsNothingOnThePlatform(t *testing.T) {
	w := newWorld(t)
	w.assign(&w.alice, directory.PlatformAdmin)
	w.assign(&w.alice, directory.OrganizationAdmin)
	by := w.bearer(&w.alice, pat.ScopeAll)
	made := w.makeLevelToken(by, pat.Organization, w.organization.ID, `{"name":"ci"}`)
	give := func(holder directory.ID) *answer {
		return w.call(by, http.MethodPost, "/api/v1/role-assignments", fmt.Sprintf(`{"role":"platform_admin","scope":"platform","holder":%q}`, holder))
	}
	require.Equal(t, http.StatusOK, give(w.bob.ID).StatusCode)
	got := give(w.stored(pat.ID(made.text(t, "id"))).Owner)
	require.Equal(t, http.StatusBadRequest, got.StatusCode)
	require.Contains(t, got.cause(t), "holder: ")
}

func TestLevelTokensAreListedAndPatched(t *testing.T) {
	onBothLevels(t, func(t *testing.T, p *place) {
		t.Helper()
		p.setPolicy(func(policy *directory.Policy) { policy.MaxTokensPerOwner = 3 })
		for _, name := range []string{"b", "a", "c"} {
			p.ask(http.StatusOK, http.MethodPost, "", fmt.Sprintf(`{"name":%q}`, name))
		}
		require.Equal(t, []string{"a", "b", "c"}, p.ask(http.StatusOK, http.MethodGet, "?sorters=name", "").names(t))
		require.Equal(t, []string{"b"}, p.ask(http.StatusOK, http.MethodGet, "?filters=name%20eq%20%22b%22", "").names(t))
		require.Equal(t, []string{"c", "b"}, p.ask(http.StatusOK, http.MethodGet, "?sorters=-name&limit=2", "").names(t))
		require.Equal(t, "3", p.ask(http.StatusOK, http.MethodGet, "?count=true&limit=0", "").Header.Get("X-Total-Count"))

		require.Contains(t, p.ask(http.StatusBadRequest, http.MethodPost, "", `{"name":"a"}`).cause(t), "name")
		require.Contains(t, p.ask(http.StatusBadRequest, http.MethodPost, "", `{"name":"d"}`).cause(t), "as many tokens as are allowed")
		other := newPlace(p.world, pat.Group)
		other.ask(http.StatusOK, http.MethodPost, "", `{"name":"a"}`) // names and limits are each level's own
		require.Equal(t, http.StatusOK, p.call(p.by, http.MethodPost, collection, `{"name":"a"}`).StatusCode)
		require.Len(t, p.technicalUsers(), len(p.existing)+4, "what was refused left nobody behind")

		first := p.ask(http.StatusOK, http.MethodGet, "?filters=name%20eq%20%22a%22", "").list(t)[0]
		below := fmt.Sprint("/", first["id"])
		patched := p.ask(http.StatusOK, http.MethodPatch, below, `[{"op":"replace","path":"/description","value":"of the team"},{"op":"replace","path":"/scope","value":["x:y:z"]}]`)
		require.Equal(t, "of the team", patched.text(t, "description"))
		require.Equal(t, []any{"x:y:z"}, patched.json(t)["scope"])
		require.Contains(t, p.ask(http.StatusBadRequest, http.MethodPatch, below, `[{"op":"replace","path":"/name","value":"b"}]`).cause(t), "name")
		got := p.ask(http.StatusBadRequest, http.MethodPatch, below, `[{"op":"replace","path":"/adminRole","value":true}]`)
		require.Equal(t, "400.1.1 Illegal update attempt", got.text(t, "detailCode"))

		// the limit counts again when a disabled one comes back
		p.ask(http.StatusOK, http.MethodPost, below+"/revoke", "")
		p.ask(http.StatusOK, http.MethodPost, "", `{"name":"d"}`)
		require.Contains(t, p.ask(http.StatusBadRequest, http.MethodPost, below+"/reactivate", "").cause(t), "as many tokens as are allowed")
		p.setPolicy(func(policy *directory.Policy) { policy.MaxTokensPerOwner = 10 })
	})
}

// A user leaves: their own tokens fail, those of the organization that they made go on.
func TestLeaver(t *testing.T) {
	onBothLevels(t, func(t *testing.T, p *place) {
		t.Helper()
		made := p.ask(http.StatusOK, http.MethodPost, "", `{"name":"ci","adminRole":true}`).text(t, "token")
		jwt := p.jwt(p.by, "")
		require.True(t, p.works(p.by) && p.works(jwt) && p.works(made))
		require.NoError(t, p.people.Unassign(t.Context(), p.organization.ID, directory.AccessAsNonInteractiveUser, p.admin.ID, directory.Actor{}))
		for _, credential := range []string{p.by, jwt} {
			got := p.call(credential, http.MethodGet, "/api/v1/me", "")
			require.Equal(t, http.StatusUnauthorized, got.StatusCode)
			require.Equal(t, "Token validation failed: its owner does not hold the role AccessAsNonInteractiveUser", got.text(t, "error"))
		}
		require.True(t, p.works(made))
		p.assign(&p.admin, directory.AccessAsNonInteractiveUser)
		require.True(t, p.works(p.by) && p.works(jwt), "as of now, not as of then")

		keeper := p.newIdentity(p.organization.ID, p.fresh())
		p.assign(&keeper, directory.AccessAsNonInteractiveUser)
		p.assign(&keeper, directory.ManageSystemSecurityGroups)
		by := p.bearer(&keeper, pat.ScopeAll)
		enable := func(enabled bool, status int) {
			got := p.call(by, http.MethodPatch, "/api/v1/identities/"+string(p.admin.ID), fmt.Sprintf(`[{"op":"replace","path":"/enabled","value":%v}]`, enabled))
			require.Equal(t, status, got.StatusCode, string(got.body))
		}
		enable(false, http.StatusOK)
		for _, credential := range []string{p.by, jwt} {
			got := p.call(credential, http.MethodGet, "/api/v1/me", "")
			require.Equal(t, http.StatusUnauthorized, got.StatusCode)
			require.Equal(t, "Token validation failed: its owner is disabled", got.text(t, "error"))
			require.NotEmpty(t, got.text(t, "denial_id"))
		}
		require.True(t, p.works(made), "nor does that end what they made for all")
		enable(true, http.StatusForbidden) // who has more power than the keeper could give
		p.assign(&keeper, directory.ManageSystemSecurityRoles)
		enable(true, http.StatusOK)
		require.True(t, p.works(p.by) && p.works(jwt))
	})
}

// A117: a right that is lost between page and click.
func TestAdministratorLosesTheGroup(t *testing.T) {
	onBothLevels(t, func(t *testing.T, p *place) {
		t.Helper()
		made := p.ask(http.StatusOK, http.MethodPost, "", `{"name":"ci"}`)
		below := "/" + made.text(t, "id")
		p.ask(http.StatusOK, http.MethodGet, below, "")
		role := directory.OrganizationAdmin
		if p.level == pat.Group {
			role = directory.GroupAdmin
		}
		require.NoError(t, p.people.Unassign(t.Context(), p.organization.ID, role, p.admin.ID, directory.Actor{}))
		for _, request := range [][2]string{{http.MethodPost, "/revoke"}, {http.MethodPost, "/rotate"}, {http.MethodDelete, ""}} {
			p.ask(http.StatusForbidden, request[0], below+request[1], "")
		}
		require.True(t, p.works(made.text(t, "token")))
	})
}

// The policy is told before and after what it ends, and when.
func TestPolicyTellsWhatItEnds(t *testing.T) {
	const day = 24 * time.Hour
	w := newWorld(t)
	p := newPlace(w, pat.Organization)
	old, oldToken := w.token(&w.alice, "old")
	w.clock.advance(100 * day)
	young, youngToken := w.token(&w.bob, "young")
	soon, _ := w.token(&w.bob, "soon", func(d *pat.Draft) { d.Expiration = w.clock.now().Add(day) })
	p.by = w.bearer(&p.admin, pat.ScopeAll)
	put := func(query, body string) map[string]any {
		got := w.call(p.by, http.MethodPut, "/api/v1/organizations/"+string(w.organization.ID)+"/policy"+query, body)
		require.Equal(t, http.StatusOK, got.StatusCode, string(got.body))
		return got.json(t)
	}
	ends := func(answer map[string]any) map[string]string {
		list, ok := answer["ends"].([]any)
		require.True(t, ok)
		all := map[string]string{}
		for _, one := range list {
			end, ok := one.(map[string]any)
			require.True(t, ok)
			all[fmt.Sprint(end["id"])] = fmt.Sprint(end["endsAt"], " ", end["reason"])
		}
		return all
	}
	at := func(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

	lenient := put("?preview=true", `{"maxLifetimeSeconds":7776000,"enforceOnExisting":false}`)
	require.Empty(t, ends(lenient), "it is for those to come")
	strict := `{"maxLifetimeSeconds":7776000,"enforceOnExisting":true,"maxTokensPerOwner":0}`
	preview := put("?preview=true", strict)
	require.Equal(t, false, preview["applied"])
	told := ends(preview)
	require.Equal(t, at(old.Created.Add(90*day))+" lifetime", told[string(old.ID)])
	require.Equal(t, at(young.Created.Add(90*day))+" lifetime", told[string(young.ID)])
	require.NotContains(t, told, string(soon.ID), "that one ends sooner by itself")
	require.True(t, p.works(oldToken), "a preview does nothing")

	applied := put("", strict)
	require.Equal(t, true, applied["applied"])
	require.Equal(t, told, ends(applied), "before and after are the same")
	require.False(t, p.works(oldToken))
	require.True(t, p.works(youngToken))
	require.Equal(t, at(young.Created.Add(90*day)), w.call(youngToken, http.MethodGet, one(&young), "").text(t, "expirationDate"))
	w.clock.advance(89 * day)
	require.True(t, p.works(youngToken))
	w.clock.advance(day)
	require.False(t, p.works(youngToken))

	p.by = w.bearer(&p.admin, pat.ScopeAll)
	idle, _ := w.token(&w.alice, "idle")
	w.clock.advance(30 * day)
	fresh, _ := w.token(&w.alice, "fresh")
	unused := ends(put("?preview=true", `{"unusedRevokeDays":30,"maxTokensPerOwner":0}`))
	require.Equal(t, at(w.clock.now())+" unused", unused[string(idle.ID)])
	require.NotContains(t, unused, string(fresh.ID))
}
