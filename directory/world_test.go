package directory_test

import (
	"encoding/json"
	"iter"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/storage/bolt"
)

// world is a directory with one organization, and the events of its changes.
type world struct {
	*testing.T
	*directory.Directory

	db           *bolt.DB
	organization directory.Organization
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{T: t}
	var err error
	w.db, err = bolt.Open(bolt.Config{Path: filepath.Join(t.TempDir(), "cambio.db"), Create: true, Now: time.Now})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, w.db.Close()) })
	w.Directory, err = directory.New(directory.Config{Identities: w.db.Identities(), Catalog: w.db.Catalog(), Now: time.Now})
	require.NoError(t, err)
	w.organization, err = w.CreateOrganization(t.Context(), "acme", directory.DefaultPolicy(), directory.Actor{})
	require.NoError(t, err)
	w.events()
	return w
}

// events returns the names of the events since the last call.
func (w *world) events() []audit.Name {
	w.Helper()
	pending, err := w.db.Outbox().Pending(w.Context(), 1000)
	require.NoError(w, err)
	require.NoError(w, w.db.Outbox().Discard(w.Context(), pending))
	names := []audit.Name{}
	for _, one := range pending {
		var event audit.Event
		require.NoError(w, json.Unmarshal(one.Event, &event))
		names = append(names, event.Name)
	}
	return names
}

func (w *world) group(name string, children ...directory.ID) directory.Group {
	w.Helper()
	group, err := w.CreateGroup(w.Context(), directory.Group{Organization: w.organization.ID, Name: name, ChildGroups: children}, directory.Actor{})
	require.NoError(w, err)
	return group
}

func (w *world) reserved(name string) directory.ID {
	w.Helper()
	group, ok := snapshotOf(w.T, w.Directory).GroupByName(w.organization.ID, name)
	require.True(w, ok)
	return group.ID
}

func (w *world) identity(username string) directory.Identity {
	w.Helper()
	identity, err := w.CreateIdentity(w.Context(), directory.Identity{
		Organization: w.organization.ID, Username: username, Enabled: true,
	}, directory.Actor{})
	require.NoError(w, err)
	return identity
}

func (w *world) find(id directory.ID) directory.Identity {
	w.Helper()
	identity, err := w.Find(w.Context(), id)
	require.NoError(w, err)
	return identity
}

// assign gives a right on its own.
func (w *world) assign(holder directory.ID, right directory.Right) directory.Assignment {
	w.Helper()
	assignment, err := w.AddAssignment(w.Context(), w.organization.ID, directory.Assignment{
		Rights: []directory.Right{right}, Scope: directory.OnOrganization, ScopeID: w.organization.ID, Holder: holder,
	}, directory.Actor{})
	require.NoError(w, err)
	return assignment
}

func collect[T any](t *testing.T, list iter.Seq2[T, error]) []T {
	t.Helper()
	var out []T
	for one, err := range list {
		require.NoError(t, err)
		out = append(out, one)
	}
	return out
}
