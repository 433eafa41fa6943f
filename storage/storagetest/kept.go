package storagetest

import (
	"bytes"
	"context"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/fault"
	"github.com/cambio-sts/cambio/internal/testenv"
)

// Kept is the port of console/session.
type Kept interface {
	Get(ctx context.Context, key string) (value []byte, found bool, err error)
	Put(ctx context.Context, key string, value []byte, life time.Duration) error
	Delete(ctx context.Context, key string) error
	Take(ctx context.Context, key string) (value []byte, found bool, err error)
}

// RunKept proves the port over a store that keeps nothing. other is what another
// process sees of it, or the same.
func RunKept(t *testing.T, kept, other Kept) {
	t.Helper()
	for name, test := range map[string]func(*testing.T, Kept, Kept){
		"comes back": keptComesBack, "every value": keptValues, "expires": keptExpires, "taken once": keptTakenOnce,
		"taken, replaced and deleted at once": keptAtOnce, "cancelled": keptCancelled,
	} {
		t.Run(name, func(t *testing.T) { test(t, kept, other) })
	}
}

func requireKept(t *testing.T, kept Kept, key, want string) {
	t.Helper()
	got, found, err := kept.Get(t.Context(), key)
	require.NoError(t, err)
	require.True(t, found, key)
	require.Equal(t, want, string(got))
}

func requireNotKept(t *testing.T, kept Kept, key string) {
	t.Helper()
	for _, read := range []func(context.Context, string) ([]byte, bool, error){kept.Get, kept.Take} {
		got, found, err := read(t.Context(), key)
		require.NoError(t, err)
		require.False(t, found, key)
		require.Empty(t, got)
	}
}

// requireTaken takes a value that is there.
func requireTaken(t *testing.T, kept Kept, key, want string) {
	t.Helper()
	got, found, err := kept.Take(t.Context(), key)
	require.NoError(t, err)
	require.True(t, found, key)
	require.Equal(t, want, string(got))
}

func keptComesBack(t *testing.T, kept, other Kept) {
	t.Helper()
	ctx := t.Context()
	requireNotKept(t, kept, "a")
	require.NoError(t, kept.Delete(ctx, "a"), "of nothing")
	require.NoError(t, kept.Put(ctx, "a", []byte("first"), time.Minute))
	require.NoError(t, kept.Put(ctx, "ab", []byte("another"), time.Minute))
	requireKept(t, other, "a", "first")
	require.NoError(t, other.Put(ctx, "a", []byte("second"), time.Minute))
	requireKept(t, kept, "a", "second")
	requireKept(t, kept, "a", "second")
	require.NoError(t, kept.Delete(ctx, "a"))
	requireNotKept(t, other, "a")
	require.NoError(t, kept.Put(ctx, "a", []byte("third"), time.Minute), "after a deletion")
	requireTaken(t, other, "a", "third")
	requireNotKept(t, kept, "a")
	require.NoError(t, kept.Put(ctx, "a", []byte("fourth"), time.Minute), "after it was taken")
	requireKept(t, other, "a", "fourth")
	require.NoError(t, kept.Delete(ctx, "a"))
	requireKept(t, kept, "ab", "another")
}

func keptValues(t *testing.T, kept, other Kept) {
	t.Helper()
	every := make([]byte, 256)
	for i := range every {
		every[i] = byte(i)
	}
	for key, value := range map[string]string{
		"nothing": "", "bytes": string(every), "64 KiB": strings.Repeat(string(every), 256), "newline": "\r\n",
		strings.Repeat("long/", 200): "1000 bytes", "{00}:}{": "looks like a hash tag", string(every[1:]): "any byte",
	} {
		require.NoError(t, kept.Put(t.Context(), key, []byte(value), time.Minute), "%q", key)
		requireKept(t, other, key, value)
		requireTaken(t, other, key, value)
		requireNotKept(t, kept, key)
	}
	value := []byte("mine")
	require.NoError(t, kept.Put(t.Context(), "mine", value, time.Minute))
	got, _, err := kept.Get(t.Context(), "mine")
	require.NoError(t, err)
	clear(value)
	clear(got)
	requireKept(t, kept, "mine", "mine")
}

func keptExpires(t *testing.T, kept, other Kept) {
	t.Helper()
	ctx := t.Context()
	const soon = 500 * time.Millisecond // a busy machine must still find it before
	require.NoError(t, kept.Put(ctx, "stays", []byte("x"), time.Minute))
	require.NoError(t, kept.Put(ctx, "shortened", []byte("x"), time.Minute))
	require.NoError(t, kept.Put(ctx, "shortened", []byte("x"), soon))
	require.NoError(t, kept.Put(ctx, "prolonged", []byte("x"), soon))
	require.NoError(t, kept.Put(ctx, "prolonged", []byte("y"), time.Minute))
	put := clock()
	require.NoError(t, kept.Put(ctx, "ends", []byte("x"), soon))
	testenv.Wait(t, 10*time.Second, func() bool {
		_, shortened, err := other.Get(ctx, "shortened")
		require.NoError(t, err)
		_, ends, err := other.Get(ctx, "ends")
		require.NoError(t, err)
		return !shortened && !ends
	})
	require.GreaterOrEqual(t, clock().Sub(put), soon/2, "not long before its time")
	requireNotKept(t, kept, "ends")
	requireNotKept(t, kept, "shortened")
	requireKept(t, other, "stays", "x")
	requireKept(t, other, "prolonged", "y")
	require.NoError(t, kept.Put(ctx, "ends", []byte("again"), time.Minute))
	requireKept(t, other, "ends", "again")
	for _, life := range []time.Duration{0, -time.Minute, time.Microsecond} {
		require.ErrorIs(t, kept.Put(ctx, "never", []byte("x"), life), fault.ErrUnavailable, life)
		requireNotKept(t, kept, "never")
	}
}

func keptTakenOnce(t *testing.T, kept, other Kept) {
	t.Helper()
	for round := range 20 {
		value := bytes.Repeat([]byte{byte(round)}, 100)
		require.NoError(t, kept.Put(t.Context(), "link", value, time.Minute))
		var won atomic.Int64
		together(20, func(i int) {
			taken, found, err := []Kept{kept, other}[i%2].Take(t.Context(), "link")
			if assert.NoError(t, err) && found {
				won.Add(1)
				assert.Equal(t, value, taken)
			}
		})
		require.EqualValues(t, 1, won.Load())
		requireNotKept(t, other, "link")
	}
}

// keptAtOnce: each value is taken once, whatever else happens to its key.
func keptAtOnce(t *testing.T, kept, other Kept) {
	t.Helper()
	var taken [20]atomic.Int64
	together(60, func(i int) {
		switch each, n := []Kept{kept, other}[i%2], i/3; i % 3 {
		case 0:
			assert.NoError(t, each.Put(t.Context(), "busy", []byte(strconv.Itoa(n)), time.Minute))
		case 1:
			value, found, err := each.Take(t.Context(), "busy")
			if assert.NoError(t, err) && found {
				n, err := strconv.Atoi(string(value))
				assert.NoError(t, err)
				taken[n].Add(1)
			}
		default:
			assert.NoError(t, each.Delete(t.Context(), "busy"))
		}
	})
	for n := range taken {
		require.LessOrEqual(t, taken[n].Load(), int64(1), n)
	}
	require.NoError(t, kept.Delete(t.Context(), "busy"))
	requireNotKept(t, other, "busy")
}

func keptCancelled(t *testing.T, kept, other Kept) {
	t.Helper()
	require.NoError(t, kept.Put(t.Context(), "cut off", []byte("x"), time.Minute))
	ended := cancelled(t)
	require.ErrorIs(t, kept.Put(ended, "cut off", []byte("y"), time.Minute), fault.ErrUnavailable)
	require.ErrorIs(t, kept.Delete(ended, "cut off"), fault.ErrUnavailable)
	for _, read := range []func(context.Context, string) ([]byte, bool, error){kept.Get, kept.Take} {
		_, found, err := read(ended, "cut off")
		require.ErrorIs(t, err, fault.ErrUnavailable)
		require.False(t, found)
	}
	requireKept(t, other, "cut off", "x")
}
