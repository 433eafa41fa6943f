package manage_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/manage"
)

// TestOnlyThePlatformLinksElsewhere: where people of every organization log in to one
// provider, an organization's administrator does not say who is a stranger there.
func TestOnlyThePlatformLinksElsewhere(t *testing.T) {
	onBothStores(t, func(t *testing.T, w *world) {
		t.Helper()
		home, other := w.organization(directory.DefaultPolicy()), w.organization(directory.DefaultPolicy())
		w.loginsTo(home.Name)
		keeper, here := w.person(other.ID, directory.ManageSystemSecurityGroups), w.person(home.ID, directory.ManageSystemSecurityGroups)
		both := w.person(other.ID, directory.ManageSystemSecurityGroups)
		require.NoError(t, w.people.Assign(t.Context(), other.ID, directory.Assignment{Role: directory.PlatformAdmin, Scope: directory.OnPlatform, Holder: both.ID}, directory.Actor{}))
		somebody := w.person(other.ID)
		link := func(c *manage.Caller, subject string) error {
			_, err := w.manager.UpdateIdentity(t.Context(), c, string(somebody.ID), nil, func(i *directory.Identity) error {
				i.Issuer, i.Subject = "https://idp.example.com", subject
				return nil
			})
			return err
		}
		create := func(c *manage.Caller, issuer, subject string) error {
			_, err := w.manager.CreateIdentity(t.Context(), c, manage.Given(directory.Identity{Username: "by " + string(c.Identity.ID) + subject, Enabled: true, Issuer: issuer, Subject: subject}))
			return err
		}
		lack := new(*manage.LackError)
		require.ErrorAs(t, link(w.session(&keeper), "1"), lack)
		require.Equal(t, directory.PlatformAdmin, (*lack).Role)
		require.ErrorAs(t, create(w.session(&keeper), "https://idp.example.com", "2"), lack)
		require.NoError(t, create(w.session(&keeper), "", ""))
		require.NoError(t, create(w.session(&here), "https://idp.example.com", "3"), "people log in here first")
		require.NoError(t, link(w.session(&both), "1"))
		_, err := w.manager.UpdateIdentity(t.Context(), w.session(&keeper), string(somebody.ID), nil, func(i *directory.Identity) error {
			i.DisplayName = "Somebody Else"
			return nil
		})
		require.NoError(t, err, "what is said already stays")
	})
}
