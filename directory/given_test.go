package directory_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/directory"
)

func TestGiven(t *testing.T) {
	snapshot := directory.NewSnapshot(catalog())
	ids := func(assignments []directory.Assignment) (out []string) {
		for _, one := range assignments {
			out = append(out, string(one.ID))
		}
		return out
	}
	require.Equal(t, []string{"1", "2", "3", "4", "5", "6", "7", "8", "9"}, ids(snapshot.Assignments()))
	require.Equal(t, []string{"1", "3"}, ids(snapshot.Given("interns")), "by the groups that it is nested in")
	require.Equal(t, []string{"1", "3"}, ids(snapshot.Given("staff")))
	require.Equal(t, []string{"9"}, ids(snapshot.Given("foreign")))
	for _, nothing := range []directory.ID{"nobody", "everyone", "unknown"} {
		require.Empty(t, snapshot.Given(nothing), nothing)
	}
	access := snapshot.AccessOf(&directory.Identity{ID: alice, Organization: acme, Groups: []directory.ID{"interns", "nobody", "foreign"}})
	require.Equal(t, []string{"1", "3", "4", "5", "6", "7", "8"}, ids(access.Assignments()))
	require.Equal(t, []directory.ID{"interns", "clerks", "staff"}, access.GroupIDs(), "by name")

	var names []string
	for _, group := range snapshot.Groups(acme) {
		names = append(names, group.Name)
	}
	require.Equal(t, []string{"Everyone", "Nobody", "interns", "order-clerks", "staff"}, names)
	require.Equal(t, []directory.ID{"clerks"}, snapshot.Parents("interns"))
	require.Empty(t, snapshot.Parents("staff"))
}

func TestAddAssignment(t *testing.T) {
	w := newWorld(t)
	alice := w.identity("alice")
	first := w.assign(alice.ID, directory.Introspect)
	require.Equal(t, first, w.assign(alice.ID, directory.Introspect), "what is held already has its id")
	other := w.assign(alice.ID, directory.ReadAllTokens)
	require.NotEqual(t, first.ID, other.ID)
	require.ElementsMatch(t, []directory.Assignment{first, other}, snapshotOf(t, w.Directory).Assignments())
}
