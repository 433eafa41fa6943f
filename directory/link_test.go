package directory_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/fault"
)

// One login at an identity provider is one person, whatever the organization.
func TestLinkIsUniqueAcrossOrganizations(t *testing.T) {
	w := newWorld(t)
	globex, err := w.AddOrganization(t.Context(), "globex", directory.DefaultPolicy(), platform)
	require.NoError(t, err)
	linked := directory.Identity{Organization: w.organization.ID, Username: "alice", ExternalID: "7", Issuer: "https://idp.example.com", Subject: "a-7", Enabled: true}
	_, err = w.CreateIdentity(t.Context(), linked, platform)
	require.NoError(t, err)

	for name, one := range map[string]struct {
		change func(*directory.Identity)
		want   error
	}{
		"the same link":     {func(*directory.Identity) {}, directory.ErrNameTaken},
		"another subject":   {func(i *directory.Identity) { i.Subject = "a-8" }, nil},
		"another issuer":    {func(i *directory.Identity) { i.Issuer += "/realm" }, nil},
		"the same but none": {func(i *directory.Identity) { i.Issuer, i.Subject = "", "" }, nil}, // names are of an organization
	} {
		t.Run(name, func(t *testing.T) {
			theirs := linked
			theirs.Organization = globex.ID
			one.change(&theirs)
			made, err := w.CreateIdentity(t.Context(), theirs, platform)
			require.ErrorIs(t, err, one.want)
			if err == nil {
				require.NoError(t, w.DeleteIdentity(t.Context(), &made, platform))
			}
			plain, err := w.CreateIdentity(t.Context(), directory.Identity{Organization: globex.ID, Username: "alice"}, platform)
			require.NoError(t, err)
			_, err = w.UpdateIdentity(t.Context(), plain.ID, func(now *directory.Identity) error {
				now.Issuer, now.Subject = theirs.Issuer, theirs.Subject
				return nil
			}, platform)
			require.ErrorIs(t, err, one.want)
			require.NoError(t, w.DeleteIdentity(t.Context(), &plain, platform))
		})
	}
}

// noLogins is a store of identities in which no login can be looked up.
type noLogins struct {
	directory.Identities
	asked int
}

func (n *noLogins) FindByLogin(context.Context, directory.ID, directory.LoginKind, string) (directory.Identity, error) {
	n.asked++
	return directory.Identity{}, errors.Join(errors.New("connection refused"), fault.ErrUnavailable)
}

// A link that cannot be looked for elsewhere is not taken, and one that stays is not
// looked for.
func TestLinkIsLookedForWhenItChanges(t *testing.T) {
	w := newWorld(t)
	store := &noLogins{Identities: w.db.Identities()}
	people, err := directory.New(directory.Config{Identities: store, Catalog: w.db.Catalog(), Now: time.Now})
	require.NoError(t, err)
	linked := directory.Identity{Organization: w.organization.ID, Username: "alice", Issuer: "https://idp.example.com", Subject: "a-7"}
	made, err := people.CreateIdentity(t.Context(), linked, platform)
	require.NoError(t, err)
	require.Zero(t, store.asked, "there is no other organization")

	_, err = people.AddOrganization(t.Context(), "globex", directory.DefaultPolicy(), platform)
	require.NoError(t, err)
	_, err = people.UpdateIdentity(t.Context(), made.ID, func(now *directory.Identity) error {
		now.DisplayName = "Alice"
		return nil
	}, platform)
	require.NoError(t, err)
	require.Zero(t, store.asked)
	_, err = people.UpdateIdentity(t.Context(), made.ID, func(now *directory.Identity) error {
		now.Subject = "a-8"
		return nil
	}, platform)
	require.ErrorIs(t, err, fault.ErrUnavailable)
	require.Equal(t, 1, store.asked)
	linked.Username, linked.Subject = "bob", "b-1"
	_, err = people.CreateIdentity(t.Context(), linked, platform)
	require.ErrorIs(t, err, fault.ErrUnavailable)
}
