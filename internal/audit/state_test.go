package audit_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/audit"
)

// What a sink took, what it could not take and what waits is told.
func TestSinkState(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		sink := open(t, audit.Config{Dir: dir, Queue: 3, SyncEvery: time.Minute})
		synctest.Wait()
		event := audit.Event{Name: audit.TokenUsed, Outcome: audit.Success}
		for range 3 {
			require.NoError(t, sink.Record(event))
		}
		require.ErrorIs(t, sink.Record(event), audit.ErrFull)
		require.Equal(t, audit.SinkState{Accepted: 3, Waiting: 3, Refused: 1, Ready: true}, sink.State())
		require.NoError(t, sink.Flush(t.Context()))
		long := event
		long.Reason = strings.Repeat("x", 2<<20)
		require.ErrorIs(t, sink.Record(long), audit.ErrTooLong)
		require.Equal(t, audit.SinkState{Accepted: 3, Refused: 2, Ready: true}, sink.State())
		require.NoError(t, sink.stop())
		require.False(t, sink.State().Ready)
		require.Zero(t, sink.State().Failures)
	})
}

// A shipper tells what waits and since when, and whether its last look failed.
func TestShipperState(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		sink := open(t, audit.Config{Dir: dir})
		o := &outbox{discardErr: errors.New("down")}
		o.commit(t, audit.TokenCreated, 3)
		began := time.Now()
		shipper := audit.NewShipper(o, sink.Sink, nil)
		run := func(while time.Duration) {
			t.Helper()
			ctx, cancel := context.WithTimeout(t.Context(), while)
			defer cancel()
			require.NoError(t, shipper.Run(ctx))
		}
		run(5 * time.Second)
		state := shipper.State()
		require.True(t, began.Equal(state.Oldest), state.Oldest)
		state.Oldest = time.Time{}
		require.Equal(t, audit.ShipperState{Backlog: 3, Failing: true}, state)
		o.discardErr = nil
		run(5 * time.Second)
		require.Equal(t, audit.ShipperState{Shipped: 3}, shipper.State())
		require.NoError(t, sink.stop())
	})
}
