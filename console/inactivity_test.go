package console_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/directory"
)

func TestInactivityReport(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	admin := w.person("ruth", directory.AdministerNonInteractiveUser)
	w.person("alice")
	off := w.signIn(&admin).see("/console/inactivity")
	require.Contains(t, off, "Nobody becomes inactive")
	require.NotContains(t, off, "Change the threshold", "they may not")

	_, err := w.people.UpdateOrganization(t.Context(), w.home.ID, func(o *directory.Organization) error { o.Policy.LogonInactivityDays = 30; return nil }, directory.Actor{})
	require.NoError(t, err)
	w.advance(25 * 24 * time.Hour)
	require.NoError(t, w.people.Refresh(t.Context()))
	w.person("carl")
	b := w.signIn(&admin)
	all := b.see("/console/inactivity")
	require.Contains(t, all, "does not log in for 30 days")
	require.Contains(t, all, "1 to 3 of 3")
	require.Less(t, strings.Index(all, ">alice<"), strings.Index(all, ">carl<"), "who has the fewest days is first")
	require.Contains(t, all, `class="badge warn">5 days`)
	require.NotContains(t, all, "/console/people/", "they may not read people")

	week := b.see("/console/inactivity?days=7")
	require.Contains(t, week, ">alice<")
	require.NotContains(t, week, ">carl<")
	require.Contains(t, b.see("/console/inactivity?days=0"), "Nobody has that few days left.")
	require.Contains(t, b.see("/console/inactivity?days=x"), "1 to 3 of 3")

	w.advance(6 * 24 * time.Hour)
	reader := w.person("dora", directory.AdministerNonInteractiveUser, directory.ManageSystemSecurityGroups, directory.OrganizationAdmin)
	late := w.signIn(&reader).see("/console/inactivity?days=0")
	require.Contains(t, late, `class="badge bad">none`)
	require.Contains(t, late, `class="badge warn">Inactive`)
	require.Contains(t, late, `href="/console/people/`)
	require.Contains(t, late, `href="/console/policy#logonInactivityDays"`)
}

func TestInactivityIsTheAdministrators(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	bob := w.person("bob", directory.AccessAsNonInteractiveUser, directory.OrganizationAdmin)
	b := w.signIn(&bob)
	require.NotContains(t, b.see("/console/"), `href="/console/inactivity"`)
	require.Equal(t, http.StatusForbidden, b.get("/console/inactivity").status)
}
