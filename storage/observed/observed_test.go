package observed_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/fault"
	"github.com/cambio-sts/cambio/pat"
	"github.com/cambio-sts/cambio/storage/bolt"
	"github.com/cambio-sts/cambio/storage/observed"
	"github.com/cambio-sts/cambio/storage/storagetest"
)

// told counts what it is told.
type told struct {
	mu     sync.Mutex
	calls  map[string]int
	failed []string
}

func (o *told) StoreCalled(op string, took time.Duration, failed bool, _ string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if took < 0 {
		panic("it took less than no time")
	}
	o.calls[op]++
	if failed {
		o.failed = append(o.failed, op)
	}
}

func open(t *testing.T) *bolt.DB {
	t.Helper()
	db, err := bolt.Open(bolt.Config{Path: filepath.Join(t.TempDir(), "cambio.db"), Create: true, Now: time.Now})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

// A store that is observed passes the suite of stores, in which every operation is called
// and told of under its name.
func TestStore(t *testing.T) {
	seen := &told{calls: map[string]int{}}
	storagetest.Run(t, func(t *testing.T) storagetest.Stores {
		t.Helper()
		db := open(t)
		around := observed.New(db, seen, time.Now)
		return storagetest.Stores{
			PATs: around.PATs(), Uses: around.Uses(), Identities: around.Identities(), Catalog: around.Catalog(), Keys: around.Keys(),
			Outbox: around.Outbox(), Ended: db.Ended(),
		}
	})
	for _, op := range observed.Ops() {
		require.Positive(t, seen.calls[op], op)
	}
	require.Len(t, seen.calls, len(observed.Ops()))
}

// A refusal is an answer; what the store cannot answer is a failure.
func TestFailures(t *testing.T) {
	seen := &told{calls: map[string]int{}}
	db := open(t)
	_, err := observed.New(db, seen, time.Now).PATs().Find(t.Context(), "00000000000000000000000000000001")
	require.ErrorIs(t, err, pat.ErrNotFound)
	require.Empty(t, seen.failed)

	down := observed.New(broken{db}, seen, time.Now)
	_, err = down.Uses().Use(t.Context(), pat.Presentation{})
	require.ErrorIs(t, err, fault.ErrUnavailable)
	require.Equal(t, []string{"uses.use"}, seen.failed)
}

// A list is told of once, also if nobody wants all of it.
func TestListIsOneCall(t *testing.T) {
	seen := &told{calls: map[string]int{}}
	for range observed.New(open(t), seen, time.Now).PATs().List(t.Context(), pat.Query{Organization: "00000000000000000000000000000001"}) {
		break
	}
	require.Equal(t, 1, seen.calls["pats.list"])
}

func TestOpsAreUnique(t *testing.T) {
	ops := slices.Clone(observed.Ops())
	slices.Sort(ops)
	require.Len(t, slices.Compact(ops), len(observed.Ops()))
}

// broken is a store that does not answer uses.
type broken struct{ observed.Ports }

func (broken) Uses() pat.UseStore { return brokenUses{} }

type brokenUses struct{ pat.UseStore }

func (brokenUses) Use(context.Context, pat.Presentation) (*pat.Used, error) {
	return nil, fmt.Errorf("use: %w: %w", fault.ErrUnavailable, errors.New("down"))
}
