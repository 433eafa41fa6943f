package authz_test

import (
	"context"
	"errors"
	"iter"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/fault"
	"github.com/cambio-sts/cambio/keys"
	"github.com/cambio-sts/cambio/pat"
)

type directoryFake struct {
	snapshot *directory.Snapshot
	err      error
}

func (d *directoryFake) Snapshot(context.Context) (*directory.Snapshot, error) {
	return d.snapshot, d.err
}

// store keeps records in memory. Everything a door does not reach is left out.
type store struct {
	pat.Store
	mu      sync.Mutex
	now     func() time.Time
	records map[pat.ID]pat.Record
	owners  map[directory.ID]directory.Identity
	ended   map[string]bool // by jti
	calls   int
	err     error
}

func newStore(now func() time.Time) *store {
	return &store{now: now, records: map[pat.ID]pat.Record{}, owners: map[directory.ID]directory.Identity{}, ended: map[string]bool{}}
}

func (s *store) begin() (func(), error) {
	s.mu.Lock()
	s.calls++
	return s.mu.Unlock, s.err
}

func (s *store) Use(_ context.Context, p pat.Presentation) (*pat.Used, error) {
	end, err := s.begin()
	defer end()
	if err != nil {
		return nil, err
	}
	record, ok := s.records[p.ID]
	if !ok {
		return &pat.Used{Verifier: pat.Verifier{Current: pat.Digest{Pepper: 1}}, Now: s.now()}, nil
	}
	used := &pat.Used{Verifier: record.Verifier, Now: s.now()}
	if p.Candidates[0] != record.Verifier.Current {
		return used, nil
	}
	if record.State == pat.StateActive && record.ExpiredAt(s.now()) {
		record.State = pat.StateAutoRevoked
		s.records[p.ID] = record
	}
	used.Record, used.Owner = record, s.owners[record.Owner]
	return used, nil
}

func (s *store) Touch(context.Context, pat.Touch) (bool, error) { return true, nil }

func (s *store) Live(_ context.Context, id pat.ID, jti string) (pat.Live, error) {
	end, err := s.begin()
	defer end()
	record, ok := s.records[id]
	if err == nil && !ok {
		err = pat.ErrNotFound
	}
	return pat.Live{Record: record, Owner: s.owners[record.Owner], Revoked: s.ended[jti], Now: s.now()}, err
}

func (s *store) RevokeJTI(_ context.Context, _ pat.ID, jti string, _ time.Time, _ audit.Event) (bool, error) {
	end, err := s.begin()
	defer end()
	if err != nil {
		return false, err
	}
	changed := !s.ended[jti]
	s.ended[jti] = true
	return changed, nil
}

func (s *store) Find(_ context.Context, id pat.ID) (pat.Record, error) {
	end, err := s.begin()
	defer end()
	record, ok := s.records[id]
	if err == nil && !ok {
		err = pat.ErrNotFound
	}
	return record, err
}

func (s *store) Revoke(_ context.Context, r pat.Revocation, _ audit.Event) (pat.Record, bool, error) {
	end, err := s.begin()
	defer end()
	record := s.records[r.ID]
	if err != nil {
		return record, false, err
	}
	changed := record.State == pat.StateActive
	if changed {
		record.State, record.RevokedAt = r.To, r.At
		s.records[r.ID] = record
	}
	return record, changed, nil
}

func (s *store) List(context.Context, pat.Query) iter.Seq2[pat.Record, error] {
	return func(func(pat.Record, error) bool) {}
}

// keyStore keeps the keys in memory.
type keyStore struct{ stored keys.Stored }

func (k *keyStore) LoadKeys(context.Context) (keys.Stored, error) { return k.stored, nil }

func (k *keyStore) SwapKeys(_ context.Context, want uint64, next keys.Stored, _ audit.Event) error {
	if k.stored.Version != want {
		return keys.ErrSwapped
	}
	k.stored = next
	return nil
}

func newRing(tb testing.TB, now func() time.Time) *keys.Ring {
	tb.Helper()
	master, err := keys.ParseMaster([]byte(keys.GenerateMaster().Reveal()))
	require.NoError(tb, err)
	ring, err := keys.NewRing(keys.Config{
		Store: &keyStore{}, Master: master, Algs: []keys.Alg{keys.ES256}, Now: now,
		RotateEvery: 720 * time.Hour, JWKSMaxAge: 15 * time.Minute, Poll: 24 * time.Hour, MaxTokenLife: 12 * time.Hour,
	})
	require.NoError(tb, err)
	require.NoError(tb, ring.Prepare(tb.Context()))
	require.NoError(tb, ring.Open(tb.Context()))
	return ring
}

// errTrouble is of a store that cannot be reached, errBroken of one that has a bug.
var (
	errTrouble = fault.ErrUnavailable
	errBroken  = errors.New("dial tcp 10.0.0.9: broken")
)
