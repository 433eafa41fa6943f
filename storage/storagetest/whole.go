package storagetest

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/id"
	"github.com/cambio-sts/cambio/keys"
	"github.com/cambio-sts/cambio/pat"
)

// Whole is everything that a store can keep, some of each.
type Whole struct {
	catalog    directory.Catalog
	ring       keys.Stored
	identities []directory.Identity
	tokens     []pat.Record // of the first of them; the last is ACTIVE, by a right secret
	ended      string       // a JWT of the last token that was revoked
	events     int
}

// Fill stores some of everything in an empty store: every member of every record,
// tokens of each kind in more shards than one, a JWT that was revoked, events that
// await shipping.
func Fill(t *testing.T, s Stores) *Whole {
	t.Helper()
	w := &Whole{ended: id.New()}
	full, plain := filled[directory.Organization](t), directory.Organization{ID: organization, Name: "default", Policy: directory.DefaultPolicy()}
	group, assignment := filled[directory.Group](t), filled[directory.Assignment](t)
	require.NoError(t, s.Catalog.Write(t.Context(), 0, []directory.Change{
		{Organization: &full}, {Organization: &plain}, {Group: &group}, {Assignment: &assignment},
	}, []audit.Event{event(audit.OrganizationCreated)}))
	w.catalog = mustLoad(t, s)
	w.ring = filled[keys.Stored](t)
	w.ring.Version = 1
	require.NoError(t, s.Keys.SwapKeys(t.Context(), 0, w.ring, event(audit.KeyCreated)))

	first := filledIdentity(t)
	w.identities = append(w.identities, first)
	for range 20 {
		w.identities = append(w.identities, newIdentity())
	}
	for i := range w.identities {
		createIdentity(t, s, w.identities[i])
	}
	w.tokens = append(w.tokens, filledRecord(t, first.ID))
	for i := range 30 {
		record := newRecord(w.identities[i%len(w.identities)].ID)
		switch i % 5 {
		case 1:
			record.Expiration = clock().Add(-time.Hour)
		case 2:
			record.Expiration, record.Managed = clock().Add(time.Hour), true
		case 3:
			record.Lineage = []pat.ID{w.tokens[1].ID}
			record.CreatedByPAT = w.tokens[1].ID
		}
		w.tokens = append(w.tokens, record)
	}
	last := newRecord(first.ID)
	last.Scope, last.Expiration = []string{}, clock().Add(time.Hour)
	w.tokens = append(w.tokens, last)
	for i := range w.tokens {
		mustCreate(t, s, w.tokens[i])
	}
	changed, err := s.Uses.RevokeJTI(t.Context(), last.ID, w.ended, clock().Add(time.Hour), event(audit.AccessTokenRevoked))
	require.NoError(t, err)
	require.True(t, changed)
	w.events = 2 + len(w.identities) + len(w.tokens) + 1
	return w
}

// Require proves that a store holds what Fill put into another, and keeps the rules
// over it: nothing of it can be told from what was stored there.
func (w *Whole) Require(t *testing.T, s Stores) {
	t.Helper()
	catalog := mustLoad(t, s)
	require.ElementsMatch(t, w.catalog.Organizations, catalog.Organizations)
	require.ElementsMatch(t, w.catalog.Groups, catalog.Groups)
	require.ElementsMatch(t, w.catalog.Assignments, catalog.Assignments)
	mustWrite(t, s, catalog.Version, directory.Change{Assignment: &catalog.Assignments[0], Remove: true})
	require.Equal(t, w.ring, mustLoadKeys(t, s))
	require.NoError(t, s.Keys.SwapKeys(t.Context(), 1, keys.Stored{Version: 2}, event(audit.KeyRevoked)))

	require.ElementsMatch(t, w.identities, collect(t, s.Identities.List(t.Context(), organization)))
	for i := range w.identities {
		requireLogins(t, s, w.identities[i])
		for _, group := range w.identities[i].Groups {
			requireMembers(t, s, group, w.identities[i])
		}
	}
	taken := newIdentity()
	taken.Username = w.identities[1].Username
	require.ErrorIs(t, s.Identities.Create(t.Context(), taken, event(audit.IdentityCreated)), directory.ErrNameTaken)

	listed := s.PATs.List(t.Context(), pat.Query{Organization: organization})
	require.ElementsMatch(t, w.tokens, collect(t, listed))
	requireCountsOf(t, s, listed)
	w.requireRules(t, s)
	w.requireEvents(t, s)
}

func (w *Whole) requireRules(t *testing.T, s Stores) {
	t.Helper()
	last := w.tokens[len(w.tokens)-1]
	live, err := s.Uses.Live(t.Context(), last.ID, w.ended)
	require.NoError(t, err)
	require.True(t, live.Revoked)
	require.Equal(t, pat.StateActive, mustUse(t, s, present(&last, right(&last))).Record.State)
	twin := newRecord(last.Owner)
	twin.Name = last.Name
	require.ErrorIs(t, s.PATs.Create(t.Context(), twin, 0, event(audit.TokenCreated)), pat.ErrNameTaken)
	usable := 0
	for i := range w.tokens {
		if r := &w.tokens[i]; r.Holder() == last.Owner && r.State == pat.StateActive && !r.Managed && !r.ExpiredAt(clock()) {
			usable++
		}
	}
	require.ErrorIs(t, s.PATs.Create(t.Context(), newRecord(last.Owner), usable, event(audit.TokenCreated)), pat.ErrLimit)
	require.ErrorIs(t, s.PATs.Create(t.Context(), w.tokens[0], 0, event(audit.TokenCreated)), pat.ErrConflict)
	changed := last
	changed.Name = "another"
	require.NoError(t, s.PATs.Replace(t.Context(), changed, 0, event(audit.TokenUpdated)))
	for i := range w.tokens {
		if kid := &w.tokens[i]; len(kid.Lineage) == 1 {
			require.Contains(t, idsOf(collect(t, s.PATs.List(t.Context(), pat.Query{Organization: organization, Ancestor: kid.Lineage[0]}))), kid.ID)
		}
		if expired := &w.tokens[i]; expired.State == pat.StateActive && expired.ExpiredAt(clock()) {
			require.True(t, mustUse(t, s, present(expired, right(expired))).Transitioned)
		}
	}
	require.NoError(t, s.Identities.Delete(t.Context(), last.Owner, event(audit.IdentityDeleted)))
	for i := range w.tokens {
		if w.tokens[i].Owner == last.Owner {
			_, err := s.PATs.Find(t.Context(), w.tokens[i].ID)
			require.ErrorIs(t, err, pat.ErrNotFound, strconv.Itoa(i))
		}
	}
}

// requireEvents proves that the events of the other store come first, each once and
// in its order for each token.
func (w *Whole) requireEvents(t *testing.T, s Stores) {
	t.Helper()
	got, seen := drain(t, s), map[string]bool{}
	require.Greater(t, len(got), w.events)
	for i := range got {
		require.False(t, seen[got[i].ID], "twice: %v", got[i])
		seen[got[i].ID] = true
		if i < w.events {
			require.NotEqual(t, audit.TokenUpdated, got[i].Name, "an event of this store before those of the other")
		}
	}
}
