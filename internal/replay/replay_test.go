package replay_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/fault"
	"github.com/cambio-sts/cambio/internal/id"
	"github.com/cambio-sts/cambio/internal/replay"
	"github.com/cambio-sts/cambio/pat"
)

type names = map[audit.Name]int

func TestNewNeedsAll(t *testing.T) {
	w := newWorld(t)
	for name, change := range map[string]func(*replay.Config){
		"tokens":    func(c *replay.Config) { c.Tokens = nil },
		"directory": func(c *replay.Config) { c.Directory = nil },
		"keys":      func(c *replay.Config) { c.Keys = nil },
		"clock":     func(c *replay.Config) { c.Now = nil },
	} {
		config := replay.Config{Tokens: w.tokens, Directory: w.people, Keys: w.ring, Now: w.clock.now}
		_, err := replay.New(config)
		require.NoError(t, err, name)
		change(&config)
		_, err = replay.New(config)
		require.Error(t, err, name)
	}
}

// TestApplyToWhatTheBackupHas: what happened before the backup is not done again,
// whatever came after it.
func TestApplyToWhatTheBackupHas(t *testing.T) {
	w := newWorld(t)
	owner := w.person()
	from := w.clock.at
	shared := func() pat.ID {
		_, record := w.token(&owner, pat.Organization)
		return record.ID
	}
	rotated, renewed, reversible := shared(), shared(), shared()
	w.rotate(rotated)
	w.rename(rotated)
	w.revoke(renewed, pat.End{Reversible: true})
	w.reactivate(renewed)
	w.revoke(reversible, pat.End{Reversible: true})
	w.step()
	restored := w.backup()
	kept := restored.events(from)
	report := restored.apply(w.events(from))
	require.Empty(t, report.Applied)
	require.Equal(t, names{audit.TokenUpdated: 1}, report.Lost, "nobody can tell")
	require.Equal(t, kept, restored.events(from))
	require.True(t, restored.stored(reversible).Reversible)
}

// TestRotationInDoubt: the record tells of a rotation by its time alone, so a
// replica whose clock is fast must not hide one.
func TestRotationInDoubt(t *testing.T) {
	for name, c := range map[string]struct {
		rotated bool // before, too
		ahead   time.Duration
		ends    bool
	}{
		"never rotated before":     {false, time.Minute, true},
		"this very change":         {true, 0, false},
		"changed just afterwards":  {true, 2*pat.MaxSkew - time.Millisecond, true},
		"changed long afterwards":  {true, 2 * pat.MaxSkew, false},
		"last changed long before": {true, -time.Minute, true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			owner := w.person()
			_, record := w.token(&owner, pat.Personal)
			if c.rotated {
				w.rotate(record.ID)
			}
			w.rename(record.ID)
			w.apply([]audit.Event{{ID: id.New(), Time: w.clock.at.Add(-c.ahead), Name: audit.TokenRotated, PATID: string(record.ID)}})
			require.Equal(t, c.ends, w.stored(record.ID).State != pat.StateActive)
		})
	}
}

// TestRevokedAfterARotationThatIsLost: the secret that a reactivation would bring
// back is the old one.
func TestRevokedAfterARotationThatIsLost(t *testing.T) {
	w := newWorld(t)
	owner := w.person()
	_, record := w.token(&owner, pat.Organization)
	w.revoke(record.ID, pat.End{Reversible: true})
	w.apply([]audit.Event{
		{ID: id.New(), Time: w.clock.at.Add(-time.Millisecond), Name: audit.TokenRotated, PATID: string(record.ID)},
		{ID: id.New(), Time: w.clock.at, Name: audit.TokenRevoked, PATID: string(record.ID)},
	})
	require.False(t, w.stored(record.ID).Reversible)
}

// TestReactivationStaysOut: whatever forbids a reactivation leaves the token revoked.
func TestReactivationStaysOut(t *testing.T) {
	for name, c := range map[string]struct {
		level   pat.Level
		change  func(w *world, token pat.ID) // before the backup
		expired bool
	}{
		"expired":               {pat.Organization, func(*world, pat.ID) {}, true},
		"personal":              {pat.Personal, func(*world, pat.ID) {}, false},
		"revoked in the backup": {pat.Organization, func(w *world, token pat.ID) { w.revoke(token, pat.End{Reversible: true}) }, false},
		"ended in the backup":   {pat.Organization, func(w *world, token pat.ID) { w.revoke(token, pat.End{}) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			owner := w.person()
			expiry := w.clock.at.Add(time.Hour)
			_, record := w.token(&owner, c.level, func(d *pat.Draft) { d.Expiration = expiry })
			c.change(w, record.ID)
			w.step()
			at := w.clock.at
			if c.expired {
				w.clock.at = expiry
			}
			life := func(name audit.Name, seconds int) audit.Event {
				return audit.Event{ID: id.New(), Time: at.Add(time.Duration(seconds) * time.Second), Name: name, PATID: string(record.ID), Outcome: audit.Success}
			}
			events := []audit.Event{life(audit.TokenRevoked, 1), life(audit.TokenReactivated, 2)}
			report := w.apply(events)
			require.Equal(t, pat.StateRevoked, w.stored(record.ID).State)
			require.Equal(t, names{audit.TokenReactivated: 1}, report.Lost)
			before := w.stored(record.ID)
			require.Equal(t, names{audit.TokenReactivated: 1}, w.apply(events[1:]).Lost, "without its revocation")
			w.apply(events)
			require.Equal(t, before, w.stored(record.ID))
		})
	}
}

func TestApplyKnowsNoneOfThem(t *testing.T) {
	w := newWorld(t)
	from := w.clock.at.Add(time.Second)
	w.step()
	var events []audit.Event
	for _, subject := range []string{id.New(), "", "no id"} {
		for _, name := range []audit.Name{
			audit.TokenDeleted, audit.TokenRevoked, audit.TokenReactivated, audit.TokenRotated, audit.TokenExpired, audit.AccessTokenRevoked,
			audit.IdentityDeleted, audit.GroupDeleted, audit.RoleUnassigned, audit.KeyRevoked, audit.KeyResealed,
		} {
			event := audit.Event{ID: id.New(), Time: w.clock.at, Name: name, Organization: string(w.organization.ID), Outcome: audit.Success}
			if event.Subject = subject; name == audit.AccessTokenRevoked || name[0] == 'P' {
				event.Subject, event.PATID, event.JTI = "", subject, "jti"
			}
			events = append(events, event)
		}
	}
	report := w.apply(events)
	require.Empty(t, report.Applied)
	require.Empty(t, report.Lost)
	require.Empty(t, w.events(from))

	unheard := []audit.Event{
		{ID: id.New(), Time: w.clock.at, Name: audit.PolicyUpdated, Subject: string(w.organization.ID)},
		{ID: id.New(), Time: w.clock.at, Name: "SOMETHING_ELSE"},
		{ID: id.New(), Time: w.clock.at, Name: audit.IdentityCreated, Subject: "no id"},
	}
	require.Equal(t, names{audit.PolicyUpdated: 1, "SOMETHING_ELSE": 1, audit.IdentityCreated: 1}, w.apply(unheard).Lost)
}

func TestReservedGroupsStay(t *testing.T) {
	w := newWorld(t)
	who, err := w.people.Snapshot(t.Context())
	require.NoError(t, err)
	everyone, ok := who.GroupByName(w.organization.ID, directory.Everyone)
	require.True(t, ok)
	report := w.apply([]audit.Event{{ID: id.New(), Time: w.clock.at, Name: audit.GroupDeleted, Subject: string(everyone.ID)}})
	require.Equal(t, names{audit.GroupDeleted: 1}, report.Lost)
}

// failing is a token store that fails from some change on.
type failing struct {
	pat.Store
	changes int
}

func (f *failing) Revoke(ctx context.Context, r pat.Revocation, event audit.Event) (pat.Record, bool, error) {
	if f.changes--; f.changes < 0 {
		return pat.Record{}, false, fault.ErrUnavailable
	}
	return f.Store.Revoke(ctx, r, event)
}

func (f *failing) Replace(ctx context.Context, record pat.Record, limit int, event audit.Event) error {
	if f.changes--; f.changes < 0 {
		return fault.ErrUnavailable
	}
	return f.Store.Replace(ctx, record, limit, event)
}

// TestApplyGoesOnAfterTrouble: cut short at any change and applied again, a
// replay ends as one that was not.
func TestApplyGoesOnAfterTrouble(t *testing.T) {
	for _, changes := range []int{0, 1, 2} {
		w := newWorld(t)
		owner := w.person()
		_, renewed := w.token(&owner, pat.Organization)
		_, ended := w.token(&owner, pat.Organization)
		w.step()
		from := w.clock.at
		restored := w.backup()
		w.revoke(renewed.ID, pat.End{Reversible: true})
		w.reactivate(renewed.ID)
		w.revoke(ended.ID, pat.End{})
		w.step()
		events := w.events(from)

		broken := restored.over(&failing{restored.db.PATs(), changes})
		_, err := broken.Apply(t.Context(), events)
		require.ErrorIs(t, err, fault.ErrUnavailable)
		require.ErrorContains(t, err, "replay PERSONAL_ACCESS_TOKEN_REVOKED of ")
		restored.apply(events)
		require.Equal(t, pat.StateActive, restored.stored(renewed.ID).State)
		require.EqualValues(t, 2, restored.stored(renewed.ID).Generation)
		require.Equal(t, pat.StateRevoked, restored.stored(ended.ID).State)
	}
}

// TestApplyStopsAtTrouble: a store that does not answer stops it whatever it is at.
func TestApplyStopsAtTrouble(t *testing.T) {
	w := newWorld(t)
	s := w.stage()
	require.NoError(t, w.close())
	w.clock.at = w.clock.at.Add(time.Minute) // no snapshot is young enough
	for _, name := range []audit.Name{
		audit.TokenRevoked, audit.AccessTokenRevoked, audit.IdentityDeleted, audit.IdentityUpdated, audit.GroupCreated,
		audit.GroupDeleted, audit.RoleUnassigned, audit.KeyRevoked,
	} {
		event := audit.Event{ID: id.New(), Time: w.clock.at, Name: name, Subject: s.unknown, PATID: string(s.mine.ID), JTI: "jti"}
		report, err := w.replay.Apply(t.Context(), []audit.Event{event})
		require.ErrorIs(t, err, fault.ErrUnavailable, name)
		require.Empty(t, report.Applied, name)
	}
}

// over is a replay that reaches the tokens through another store.
func (w *world) over(store pat.Store) *replay.Replay {
	w.Helper()
	format, err := pat.NewFormat("cambio_pat")
	require.NoError(w, err)
	peppers, err := pat.NewPeppers(pat.Pepper{Version: 1, Key: make([]byte, 32)})
	require.NoError(w, err)
	tokens, err := pat.NewService(pat.Config{Store: store, Uses: w.db.Uses(), Format: format, Peppers: peppers, Now: w.clock.now})
	require.NoError(w, err)
	made, err := replay.New(replay.Config{Tokens: tokens, Directory: w.people, Keys: w.ring, Now: w.clock.now})
	require.NoError(w, err)
	return made
}
