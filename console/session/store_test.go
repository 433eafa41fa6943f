package session_test

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/console/session"
	"github.com/cambio-sts/cambio/internal/fault"
	"github.com/cambio-sts/cambio/storage/bolt"
	"github.com/cambio-sts/cambio/storage/redis"
)

var (
	_ session.Store = bolt.Kept{}
	_ session.Store = redis.Kept{}
)

// clock stands still until it is moved.
type clock struct{ now time.Time }

func newClock() *clock { return &clock{time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)} }

func (c *clock) Now() time.Time { return c.now }

func (c *clock) pass(length time.Duration) { c.now = c.now.Add(length) }

// memory is a store that counts its calls, and fails when it is told to.
type memory struct {
	*clock

	mu     sync.Mutex
	values map[string]entry
	calls  []string // "get ended", with the kind of key
	fails  int      // so many calls from now; 0: none
	limit  bool     // the last one has a deadline
}

type entry struct {
	value  []byte
	expiry time.Time
}

func newMemory() *memory { return &memory{clock: newClock(), values: map[string]entry{}} }

// call notes a call, and returns with its mutex held.
func (m *memory) call(ctx context.Context, verb, key string) error {
	m.mu.Lock()
	kind, _, _ := strings.Cut(key, "/")
	m.calls = append(m.calls, verb+" "+kind)
	_, m.limit = ctx.Deadline()
	if m.fails > 0 {
		if m.fails--; m.fails == 0 {
			return fmt.Errorf("%s: %w", verb, fault.ErrUnavailable)
		}
	}
	return ctx.Err()
}

func (m *memory) Get(ctx context.Context, key string) ([]byte, bool, error) {
	err := m.call(ctx, "get", key)
	defer m.mu.Unlock()
	value, found := m.values[key]
	if err != nil || !found || !m.now.Before(value.expiry) {
		return nil, false, err
	}
	return value.value, true, nil
}

func (m *memory) Put(ctx context.Context, key string, value []byte, life time.Duration) error {
	err := m.call(ctx, "put", key)
	defer m.mu.Unlock()
	if err == nil {
		m.values[key] = entry{bytes.Clone(value), m.now.Add(life)}
	}
	return err
}

func (m *memory) Delete(ctx context.Context, key string) error {
	err := m.call(ctx, "delete", key)
	defer m.mu.Unlock()
	if err == nil {
		delete(m.values, key)
	}
	return err
}

func (m *memory) Take(ctx context.Context, key string) ([]byte, bool, error) {
	err := m.call(ctx, "take", key)
	defer m.mu.Unlock()
	value, found := m.values[key]
	if err != nil || !found || !m.now.Before(value.expiry) {
		return nil, false, err
	}
	delete(m.values, key)
	return value.value, true, nil
}

// during returns the calls that do makes.
func (m *memory) during(do func()) []string {
	m.calls = nil
	do()
	return m.calls
}

// requireNowhere proves that a secret is in no key and no value.
func (m *memory) requireNowhere(t *testing.T, secret string) {
	t.Helper()
	require.NotEmpty(t, m.values)
	for key, value := range m.values {
		require.NotContains(t, key, secret)
		require.NotContains(t, string(value.value), secret)
	}
}

func (m *memory) keys(prefix string) []string {
	return slices.DeleteFunc(slices.Collect(maps.Keys(m.values)), func(key string) bool { return !strings.HasPrefix(key, prefix) })
}

// openBolt opens a real store at the same clock.
func openBolt(t *testing.T, at *clock) session.Store {
	t.Helper()
	db, err := bolt.Open(bolt.Config{Path: filepath.Join(t.TempDir(), "cambio.db"), Create: true, Now: at.Now})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db.Kept()
}
