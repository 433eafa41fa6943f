package manage_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/id"
	"github.com/cambio-sts/cambio/manage"
)

func TestNamesAreOfTheCallersOrganization(t *testing.T) {
	onBothStores(t, func(t *testing.T, w *world) {
		t.Helper()
		s := newRightsStage(w)
		me, other, stranger := w.person(s.of.ID), w.person(s.of.ID), w.person(s.elsewhere.ID)
		technical := w.technicalUser(s.of.ID, s.of.ID)
		names, err := w.manager.Names(t.Context(), w.session(&me), []directory.ID{
			me.ID, other.ID, other.ID, stranger.ID, technical, s.home.ID, s.foreign.ID, s.of.ID, s.elsewhere.ID, directory.ID(id.New()), "no id", "",
		})
		require.NoError(t, err)
		require.Equal(t, map[directory.ID]manage.Reference{
			me.ID: {ID: me.ID, Name: "Some Body"}, other.ID: {ID: other.ID, Name: "Some Body"}, s.home.ID: {ID: s.home.ID, Name: "home"},
			technical: {ID: technical, Name: "token-" + string(technical)}, s.of.ID: {ID: s.of.ID, Name: s.of.Name},
		}, names)
	})
}
