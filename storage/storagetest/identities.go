package storagetest

import (
	"cmp"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/id"
	"github.com/cambio-sts/cambio/pat"
)

func runIdentities(t *testing.T, open func(*testing.T) Stores) {
	t.Helper()
	tests(t, open, map[string]func(*testing.T, Stores){
		"every field comes back":  identityRoundTrip,
		"refusals leave nothing":  identityRefusals,
		"one of 200 gets a login": identityLoginRace,
		"replace":                 identityReplace,
		"one of 50 replaces":      identityReplaceRace,
		"new logins":              identityLogins,
		"delete":                  identityDelete,
		"list":                    identityList,
		"unknown":                 identityUnknown,
	})
}

func createIdentity(t *testing.T, s Stores, identity directory.Identity) {
	t.Helper()
	require.NoError(t, s.Identities.Create(t.Context(), identity, event(audit.IdentityCreated)))
}

func mustFindIdentity(t *testing.T, s Stores, identity directory.ID) directory.Identity {
	t.Helper()
	out, err := s.Identities.Find(t.Context(), identity)
	require.NoError(t, err)
	return out
}

// logins are the names by which identity is found.
func logins(identity *directory.Identity) map[directory.LoginKind]string {
	out := map[directory.LoginKind]string{directory.ByUsername: identity.Username}
	if identity.ExternalID != "" {
		out[directory.ByExternalID] = identity.ExternalID
	}
	if identity.Subject != "" {
		out[directory.ByProvider] = directory.ProviderKey(identity.Issuer, identity.Subject)
	}
	return out
}

func requireLogins(t *testing.T, s Stores, identity directory.Identity) {
	t.Helper()
	for kind, key := range logins(&identity) {
		got, err := s.Identities.FindByLogin(t.Context(), identity.Organization, kind, key)
		require.NoError(t, err, kind)
		require.Equal(t, identity, got, kind)
	}
}

func requireNoLogin(t *testing.T, s Stores, kind directory.LoginKind, key string) {
	t.Helper()
	_, err := s.Identities.FindByLogin(t.Context(), organization, kind, key)
	require.ErrorIs(t, err, directory.ErrNotFound, "%s %q", kind, key)
}

func identityRoundTrip(t *testing.T, s Stores) {
	t.Helper()
	zero := directory.Identity{ID: directory.ID(id.New()), Organization: organization, Type: directory.User, Username: "z", Revision: 1}
	for _, identity := range []directory.Identity{filledIdentity(t), newIdentity(), zero} {
		created := event(audit.IdentityCreated)
		require.NoError(t, s.Identities.Create(t.Context(), identity, created))
		require.Equal(t, identity, mustFindIdentity(t, s, identity.ID))
		requireLogins(t, s, identity)
		requireEvents(t, s, created)
		record := newRecord(identity.ID)
		mustCreate(t, s, record)
		drain(t, s)
		require.Equal(t, identity, mustUse(t, s, present(&record, right(&record))).Owner)
	}
	require.Len(t, collect(t, s.Identities.List(t.Context(), organization)), 3)
}

func identityRefusals(t *testing.T, s Stores) {
	t.Helper()
	taken := filledIdentity(t)
	createIdentity(t, s, taken)
	drain(t, s)
	for name, c := range map[string]struct {
		change func(*directory.Identity)
		want   error
	}{
		"username":   {func(i *directory.Identity) { i.Username = taken.Username }, directory.ErrNameTaken},
		"externalId": {func(i *directory.Identity) { i.ExternalID = taken.ExternalID }, directory.ErrNameTaken},
		"provider":   {func(i *directory.Identity) { i.Issuer, i.Subject = taken.Issuer, taken.Subject }, directory.ErrNameTaken},
		"id":         {func(i *directory.Identity) { i.ID = taken.ID }, directory.ErrConflict},
	} {
		refused := filledIdentity(t)
		refused.Username, refused.ExternalID, refused.Subject = "u "+name, "x "+name, "s "+name
		free := refused
		c.change(&refused)
		require.ErrorIs(t, s.Identities.Create(t.Context(), refused, event(audit.IdentityCreated)), c.want, name)
		require.Equal(t, taken, mustFindIdentity(t, s, taken.ID), name)
		requireLogins(t, s, taken)
		if refused.ID != taken.ID {
			_, err := s.Identities.Find(t.Context(), refused.ID)
			require.ErrorIs(t, err, directory.ErrNotFound, name)
		}
		require.Empty(t, drain(t, s), name)
		free.ID = directory.ID(id.New())
		require.NoError(t, s.Identities.Create(t.Context(), free, event(audit.IdentityCreated)), "%s: the logins stay free", name)
		require.NoError(t, s.Identities.Delete(t.Context(), free.ID, event(audit.IdentityDeleted)))
		drain(t, s)
	}
	abroad := taken
	abroad.ID, abroad.Organization = directory.ID(id.New()), directory.ID(id.New())
	createIdentity(t, s, abroad) // names are unique in one organization
	requireLogins(t, s, abroad)
	requireLogins(t, s, taken)
}

func identityLoginRace(t *testing.T, s Stores) {
	t.Helper()
	for kind, set := range map[directory.LoginKind]func(*directory.Identity){
		directory.ByUsername:   func(i *directory.Identity) { i.Username = "the one" },
		directory.ByExternalID: func(i *directory.Identity) { i.ExternalID = "the one" },
		directory.ByProvider:   func(i *directory.Identity) { i.Issuer, i.Subject = "the", "one" },
	} {
		var made atomic.Int64
		together(200, func(int) {
			identity, created := newIdentity(), event(audit.IdentityCreated)
			set(&identity)
			err := insist(func() error { return s.Identities.Create(t.Context(), identity, created) })
			tally(t, &made, err, directory.ErrNameTaken)
		})
		require.EqualValues(t, 1, made.Load(), kind)
		require.Len(t, drain(t, s), 1, kind)
	}
	require.Len(t, collect(t, s.Identities.List(t.Context(), organization)), 3)
}

func identityReplace(t *testing.T, s Stores) {
	t.Helper()
	before := filledIdentity(t)
	createIdentity(t, s, before)
	drain(t, s)
	after := newIdentity()
	after.ID, after.Revision, after.Created = before.ID, before.Revision, before.Created
	after.Enabled = false
	updated := event(audit.IdentityUpdated)
	require.NoError(t, s.Identities.Replace(t.Context(), after, updated))
	after.Revision++
	require.Equal(t, after, mustFindIdentity(t, s, before.ID))
	requireEvents(t, s, updated)
	for name, c := range map[string]struct {
		change func(*directory.Identity)
		want   error
	}{
		"an earlier revision": {func(i *directory.Identity) { i.Revision-- }, directory.ErrConflict},
		"a later revision":    {func(i *directory.Identity) { i.Revision++ }, directory.ErrConflict},
		"unknown":             {func(i *directory.Identity) { i.ID = directory.ID(id.New()) }, directory.ErrNotFound},
		"ill-formed":          {func(i *directory.Identity) { i.ID = "{}" }, directory.ErrNotFound},
	} {
		refused := after
		refused.Username = "renamed"
		c.change(&refused)
		require.ErrorIs(t, s.Identities.Replace(t.Context(), refused, event(audit.IdentityUpdated)), c.want, name)
		require.Equal(t, after, mustFindIdentity(t, s, after.ID), name)
		requireLogins(t, s, after)
		requireNoLogin(t, s, directory.ByUsername, "renamed")
		require.Empty(t, drain(t, s), name)
	}
	free := newIdentity()
	free.Username = "renamed"
	createIdentity(t, s, free)
}

func identityReplaceRace(t *testing.T, s Stores) {
	t.Helper()
	identity := newIdentity()
	createIdentity(t, s, identity)
	drain(t, s)
	var won atomic.Int64
	together(50, func(i int) {
		changed, updated := identity, event(audit.IdentityUpdated)
		changed.Username, changed.DisplayName = fmt.Sprint("name ", i%5), updated.ID
		err := insist(func() error { return s.Identities.Replace(t.Context(), changed, updated) })
		tally(t, &won, err, directory.ErrConflict)
	})
	require.EqualValues(t, 1, won.Load())
	events := drain(t, s)
	require.Len(t, events, 1)
	after := mustFindIdentity(t, s, identity.ID)
	require.Equal(t, events[0].ID, after.DisplayName)
	requireLogins(t, s, after)
	requireNoLogin(t, s, directory.ByUsername, identity.Username)
	other := newIdentity()
	other.Username = after.Username
	require.ErrorIs(t, s.Identities.Create(t.Context(), other, event(audit.IdentityCreated)), directory.ErrNameTaken)
}

// identityLogins: a name that is given up is free at once, one that is taken
// stays with who has it, and names may go back and forth.
func identityLogins(t *testing.T, s Stores) {
	t.Helper()
	first, second := filledIdentity(t), filledIdentity(t)
	second.Username, second.ExternalID, second.Subject = "second", "second", "second"
	createIdentity(t, s, first)
	createIdentity(t, s, second)
	old := first
	clash := first
	clash.Username, clash.ExternalID = "free", second.ExternalID
	require.ErrorIs(t, s.Identities.Replace(t.Context(), clash, event(audit.IdentityUpdated)), directory.ErrNameTaken)
	requireLogins(t, s, first)
	requireNoLogin(t, s, directory.ByUsername, "free")

	for range 3 {
		first.Username, first.ExternalID, first.Issuer, first.Subject = "free", "", "", ""
		require.NoError(t, s.Identities.Replace(t.Context(), first, event(audit.IdentityUpdated)))
		first.Revision++
		requireLogins(t, s, first)
		for kind, key := range logins(&old) {
			requireNoLogin(t, s, kind, key)
		}
		heir := newIdentity()
		heir.Username, heir.ExternalID, heir.Issuer, heir.Subject = old.Username, old.ExternalID, old.Issuer, old.Subject
		createIdentity(t, s, heir)
		requireLogins(t, s, heir)
		require.NoError(t, s.Identities.Delete(t.Context(), heir.ID, event(audit.IdentityDeleted)))
		first.Username, first.ExternalID, first.Issuer, first.Subject = old.Username, old.ExternalID, old.Issuer, old.Subject
		require.NoError(t, s.Identities.Replace(t.Context(), first, event(audit.IdentityUpdated)))
		first.Revision++
		requireLogins(t, s, first)
		requireNoLogin(t, s, directory.ByUsername, "free")
	}
	requireLogins(t, s, second)
}

func identityDelete(t *testing.T, s Stores) {
	t.Helper()
	owner, other := filledIdentity(t), newOwner(t, s)
	createIdentity(t, s, owner)
	var gone []pat.Record
	for i := range 12 {
		record := newRecord(owner.ID)
		switch i {
		case 0:
			record.Level, record.LevelID = pat.Group, directory.ID(id.NewIn(string(owner.ID)))
		case 1:
			record.State = pat.StateRevoked
		case 2:
			record.Expiration = clock().Add(-time.Hour)
		case 3:
			record.CreatedByPAT = pat.ID(otherShard(string(owner.ID)))
			record.Lineage = []pat.ID{pat.NewID(owner.ID), record.CreatedByPAT}
		}
		mustCreate(t, s, record)
		gone = append(gone, record)
	}
	stays := newRecord(other.ID)
	mustCreate(t, s, stays)
	drain(t, s)
	deleted := event(audit.IdentityDeleted)
	deleted.Actor, deleted.Subject = string(other.ID), string(owner.ID)
	deleted = deleted.From(present(&stays).Origin)
	require.NoError(t, s.Identities.Delete(t.Context(), owner.ID, deleted))
	requireDeletedWithOwner(t, s, deleted, gone)
	_, err := s.Identities.Find(t.Context(), owner.ID)
	require.ErrorIs(t, err, directory.ErrNotFound)
	for kind, key := range logins(&owner) {
		requireNoLogin(t, s, kind, key)
	}
	for i := range gone {
		_, err := s.PATs.Find(t.Context(), gone[i].ID)
		require.ErrorIs(t, err, pat.ErrNotFound)
		require.Zero(t, mustUse(t, s, present(&gone[i], right(&gone[i]))).Record)
		require.Empty(t, collect(t, s.PATs.List(t.Context(), pat.Query{Organization: organization, Holder: gone[i].Holder()})))
	}
	requireListed(t, s, pat.Query{Organization: organization}, []pat.Record{stays})
	for _, ancestor := range gone[3].Lineage {
		require.Empty(t, collect(t, s.PATs.List(t.Context(), pat.Query{Organization: organization, Ancestor: ancestor})))
	}
	require.ErrorIs(t, s.PATs.Create(t.Context(), newRecord(owner.ID), 0, event(audit.TokenCreated)), pat.ErrNoOwner)
	require.ErrorIs(t, s.Identities.Delete(t.Context(), owner.ID, event(audit.IdentityDeleted)), directory.ErrNotFound)
	require.ErrorIs(t, s.Identities.Replace(t.Context(), owner, event(audit.IdentityUpdated)), directory.ErrNotFound)
	require.Empty(t, drain(t, s))

	heir := owner
	heir.ID = directory.ID(id.New())
	createIdentity(t, s, heir)
	requireLogins(t, s, heir)
	group := newRecord(heir.ID)
	group.ID, group.Name = pat.NewID(heir.ID), gone[0].Name
	mustCreate(t, s, group)
}

// requireDeletedWithOwner proves that since the last drain just the deletion of
// an identity was committed, and after it that of each of its tokens.
func requireDeletedWithOwner(t *testing.T, s Stores, deleted audit.Event, gone []pat.Record) {
	t.Helper()
	want := []audit.Event{deleted}
	for i := range gone {
		want = append(want, pat.DeletedWithOwner(&deleted, &gone[i]))
	}
	got := drain(t, s)
	require.Equal(t, deleted, got[0])
	require.ElementsMatch(t, want, got)
}

func identityList(t *testing.T, s Stores) {
	t.Helper()
	base := clock().Add(-time.Hour)
	want := make([]directory.Identity, 0, 400)
	for i := range 400 {
		identity := newIdentity()
		identity.Created = base.Add(time.Duration(i*31%400/5) * time.Millisecond)
		if i < 100 {
			identity.ID = directory.ID(in("a0"))
		}
		createIdentity(t, s, identity)
		want = append(want, identity)
	}
	abroad := newIdentity()
	abroad.Organization = directory.ID(id.New())
	createIdentity(t, s, abroad)
	slices.SortFunc(want, func(a, b directory.Identity) int {
		return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.ID, b.ID))
	})
	require.Equal(t, want, collect(t, s.Identities.List(t.Context(), organization)))
	require.Equal(t, []directory.Identity{abroad}, collect(t, s.Identities.List(t.Context(), abroad.Organization)))
	for _, nobody := range []directory.ID{directory.ID(id.New()), "{}", ""} {
		require.Empty(t, collect(t, s.Identities.List(t.Context(), nobody)))
	}
}

func identityUnknown(t *testing.T, s Stores) {
	t.Helper()
	for _, identity := range []directory.ID{directory.ID(id.New()), "", "{}", "..", "\r\nFLUSHALL"} {
		_, err := s.Identities.Find(t.Context(), identity)
		require.ErrorIs(t, err, directory.ErrNotFound)
		require.ErrorIs(t, s.Identities.Delete(t.Context(), identity, event(audit.IdentityDeleted)), directory.ErrNotFound)
		_, err = s.Identities.FindByLogin(t.Context(), identity, directory.ByUsername, "x")
		require.ErrorIs(t, err, directory.ErrNotFound)
	}
	requireNoLogin(t, s, directory.ByUsername, "")
	requireNoLogin(t, s, "{}", "x")
	require.Empty(t, drain(t, s))
}
