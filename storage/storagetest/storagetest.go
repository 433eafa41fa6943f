package storagetest

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/fault"
	"github.com/cambio-sts/cambio/keys"
	"github.com/cambio-sts/cambio/pat"
)

// Stores are the ports of one store, all over the same data.
type Stores struct {
	PATs       pat.Store
	Uses       pat.UseStore
	Identities directory.Identities
	Catalog    directory.Catalogs
	Keys       keys.Store
	Outbox     audit.Outbox
	Ended      pat.EndedLog
}

// Run runs the whole suite as subtests of t. open is called by each subtest and
// returns a store that is empty and nobody else's; it closes it by t.Cleanup.
// No two stores of a suite are open at once.
func Run(t *testing.T, open func(t *testing.T) Stores) {
	t.Helper()
	for _, group := range []struct {
		name string
		run  func(*testing.T, func(*testing.T) Stores)
	}{
		{"Create", runCreate},
		{"Use", runUse},
		{"Live", runLive},
		{"Touch", runTouch},
		{"Replace", runReplace},
		{"Revoke", runRevoke},
		{"Delete", runDelete},
		{"List", runList},
		{"Read", runRead},
		{"Identities", runIdentities},
		{"Members", runMembers},
		{"Catalog", runCatalog},
		{"Keys", runKeys},
		{"Outbox", runOutbox},
		{"Ended", runEnded},
		{"Cancelled", runCancelled},
	} {
		t.Run(group.name, func(t *testing.T) { group.run(t, open) })
	}
}

// tests runs each function as a subtest over a store of its own.
func tests(t *testing.T, open func(*testing.T) Stores, named map[string]func(*testing.T, Stores)) {
	t.Helper()
	for name, run := range named {
		t.Run(name, func(t *testing.T) { run(t, open(t)) })
	}
}

// clock reads the time as stores do: in UTC, by the millisecond.
func clock() time.Time {
	return time.Now().UTC().Truncate(time.Millisecond) //nolint:forbidigo // the clock of the stores under test is the real one
}

// together calls do n times at once and returns when all are done.
func together(n int, do func(i int)) {
	var (
		start = make(chan struct{})
		done  sync.WaitGroup
	)
	for i := range n {
		done.Go(func() {
			<-start
			do(i)
		})
	}
	close(start)
	done.Wait()
}

// insist repeats do while the store says that it cannot answer now, as it may
// under a thousand goroutines, for at most half a minute.
func insist(do func() error) error {
	for deadline := clock().Add(30 * time.Second); ; {
		err := do()
		if !errors.Is(err, fault.ErrUnavailable) || clock().After(deadline) {
			return err
		}
	}
}

// tally counts a success; anything else has to be the given refusal.
func tally(t *testing.T, won *atomic.Int64, err, refusal error) {
	t.Helper()
	if err == nil {
		won.Add(1)
		return
	}
	assert.ErrorIs(t, err, refusal)
}

// drain takes all events out of the outbox, in its order.
func drain(t *testing.T, s Stores) []audit.Event {
	t.Helper()
	var out []audit.Event
	for {
		stored, err := s.Outbox.Pending(t.Context(), 1000)
		require.NoError(t, err)
		if len(stored) == 0 {
			return out
		}
		for _, one := range stored {
			out = append(out, decodeEvent(t, one))
		}
		require.NoError(t, s.Outbox.Discard(t.Context(), stored))
	}
}

// requireEvents proves that since the last drain exactly the events with these
// ids were committed.
func requireEvents(t *testing.T, s Stores, want ...audit.Event) {
	t.Helper()
	ids, got := []string{}, []string{}
	for _, event := range want {
		ids = append(ids, event.ID)
	}
	for _, event := range drain(t, s) {
		got = append(got, event.ID)
	}
	require.ElementsMatch(t, ids, got)
}

// cancelled returns a context that has ended.
func cancelled(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}
