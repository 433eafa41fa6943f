package replay_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/id"
	"github.com/cambio-sts/cambio/internal/replay"
	"github.com/cambio-sts/cambio/keys"
	"github.com/cambio-sts/cambio/pat"
	"github.com/cambio-sts/cambio/storage/bolt"
)

// clock is a time that goes on by a second with each step of a test. A replay
// reads it from one goroutine.
type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }

// world is the domain over a store in a file.
type world struct {
	*testing.T
	clock        *clock
	master       *keys.Master
	path         string
	db           *bolt.DB
	close        func() error // once
	people       *directory.Directory
	ring         *keys.Ring
	tokens       *pat.Service
	organization directory.Organization
	replay       *replay.Replay
}

func newWorld(t *testing.T) *world {
	t.Helper()
	master, err := keys.ParseMaster([]byte(keys.GenerateMaster().Reveal()))
	require.NoError(t, err)
	w := &world{T: t, clock: &clock{time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)}, master: master, path: filepath.Join(t.TempDir(), "cambio.db")}
	w.open(true)
	require.NoError(t, w.ring.Prepare(t.Context()))
	require.NoError(t, w.ring.Open(t.Context()))
	w.organization, err = w.people.CreateOrganization(t.Context(), "acme", directory.DefaultPolicy(), directory.Actor{})
	require.NoError(t, err)
	return w
}

func (w *world) open(create bool) {
	w.Helper()
	var err error
	w.db, err = bolt.Open(bolt.Config{Path: w.path, Create: create, Now: w.clock.now})
	require.NoError(w, err)
	w.close = sync.OnceValue(w.db.Close)
	w.Cleanup(func() { require.NoError(w, w.close()) })
	w.people, err = directory.New(directory.Config{Identities: w.db.Identities(), Catalog: w.db.Catalog(), Now: w.clock.now})
	require.NoError(w, err)
	w.ring, err = keys.NewRing(keys.Config{
		Store: w.db.Keys(), Master: w.master, Algs: []keys.Alg{keys.EdDSA}, RotateEvery: 30 * 24 * time.Hour,
		JWKSMaxAge: 15 * time.Minute, Poll: 5 * time.Second, MaxTokenLife: pat.MaxAccessTokenLife, Now: w.clock.now,
	})
	require.NoError(w, err)
	format, err := pat.NewFormat("cambio_pat")
	require.NoError(w, err)
	pepper := w.master.Peppers()[0]
	peppers, err := pat.NewPeppers(pat.Pepper{Version: pepper.Version, Key: []byte(pepper.Key.Reveal())})
	require.NoError(w, err)
	w.tokens, err = pat.NewService(pat.Config{Store: w.db.PATs(), Uses: w.db.Uses(), Format: format, Peppers: peppers, Now: w.clock.now})
	require.NoError(w, err)
	w.replay, err = replay.New(replay.Config{Tokens: w.tokens, Directory: w.people, Keys: w.ring, Now: w.clock.now})
	require.NoError(w, err)
}

// step lets time go by.
func (w *world) step() { w.clock.at = w.clock.at.Add(time.Second) }

// backup is a world over a copy of the store as it is now.
func (w *world) backup() *world {
	w.Helper()
	text, err := os.ReadFile(w.path)
	require.NoError(w, err)
	b := &world{T: w.T, clock: w.clock, master: w.master, path: filepath.Join(w.TempDir(), "cambio.db"), organization: w.organization}
	require.NoError(w, os.WriteFile(b.path, text, 0o600))
	b.open(false)
	require.NoError(w, b.ring.Open(w.Context()))
	w.step()
	return b
}

// events returns what was committed from a time on, as audit.Read does.
func (w *world) events(from time.Time) []audit.Event {
	w.Helper()
	pending, err := w.db.Outbox().Pending(w.Context(), 1<<20)
	require.NoError(w, err)
	var events []audit.Event
	for _, stored := range pending {
		var event audit.Event
		require.NoError(w, json.Unmarshal(stored.Event, &event))
		if !event.Time.Before(from) {
			events = append(events, event)
		}
	}
	slices.SortStableFunc(events, func(a, b audit.Event) int { return a.Time.Compare(b.Time) })
	return events
}

func (w *world) apply(events []audit.Event) replay.Report {
	w.Helper()
	report, err := w.replay.Apply(w.Context(), events)
	require.NoError(w, err)
	return report
}

func (w *world) person() directory.Identity {
	w.Helper()
	identity, err := w.people.CreateIdentity(w.Context(), directory.Identity{
		Organization: w.organization.ID, Type: directory.User, Username: "user " + id.New(), Enabled: true,
	}, directory.Actor{})
	require.NoError(w, err)
	return identity
}

// token makes one of the organization, which may be reactivated; or a personal one.
func (w *world) token(owner *directory.Identity, level pat.Level, change ...func(*pat.Draft)) (pat.Token, pat.Record) {
	w.Helper()
	draft := pat.Draft{Name: "ci " + id.New(), Level: level}
	if level == pat.Organization {
		draft.LevelID = w.organization.ID
	}
	for _, change := range change {
		change(&draft)
	}
	policy := directory.DefaultPolicy()
	policy.MaxTokensPerOwner = 0
	token, record, err := w.tokens.Create(w.Context(), owner, &draft, &policy, pat.Actor{Identity: owner.ID})
	require.NoError(w, err)
	return token, record
}

func (w *world) stored(token pat.ID) pat.Record {
	w.Helper()
	record, err := w.tokens.Find(w.Context(), token)
	require.NoError(w, err)
	return record
}

// What is done to a token, each at a time of its own.

func (w *world) revoke(token pat.ID, end pat.End) {
	w.Helper()
	w.step()
	record := w.stored(token)
	_, changed, err := w.tokens.Revoke(w.Context(), &record, end, pat.Actor{Identity: record.Owner})
	require.NoError(w, err)
	require.True(w, changed)
}

func (w *world) reactivate(token pat.ID) {
	w.Helper()
	w.step()
	_, err := w.tokens.Reactivate(w.Context(), token, 0, &w.organization.Policy, pat.Actor{})
	require.NoError(w, err)
}

func (w *world) rotate(token pat.ID) {
	w.Helper()
	w.step()
	_, _, err := w.tokens.Rotate(w.Context(), token, pat.Rotation{Grace: time.Hour}, &w.organization.Policy, pat.Actor{})
	require.NoError(w, err)
	w.clock.at = w.clock.at.Add(2 * pat.MaxSkew) // what changes sooner looks as if it came before
}

func (w *world) rename(token pat.ID) {
	w.Helper()
	w.step()
	name := "renamed " + id.New()
	_, err := w.tokens.Update(w.Context(), token, &pat.Change{Name: &name}, &w.organization.Policy, pat.Actor{})
	require.NoError(w, err)
}

func (w *world) delete(token pat.ID) {
	w.Helper()
	w.step()
	record := w.stored(token)
	require.NoError(w, w.tokens.Delete(w.Context(), &record, pat.Actor{}))
}

// use presents a token, which ends one that has expired.
func (w *world) use(token pat.Token) {
	w.Helper()
	w.step()
	who, err := w.people.Snapshot(w.Context())
	require.NoError(w, err)
	_, _ = w.tokens.Use(w.Context(), token, who, audit.Origin{IP: "192.0.2.7"})
}
