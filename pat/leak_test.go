package pat_test

import (
	"context"
	"iter"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/id"
	"github.com/cambio-sts/cambio/pat"
)

// by makes a token by means of another.
func (w *world) by(parent *pat.Record) (pat.Record, error) {
	w.Helper()
	actor := w.actor()
	actor.Parent = parent
	_, record, err := w.service.Create(w.Context(), &w.owner, &pat.Draft{Name: id.New(), Level: pat.Personal}, &w.policy, actor)
	return record, err
}

// meddled is a store in which something happens once a list has been read and
// before anybody sees it.
type meddled struct {
	pat.Store

	meddle func()
}

func (m *meddled) List(ctx context.Context, q pat.Query) iter.Seq2[pat.Record, error] {
	var listed []pat.Record
	for record, err := range m.Store.List(ctx, q) {
		if err != nil {
			return func(yield func(pat.Record, error) bool) { yield(pat.Record{}, err) }
		}
		listed = append(listed, record)
	}
	if meddle := m.meddle; meddle != nil {
		m.meddle = nil
		meddle()
	}
	return func(yield func(pat.Record, error) bool) {
		for record := range slices.Values(listed) {
			if !yield(record, nil) {
				return
			}
		}
	}
}

// A leak ends also what a descendant makes while the descendants are being ended.
func TestLeakOutrunsItsDescendants(t *testing.T) {
	w := newWorld(t)
	store := &meddled{Store: w.db.PATs()}
	peppers, err := pat.NewPeppers(pepper(1))
	require.NoError(t, err)
	w.service, err = pat.NewService(pat.Config{Store: store, Uses: w.uses, Format: newFormat(w), Peppers: peppers, Now: w.clock.now})
	require.NoError(t, err)
	_, leaked := w.create()
	child, err := w.by(&leaked)
	require.NoError(t, err)
	var late pat.Record
	store.meddle = func() { late, err = w.by(&child) }
	_, _, revokeErr := w.service.Revoke(t.Context(), &leaked, pat.End{Reason: pat.Compromised}, w.actor())
	require.NoError(t, revokeErr)
	require.NoError(t, err, "the child was alive still")
	for _, record := range []pat.Record{leaked, child, late} {
		require.Equal(t, pat.StateRevoked, w.stored(record.ID).State)
	}
	_, err = w.by(&child)
	require.ErrorIs(t, err, pat.ErrWider)
}

// A secret that leaked may have made tokens: a rotation that says so ends them,
// and one that is still on its way with that secret.
func TestRotateAfterALeak(t *testing.T) {
	for name, c := range map[string]struct {
		grace  time.Duration
		reason pat.Reason
		want   pat.State
	}{
		"leaked":          {0, pat.Compromised, pat.StateRevoked},
		"as a precaution": {time.Hour, pat.Other, pat.StateActive},
	} {
		w := newWorld(t)
		_, before := w.create()
		child, err := w.by(&before)
		require.NoError(t, err, name)
		grandchild, err := w.by(&child)
		require.NoError(t, err, name)
		_, after, err := w.service.Rotate(t.Context(), before.ID, pat.Rotation{Grace: c.grace, Reason: c.reason}, &w.policy, w.actor())
		require.NoError(t, err, name)
		require.Equal(t, pat.StateActive, w.stored(before.ID).State, name)
		require.Equal(t, c.want, w.stored(child.ID).State, name)
		require.Equal(t, c.want, w.stored(grandchild.ID).State, name)
		_, err = w.by(&before)
		if c.want == pat.StateRevoked {
			require.ErrorIs(t, err, pat.ErrWider, "it was authenticated with the old secret")
		} else {
			require.NoError(t, err)
		}
		_, err = w.by(&after)
		require.NoError(t, err, name)
	}
}
