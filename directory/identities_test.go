package directory_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/fault"
	"github.com/cambio-sts/cambio/internal/id"
)

func TestIdentityFields(t *testing.T) {
	w := newWorld(t)
	good := directory.Identity{
		Organization: w.organization.ID, Type: directory.User, Username: "alice", DisplayName: "Alice \u00c5", Email: "alice@example.com",
		ExternalID: "7", Issuer: "https://idp.example.com/realm", Subject: "a-7", Enabled: true,
	}
	for name, one := range map[string]struct {
		change func(*directory.Identity)
		field  string // empty: it is fine
	}{
		"as it is":                {func(*directory.Identity) {}, ""},
		"no username":             {func(i *directory.Identity) { i.Username = "" }, "username"},
		"blank username":          {func(i *directory.Identity) { i.Username = "  " }, "username"},
		"longest username":        {func(i *directory.Identity) { i.Username = strings.Repeat("é", 255) }, ""},
		"username too long":       {func(i *directory.Identity) { i.Username = strings.Repeat("é", 256) }, "username"},
		"control in username":     {func(i *directory.Identity) { i.Username = "a\x00b" }, "username"},
		"space before username":   {func(i *directory.Identity) { i.Username = " alice" }, "username"},
		"zero width in username":  {func(i *directory.Identity) { i.Username = "ali\u200bce" }, "username"},
		"joiner ends username":    {func(i *directory.Identity) { i.Username = "alice\u200d" }, "username"},
		"joiner in username":      {func(i *directory.Identity) { i.Username = "می\u200cخواهم" }, ""},
		"no-break space at end":   {func(i *directory.Identity) { i.DisplayName = "Alice\u00a0" }, "displayName"},
		"soft hyphen in name":     {func(i *directory.Identity) { i.DisplayName = "Ali\u00adce" }, "displayName"},
		"no display name":         {func(i *directory.Identity) { i.DisplayName = "" }, ""},
		"space after subject":     {func(i *directory.Identity) { i.Subject = "a-7 " }, ""},
		"no UTF-8":                {func(i *directory.Identity) { i.DisplayName = "a\xff" }, "displayName"},
		"direction override":      {func(i *directory.Identity) { i.DisplayName = "a\u202eb" }, "displayName"},
		"line separator":          {func(i *directory.Identity) { i.ExternalID = "a\u2028b" }, "externalId"},
		"no e-mail":               {func(i *directory.Identity) { i.Email = "" }, ""},
		"e-mail without @":        {func(i *directory.Identity) { i.Email = "alice" }, "email"},
		"e-mail with two":         {func(i *directory.Identity) { i.Email = "a@b@c" }, "email"},
		"e-mail without a local":  {func(i *directory.Identity) { i.Email = "@example.com" }, "email"},
		"e-mail without a domain": {func(i *directory.Identity) { i.Email = "alice@" }, "email"},
		"e-mail with a space":     {func(i *directory.Identity) { i.Email = "al ice@example.com" }, "email"},
		"issuer alone":            {func(i *directory.Identity) { i.Subject = "" }, "subject"},
		"subject alone":           {func(i *directory.Identity) { i.Issuer = "" }, "issuer"},
		"http issuer":             {func(i *directory.Identity) { i.Issuer = "http://idp.example.com" }, "issuer"},
		"http on loopback":        {func(i *directory.Identity) { i.Issuer = "http://127.0.0.1:9000" }, ""},
		"http on localhost":       {func(i *directory.Identity) { i.Issuer = "http://localhost:9000" }, ""},
		"issuer with a query":     {func(i *directory.Identity) { i.Issuer += "?x" }, "issuer"},
		"issuer with a password":  {func(i *directory.Identity) { i.Issuer = "https://a:b@idp.example.com" }, "issuer"},
		"issuer without a host":   {func(i *directory.Identity) { i.Issuer = "https:///realm" }, "issuer"},
		"unknown type":            {func(i *directory.Identity) { i.Type = "ROBOT" }, "type"},
		"no type":                 {func(i *directory.Identity) { i.Type = "" }, ""},
	} {
		changed := good
		one.change(&changed)
		made, err := w.CreateIdentity(t.Context(), changed, platform)
		if one.field != "" {
			requireField(t, err, one.field)
			continue
		}
		require.NoError(t, err, name)
		require.Equal(t, directory.User, made.Type, name)
		require.NoError(t, w.DeleteIdentity(t.Context(), &made, platform))
	}
	changed := good
	changed.Username, changed.Email = "", "x"
	_, err := w.CreateIdentity(t.Context(), changed, platform)
	require.ErrorContains(t, err, "username: ")
	require.ErrorContains(t, err, "email: ", "all that is wrong is said at once")
}

func TestIdentityMayChooseItsShard(t *testing.T) {
	w := newWorld(t)
	chosen := directory.ID(id.NewIn(string(w.organization.ID)))
	robot := directory.Identity{ID: chosen, Organization: w.organization.ID, Type: directory.TechnicalUser, Username: "robot"}
	made, err := w.CreateIdentity(t.Context(), robot, platform)
	require.NoError(t, err)
	require.Equal(t, chosen, made.ID)
	robot.Username = "another"
	_, err = w.CreateIdentity(t.Context(), robot, platform)
	require.ErrorIs(t, err, directory.ErrConflict, "no id is given twice")
	robot.ID = "../x"
	made, err = w.CreateIdentity(t.Context(), robot, platform)
	require.NoError(t, err)
	require.True(t, id.Valid(string(made.ID)))
}

func TestUpdateIdentity(t *testing.T) {
	w := newWorld(t)
	before := w.identity("alice")
	w.identity("bob")
	w.events()
	changed, err := w.UpdateIdentity(t.Context(), before.ID, func(identity *directory.Identity) error {
		*identity = directory.Identity{Type: directory.User, Username: "alicia"}
		return nil
	}, platform)
	require.NoError(t, err)
	require.Equal(t, w.find(before.ID), changed)
	require.False(t, changed.Modified.IsZero())
	changed.Modified = time.Time{}
	require.Equal(t, directory.Identity{
		ID: before.ID, Organization: before.Organization, Type: directory.User, Username: "alicia", Created: before.Created, Revision: 2,
	}, changed, "what names it stays")
	require.Equal(t, []audit.Name{audit.IdentityUpdated}, w.events())

	own := errors.New("not today")
	for name, one := range map[string]struct {
		id     directory.ID
		change func(*directory.Identity) error
		want   error
	}{
		"unknown":                {directory.ID(id.New()), func(*directory.Identity) error { return nil }, directory.ErrNotFound},
		"a name that is taken":   {before.ID, func(i *directory.Identity) error { i.Username = "bob"; return nil }, directory.ErrNameTaken},
		"an error of the caller": {before.ID, func(*directory.Identity) error { return own }, own},
		"an unknown group":       {before.ID, func(i *directory.Identity) error { i.Groups = []directory.ID{"none"}; return nil }, directory.ErrNotFound},
		"Nobody": {before.ID, func(i *directory.Identity) error {
			i.Groups = []directory.ID{w.reserved(directory.Nobody)}
			return nil
		}, directory.ErrReserved},
	} {
		_, err := w.UpdateIdentity(t.Context(), one.id, one.change, platform)
		require.ErrorIs(t, err, one.want, name)
	}
	_, err = w.UpdateIdentity(t.Context(), before.ID, func(i *directory.Identity) error { i.Username = ""; return nil }, platform)
	requireField(t, err, "username")
	same, err := w.UpdateIdentity(t.Context(), before.ID, func(i *directory.Identity) error { i.Revision++; return nil }, platform)
	require.NoError(t, err)
	require.Equal(t, w.find(before.ID), same)
	require.EqualValues(t, 2, same.Revision)
	require.Empty(t, w.events())
}

// TestUpdatesMeet: each change is made to what is there, so none undoes another.
// A name that is refused by now was accepted once: who has it can be disabled all the
// same, and gets no other such name.
func TestOldNamesKeepNobodyFromDisabling(t *testing.T) {
	w := newWorld(t)
	old := directory.Identity{
		ID: directory.ID(id.New()), Organization: w.organization.ID, Type: directory.User,
		Username: "alice\u200b", DisplayName: "Alice ", Enabled: true, Revision: 1,
	}
	require.NoError(t, w.db.Identities().Create(t.Context(), old, audit.Event{ID: id.New(), Name: audit.IdentityCreated}))
	require.Error(t, old.Validate())
	changed, err := w.UpdateIdentity(t.Context(), old.ID, func(i *directory.Identity) error { i.Enabled = false; return nil }, platform)
	require.NoError(t, err)
	require.False(t, changed.Enabled)
	for field, change := range map[string]func(*directory.Identity){
		"username":    func(i *directory.Identity) { i.Username = "\u200balice" },
		"displayName": func(i *directory.Identity) { i.DisplayName = " Alice" },
	} {
		_, err := w.UpdateIdentity(t.Context(), old.ID, func(i *directory.Identity) error { change(i); return nil }, platform)
		requireField(t, err, field)
	}
}

func TestUpdatesMeet(t *testing.T) {
	w := newWorld(t)
	alice := w.identity("alice")
	var groups []directory.ID
	for range 8 {
		groups = append(groups, w.group("group "+id.New()).ID)
	}
	var all sync.WaitGroup
	for _, group := range groups {
		all.Go(func() {
			if err := w.AddMember(t.Context(), group, alice.ID, platform); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	require.ElementsMatch(t, groups, w.find(alice.ID).Groups)
}

// contended is a store in which others always were first.
type contended struct{ directory.Identities }

func (contended) Replace(context.Context, directory.Identity, audit.Event) error {
	return directory.ErrConflict
}

func TestUpdateGivesUpInTheEnd(t *testing.T) {
	w := newWorld(t)
	alice := w.identity("alice")
	d, err := directory.New(directory.Config{Identities: contended{w.db.Identities()}, Catalog: w.db.Catalog(), Now: time.Now})
	require.NoError(t, err)
	_, err = d.UpdateIdentity(t.Context(), alice.ID, func(i *directory.Identity) error { i.DisplayName = "A"; return nil }, platform)
	require.ErrorIs(t, err, fault.ErrUnavailable)
}

func TestRecordLogin(t *testing.T) {
	w := newWorld(t)
	alice := w.identity("alice")
	w.events()
	at := time.Date(2026, 7, 1, 8, 0, 0, 123456789, time.FixedZone("CEST", 7200))
	for _, step := range []struct {
		at, want time.Time
		events   []audit.Name
	}{
		{at, at.UTC().Truncate(time.Millisecond), []audit.Name{audit.LoginRecorded}},
		{at, at.UTC().Truncate(time.Millisecond), []audit.Name{}},
		{at.Add(-time.Hour), at.UTC().Truncate(time.Millisecond), []audit.Name{}},
		{at.Add(time.Hour), at.Add(time.Hour).UTC().Truncate(time.Millisecond), []audit.Name{audit.LoginRecorded}},
	} {
		got, err := w.RecordLogin(t.Context(), alice.ID, step.at, platform)
		require.NoError(t, err)
		require.Equal(t, w.find(alice.ID), got)
		require.Equal(t, step.want, got.LastLogin)
		require.Zero(t, got.Modified, "a login is no modification")
		require.Equal(t, step.events, w.events())
	}
	_, err := w.RecordLogin(t.Context(), directory.ID(id.New()), at, platform)
	require.ErrorIs(t, err, directory.ErrNotFound)
}

func TestRemoveIdentity(t *testing.T) {
	w := newWorld(t)
	alice, bob := w.identity("alice"), w.identity("bob")
	w.assign(alice.ID, directory.Introspect)
	w.assign(alice.ID, directory.ReadAllTokens)
	kept := w.assign(bob.ID, directory.Introspect)
	w.events()
	require.NoError(t, w.RemoveIdentity(t.Context(), &alice, platform))
	require.Equal(t, []audit.Name{audit.IdentityDeleted, audit.RoleUnassigned, audit.RoleUnassigned}, w.events())
	require.Equal(t, []directory.Assignment{kept}, snapshotOf(t, w.Directory).Assignments())
	_, err := w.Find(t.Context(), alice.ID)
	require.ErrorIs(t, err, directory.ErrNotFound)
	require.ErrorIs(t, w.RemoveIdentity(t.Context(), &alice, platform), directory.ErrNotFound)

	// As a crash between the two leaves it.
	require.NoError(t, w.DeleteIdentity(t.Context(), &bob, platform))
	require.ErrorIs(t, w.RemoveIdentity(t.Context(), &bob, platform), directory.ErrNotFound)
	require.Empty(t, snapshotOf(t, w.Directory).Assignments())
}

func TestListIdentities(t *testing.T) {
	w := newWorld(t)
	alice, bob := w.identity("alice"), w.identity("bob")
	require.ElementsMatch(t, []directory.Identity{alice, bob}, collect(t, w.ListIdentities(t.Context(), w.organization.ID)))
}
