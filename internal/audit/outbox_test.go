package audit_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/id"
)

// outbox is a store's events in order; used from one goroutine at a time.
type outbox struct {
	events     []audit.Stored
	pendingErr error
	discardErr error
	calls      int
	page       int // the most that Pending returns; 0: as many as asked for
}

func (o *outbox) Pending(_ context.Context, limit int) ([]audit.Stored, error) {
	o.calls++
	if o.page > 0 {
		limit = min(limit, o.page)
	}
	return o.events[:min(limit, len(o.events))], o.pendingErr
}

func (o *outbox) Discard(_ context.Context, shipped []audit.Stored) error {
	if o.discardErr != nil {
		return o.discardErr
	}
	o.events = o.events[len(shipped):]
	return nil
}

func (o *outbox) commit(t *testing.T, name audit.Name, n int) {
	t.Helper()
	for range n {
		text, err := json.Marshal(audit.Event{ID: id.New(), Time: time.Now(), Name: name, Outcome: audit.Success})
		require.NoError(t, err)
		o.events = append(o.events, audit.Stored{Position: fmt.Sprint(len(o.events)), Event: text})
	}
}

// ship runs a shipper for a while of the bubble's time.
func ship(t *testing.T, o *outbox, sink *audit.Sink, while time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), while)
	defer cancel()
	require.NoError(t, audit.NewShipper(o, sink, nil).Run(ctx))
}

func TestShipperMovesEventsInOrder(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		sink := open(t, audit.Config{Dir: dir})
		o := &outbox{}
		o.commit(t, audit.TokenCreated, 1500)
		want := append([]audit.Stored(nil), o.events...)
		ship(t, o, sink.Sink, 10*time.Second)
		require.Empty(t, o.events)
		require.NoError(t, sink.stop())
		got := lines(t, dir)
		require.Len(t, got, 1501)
		for i, stored := range want {
			require.True(t, strings.HasPrefix(got[i], strings.TrimSuffix(string(stored.Event), "}")+`,"seq":`), got[i])
		}
	})
	require.Empty(t, requireWhole(t, dir).Notes)
}

// TestShipperFinishes: what is committed just before a process ends is shipped.
func TestShipperFinishes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := open(t, audit.Config{Dir: t.TempDir()})
		o := &outbox{}
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- audit.NewShipper(o, sink.Sink, nil).Run(ctx) }()
		synctest.Wait()
		o.commit(t, audit.TokenRevoked, 1000)
		stop()
		require.NoError(t, <-done)
		require.Empty(t, o.events)
		require.NoError(t, sink.stop())
	})
}

// TestShipperGoesOnWhileEventsCome: a batch that is not full is no reason to
// wait.
func TestShipperGoesOnWhileEventsCome(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		sink := open(t, audit.Config{Dir: dir, SyncEvery: 5 * time.Millisecond})
		o := &outbox{page: 3}
		o.commit(t, audit.TokenCreated, 300)
		ship(t, o, sink.Sink, 900*time.Millisecond)
		require.True(t, len(o.events) == 0, "%d are left", len(o.events))
		require.Equal(t, 102, o.calls, "until there is nothing, and as it ends")
		require.NoError(t, sink.stop())
	})
	requireWhole(t, dir)
}

// TestShipperHurriesWhenBehind: full batches do not wait for the sink's next
// fsync.
func TestShipperHurriesWhenBehind(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		sink := open(t, audit.Config{Dir: dir, SyncEvery: time.Hour})
		o := &outbox{}
		o.commit(t, audit.TokenCreated, 5*512)
		ship(t, o, sink.Sink, time.Second/2)
		require.True(t, len(o.events) == 0, "%d are left", len(o.events))
		require.NoError(t, sink.stop())
	})
	requireWhole(t, dir)
}

func TestShippedOnceThoughNotDiscarded(t *testing.T) {
	dir := t.TempDir()
	o := &outbox{discardErr: errors.New("store is away")}
	o.commit(t, audit.TokenRevoked, 20)
	for range 2 { // two processes
		synctest.Test(t, func(t *testing.T) {
			sink := open(t, audit.Config{Dir: dir, MaxFileBytes: 2000})
			ship(t, o, sink.Sink, 5*time.Second)
			require.Len(t, o.events, 20)
			record(t, sink.Sink, 0, 50)
			require.NoError(t, sink.stop())
		})
	}
	o.discardErr = nil
	synctest.Test(t, func(t *testing.T) {
		sink := open(t, audit.Config{Dir: dir})
		ship(t, o, sink.Sink, 5*time.Second)
		require.NoError(t, sink.stop())
	})
	require.Empty(t, o.events)
	report := requireWhole(t, dir)
	require.Empty(t, report.Notes)
	require.Equal(t, 20+2*51, report.Lines)
}

func TestDuplicateIsANote(t *testing.T) {
	dir := t.TempDir()
	o := &outbox{}
	o.commit(t, audit.TokenRevoked, 1)
	again := append([]audit.Stored(nil), o.events...)
	synctest.Test(t, func(t *testing.T) {
		first, second := open(t, audit.Config{Dir: dir}), open(t, audit.Config{Dir: dir})
		ship(t, o, first.Sink, 3*time.Second)
		o.events = again
		ship(t, o, second.Sink, 3*time.Second)
		require.NoError(t, first.stop())
		require.NoError(t, second.stop())
	})
	report := requireWhole(t, dir)
	require.Len(t, report.Notes, 1)
	require.Equal(t, audit.Duplicate, report.Notes[0].Cause)
	require.Equal(t, 1, report.Notes[0].Line)
}

func TestShipperWaitsForStoreAndRoom(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		sink := open(t, audit.Config{Dir: dir, Queue: 7})
		o := &outbox{pendingErr: errors.New("store is away")}
		o.commit(t, audit.TokenCreated, 30)
		ship(t, o, sink.Sink, 3500*time.Millisecond)
		require.Equal(t, 5, o.calls, "once a second, and as it ends")
		require.Len(t, o.events, 30)
		o.pendingErr = nil
		ship(t, o, sink.Sink, 60*time.Second)
		require.Empty(t, o.events)
		require.NoError(t, sink.stop())
	})
	require.Equal(t, 31, requireWhole(t, dir).Lines)
}

func TestShipperKeepsUnreadableEvents(t *testing.T) {
	good := `{"id":"0123456789abcdef0123456789abcdef","event":"X"}`
	for name, raw := range map[string]string{
		"empty":       "",
		"no JSON":     "\x00\x01",
		"no object":   `["a"]`,
		"null":        "null",
		"no id":       `{"event":"X"}`,
		"bad id":      strings.Replace(good, "0123", "xyz-", 1),
		"seq":         strings.Replace(good, `"event"`, `"seq"`, 1),
		"prev":        strings.Replace(good, `"event"`, `"prev"`, 1),
		"writer":      strings.Replace(good, `"event"`, `"writer"`, 1),
		"no UTF-8":    strings.Replace(good, "X", "\xff", 1),
		"two objects": good + good,
		"too long":    strings.Replace(good, "X", strings.Repeat("x", 2<<20), 1),
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			synctest.Test(t, func(t *testing.T) {
				sink := open(t, audit.Config{Dir: dir})
				o := &outbox{events: []audit.Stored{{Event: []byte(raw)}, {Event: []byte("{\n  " + good[1:])}}}
				ship(t, o, sink.Sink, 3*time.Second)
				require.Empty(t, o.events)
				require.NoError(t, sink.stop())
			})
			got := lines(t, dir)
			require.Len(t, got, 3)
			require.Contains(t, got[0], audit.EventUnreadable)
			require.True(t, strings.HasPrefix(got[1], good[:len(good)-1]), "put on one line")
			requireWhole(t, dir)
		})
	}
}
