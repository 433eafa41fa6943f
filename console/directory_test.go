package console_test

import (
	"net/url"
	"strings"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/directory"
)

// policy changes that of the organization.
func (w *world) policy(change func(*directory.Policy)) {
	w.Helper()
	_, err := w.people.UpdateOrganization(w.Context(), w.home.ID, func(now *directory.Organization) error {
		change(&now.Policy)
		return nil
	}, directory.Actor{})
	require.NoError(w, err)
}

// group makes one in the organization.
func (w *world) group(name string, members ...directory.ID) directory.Group {
	w.Helper()
	made, err := w.people.CreateGroup(w.Context(), directory.Group{Organization: w.home.ID, Name: name}, directory.Actor{})
	require.NoError(w, err)
	for _, member := range members {
		require.NoError(w, w.people.AddMember(w.Context(), made.ID, member, directory.Actor{}))
	}
	return made
}

// empty is a form without fields.
var empty = url.Values{}

// pathOf is an address without its query.
func pathOf(address string) string {
	path, _, _ := strings.Cut(address, "?")
	return path
}
