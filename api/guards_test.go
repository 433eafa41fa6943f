package api_test

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/pat"
)

// inCharge is somebody who manages groups and roles and administers the platform.
func inCharge(w *world) (directory.Identity, string) {
	w.Helper()
	admin := w.newIdentity(w.organization.ID, w.fresh())
	for _, role := range []directory.Role{
		directory.AccessAsNonInteractiveUser, directory.ManageSystemSecurityGroups, directory.ManageSystemSecurityRoles, directory.PlatformAdmin,
	} {
		w.assign(&admin, role)
	}
	w.clock.advance(2 * time.Second)
	return admin, w.bearer(&admin, pat.ScopeAll)
}

// keeper is somebody who manages groups and no more.
func keeper(w *world) string {
	w.Helper()
	identity := w.newIdentity(w.organization.ID, w.fresh())
	w.assign(&identity, directory.AccessAsNonInteractiveUser)
	w.assign(&identity, directory.ManageSystemSecurityGroups)
	return w.bearer(&identity, pat.ScopeAll)
}

const disable = `[{"op":"replace","path":"/enabled","value":false}]`

// However it is tried, somebody who may act administers the platform.
func TestTheLastAdministratorStays(t *testing.T) {
	w := newWorld(t)
	admin, by := inCharge(w)
	groups := keeper(w)
	outer, inner, other := w.group(), w.group(), w.group()
	mine, err := w.people.AddAssignment(t.Context(), w.organization.ID, directory.Assignment{Role: directory.PlatformAdmin, Scope: directory.OnPlatform, Holder: admin.ID}, directory.Actor{})
	require.NoError(t, err)
	byGroup, err := w.people.AddAssignment(t.Context(), w.organization.ID, directory.Assignment{Role: directory.PlatformAdmin, Scope: directory.OnPlatform, Holder: outer.ID}, directory.Actor{})
	require.NoError(t, err)
	require.NoError(t, w.people.NestGroup(t.Context(), outer.ID, inner.ID, directory.Actor{}))
	require.NoError(t, w.people.NestGroup(t.Context(), outer.ID, other.ID, directory.Actor{}))
	person := w.newIdentity(w.organization.ID, w.fresh())
	require.NoError(t, w.people.AddMember(t.Context(), inner.ID, person.ID, directory.Actor{}))

	try := func(by, method, path, body string, status int) {
		got := w.call(by, method, "/api/v1"+path, body)
		require.Equal(t, status, got.StatusCode, "%s %s: %s", method, path, got.body)
		if status == http.StatusConflict {
			require.Contains(t, got.cause(t), "nobody would administer the platform")
		}
	}
	// While the group gives it to somebody, the one who has it directly may go.
	try(groups, http.MethodPatch, "/identities/"+string(admin.ID), disable, http.StatusOK)
	for _, last := range []struct{ method, path, body string }{
		{http.MethodDelete, "/groups/" + string(inner.ID) + "/members/" + string(person.ID), ""},
		{http.MethodDelete, "/groups/" + string(outer.ID) + "/children/" + string(inner.ID), ""},
		{http.MethodDelete, "/groups/" + string(inner.ID), ""},
		{http.MethodDelete, "/groups/" + string(outer.ID), ""},
		{http.MethodPatch, "/identities/" + string(person.ID), disable},
		{http.MethodDelete, "/identities/" + string(person.ID), ""},
	} {
		try(groups, last.method, last.path, last.body, http.StatusConflict)
	}
	try(groups, http.MethodDelete, "/groups/"+string(outer.ID)+"/children/"+string(other.ID), "", http.StatusNoContent)
	// And the other way round.
	require.NoError(t, enableAgain(w, admin.ID))
	try(groups, http.MethodDelete, "/groups/"+string(inner.ID)+"/members/"+string(person.ID), "", http.StatusNoContent)
	try(by, http.MethodDelete, "/role-assignments/"+string(mine.ID), "", http.StatusConflict)
	try(groups, http.MethodPatch, "/identities/"+string(admin.ID), disable, http.StatusConflict)
	try(by, http.MethodDelete, "/role-assignments/"+string(byGroup.ID), "", http.StatusNoContent)
}

func enableAgain(w *world, id directory.ID) error {
	_, err := w.people.UpdateIdentity(w.Context(), id, func(i *directory.Identity) error {
		i.Enabled = true
		return nil
	}, directory.Actor{})
	return err
}

// Of two who give up the last two assignments at once, one is refused.
func TestTheLastAssignmentsAreNotGivenUpAtOnce(t *testing.T) {
	for range 5 {
		w := newWorld(t)
		_, by := inCharge(w)
		_, other := inCharge(w)
		var paths []string
		for _, one := range w.call(by, http.MethodGet, "/api/v1/role-assignments?filters=role%20eq%20%22platform_admin%22", "").list(t) {
			paths = append(paths, "/api/v1/role-assignments/"+fmt.Sprint(one["id"]))
		}
		require.Len(t, paths, 2)
		codes := make([]int, 2)
		var both sync.WaitGroup
		for i, token := range []string{by, other} {
			both.Go(func() { codes[i] = w.call(token, http.MethodDelete, paths[i], "").StatusCode })
		}
		both.Wait()
		require.NotEqual(t, []int{http.StatusNoContent, http.StatusNoContent}, codes)
	}
}

// A login recorded for somebody who had become inactive lets them act again.
func TestAwakeningIsGiving(t *testing.T) {
	w := newWorld(t)
	w.setPolicy(func(p *directory.Policy) { p.LogonInactivityDays = 1 })
	groups := keeper(w)
	plain, mighty := w.newIdentity(w.organization.ID, w.fresh()), w.newIdentity(w.organization.ID, w.fresh())
	w.assign(&mighty, directory.ManageSystemSecurityRoles)
	for _, one := range []directory.Identity{plain, mighty} {
		require.Equal(t, http.StatusOK, w.call(groups, http.MethodPost, "/api/v1/identities/"+string(one.ID)+"/logins", "").StatusCode)
	}
	w.clock.advance(25 * time.Hour)
	require.NoError(t, w.ring.Open(t.Context()))
	groups = keeper(w)
	require.Equal(t, http.StatusOK, w.call(groups, http.MethodPost, "/api/v1/identities/"+string(plain.ID)+"/logins", "").StatusCode)
	got := w.call(groups, http.MethodPost, "/api/v1/identities/"+string(mighty.ID)+"/logins", "")
	require.Equal(t, http.StatusForbidden, got.StatusCode, string(got.body))
}

// A policy that would end its author at once is refused.
func TestPolicyLetsItsAuthorLive(t *testing.T) {
	w := newWorld(t)
	w.assign(&w.alice, directory.OrganizationAdmin)
	token := w.bearer(&w.alice, pat.ScopeAll)
	w.clock.advance(2 * time.Minute)
	path := "/api/v1/organizations/" + string(w.organization.ID) + "/policy"
	for body, status := range map[string]int{
		`{"maxLifetimeSeconds":120,"enforceOnExisting":true}`:  http.StatusBadRequest,
		`{"maxLifetimeSeconds":120,"enforceOnExisting":false}`: http.StatusOK,
		`{"maxLifetimeSeconds":121,"enforceOnExisting":true}`:  http.StatusOK,
	} {
		require.Equal(t, status, w.call(token, http.MethodPut, path+"?preview=true", body).StatusCode, body)
	}
	w.clock.advance(24 * time.Hour)
	require.NoError(t, w.ring.Open(t.Context()))
	got := w.call(token, http.MethodPut, path+"?preview=true", `{"logonInactivityDays":1}`)
	require.Equal(t, http.StatusBadRequest, got.StatusCode)
	require.Contains(t, got.cause(t), "would make you inactive at once")
}

// A right is the same however often, and in whatever order, it is named.
func TestRightsAreNamedOnce(t *testing.T) {
	w := newWorld(t)
	_, by := inCharge(w)
	body := `{"scope":"organization","holder":"` + string(w.bob.ID) + `","rights":[%s]}`
	const introspect, read = `"cambio:introspect"`, `"idn:all-personal-access-tokens:read"`
	first := w.call(by, http.MethodPost, "/api/v1/role-assignments", fmt.Sprintf(body, introspect+","+read)).text(t, "id")
	again := w.call(by, http.MethodPost, "/api/v1/role-assignments", fmt.Sprintf(body, read+","+introspect+","+read)).text(t, "id")
	require.Equal(t, first, again)
}

// Who asks again for an organization whose administrator could not be made goes on
// where it ended; any other name that is taken is taken.
func TestOrganizationIsFoundedInTheEnd(t *testing.T) {
	w := newWorld(t)
	_, by := inCharge(w)
	body := `{"name":"acme two","administrator":{"username":"root"}}`
	for after := range 4 { // the organization, roles, the administrator
		broken := w.troubled(&trouble{after: after, once: true})
		require.Equal(t, http.StatusServiceUnavailable, broken.call(by, http.MethodPost, "/api/v1/organizations", body).StatusCode, "after %d writes", after)
	}
	made := w.call(by, http.MethodPost, "/api/v1/organizations", body)
	require.Equal(t, http.StatusOK, made.StatusCode, string(made.body))
	require.NotNil(t, made.json(t)["administrator"])
	for _, again := range []string{body, `{"name":"acme two"}`, `{"name":"acme","administrator":{"username":"root"}}`} {
		require.Equal(t, http.StatusBadRequest, w.call(by, http.MethodPost, "/api/v1/organizations", again).StatusCode, again)
	}
	unknown := w.call(by, http.MethodPost, "/api/v1/organizations", `{"name":"third","administrator":{"username":""}}`)
	require.Equal(t, http.StatusBadRequest, unknown.StatusCode)
	_, founded := snapshotOf(w).OrganizationByName("third")
	require.False(t, founded, "what is wrong with an administrator is told before there is an organization")
}

func snapshotOf(w *world) *directory.Snapshot {
	w.Helper()
	require.NoError(w, w.people.Refresh(w.Context()))
	snapshot, err := w.people.Snapshot(w.Context())
	require.NoError(w, err)
	return snapshot
}

// A token that is made while its group is deleted does not outlive it.
func TestTokenGoesWithItsGroup(t *testing.T) {
	w := newWorld(t)
	group := w.group()
	require.NoError(t, w.people.Assign(t.Context(), w.organization.ID, directory.Assignment{
		Role: directory.GroupAdmin, Scope: directory.OnGroup, ScopeID: group.ID, Holder: w.alice.ID,
	}, directory.Actor{}))
	w.clock.advance(2 * time.Second)
	by, path := w.bearer(&w.alice, pat.ScopeAll), "/api/v1/groups/"+string(group.ID)+"/access-tokens"
	writes := 0
	racing := w.troubled(&trouble{after: 1 << 20, watch: func(ctx context.Context) {
		if writes++; writes == 3 { // the token itself is about to be written
			require.NoError(t, w.people.DeleteGroup(ctx, group.ID, directory.Actor{}))
		}
	}})
	require.Equal(t, http.StatusNotFound, racing.call(by, http.MethodPost, path, `{"name":"late"}`).StatusCode)
	for record, err := range w.tokens.List(t.Context(), pat.Query{Organization: w.organization.ID}) {
		require.NoError(t, err)
		require.Equal(t, pat.Personal, record.Level)
	}
}

// What is asked of the audit trail is bounded.
func TestAuditSearchIsBounded(t *testing.T) {
	w := newWorld(t)
	w.assign(&w.alice, directory.OrganizationAdmin)
	w.clock.advance(2 * time.Second)
	by := w.bearer(&w.alice, pat.ScopeAll)
	for query, status := range map[string]int{
		"event=NEVER_HEARD_OF*": http.StatusOK, "event=PERSONAL_*": http.StatusOK, "offset=10000": http.StatusOK, "offset=10001": http.StatusBadRequest,
		"outcome=maybe": http.StatusBadRequest, "from=yesterday": http.StatusBadRequest,
	} {
		require.Equal(t, status, w.call(by, http.MethodGet, "/api/v1/audit-events?"+query, "").StatusCode, query)
	}
}
