package revocations_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap/zaptest"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/fault"
	"github.com/cambio-sts/cambio/keys"
	"github.com/cambio-sts/cambio/pat"
	"github.com/cambio-sts/cambio/revocations"
)

const testIssuer = "https://sts.example.com"

// world is a store in memory and what reads it.
type world struct {
	testing.TB

	mu       sync.Mutex
	ended    []pat.Ended
	owned    map[directory.ID][]pat.ID
	fail     error         // of the log
	lost     error         // of the tokens of owners
	slow     time.Duration // of the log
	passes   int
	lookups  int
	signed   int
	draining chan struct{}
	made     *revocations.Feed // the last
}

func newWorld(tb testing.TB) *world {
	tb.Helper()
	return &world{TB: tb, owned: map[directory.ID][]pat.ID{}, draining: make(chan struct{})}
}

func (w *world) set(change func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change()
}

func (w *world) end(ended ...pat.Ended) { w.set(func() { w.ended = append(w.ended, ended...) }) }

func (w *world) count(of *int) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return *of
}

// Follow implements pat.EndedLog.
func (w *world) Follow() pat.EndedCursor { return &cursor{w: w} }

type cursor struct {
	w  *world
	at int
}

func (c *cursor) Next(ctx context.Context) ([]pat.Ended, error) {
	c.w.mu.Lock()
	slow := c.w.slow
	c.w.mu.Unlock()
	if slow > 0 {
		select {
		case <-time.After(slow):
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), fault.ErrUnavailable)
		}
	}
	c.w.mu.Lock()
	defer c.w.mu.Unlock()
	c.w.passes++
	if c.w.fail != nil {
		return nil, c.w.fail
	}
	ended := c.w.ended[c.at:]
	c.at = len(c.w.ended)
	return ended, nil
}

// Owned implements pat.EndedLog.
func (w *world) Owned(_ context.Context, owners []directory.ID) ([][]pat.ID, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lookups += len(owners)
	found := make([][]pat.ID, len(owners))
	for i, owner := range owners {
		found[i] = w.owned[owner]
	}
	return found, w.lost
}

// SignRevocations implements revocations.Signer; the signature says by which algorithm.
func (w *world) SignRevocations(alg keys.Alg, payload []byte) (string, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.signed++
	return "header." + base64.RawURLEncoding.EncodeToString(payload) + "." + string(alg), nil
}

// feed returns a process whose clock is off by so much.
func (w *world) feed(off time.Duration) http.Handler {
	w.Helper()
	return w.feedAt(func() time.Time { return time.Now().Add(off) })
}

func (w *world) feedAt(now func() time.Time) http.Handler {
	w.Helper()
	feed, err := revocations.New(revocations.Config{
		Log: w, Signer: w, Alg: keys.ES256, Issuer: testIssuer, Draining: w.draining,
		Now: now, Logger: zaptest.NewLogger(w.TB),
	})
	require.NoError(w, err)
	w.made = feed
	mux := http.NewServeMux()
	feed.Register(mux)
	return mux
}

type change func(*http.Request)

func header(name, value string) change {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

func send(feed http.Handler, method, target string, changes ...change) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, http.NoBody)
	for _, change := range changes {
		change(r)
	}
	recorder := httptest.NewRecorder()
	feed.ServeHTTP(recorder, r)
	return recorder
}

func ask(feed http.Handler, since int64, changes ...change) *httptest.ResponseRecorder {
	target := revocations.Path
	if since > 0 {
		target += "?since=" + strconv.FormatInt(since, 10)
	}
	return send(feed, http.MethodGet, target, changes...)
}

// answer is a payload.
type answer struct {
	Issuer   string `json:"iss"`
	IssuedAt int64  `json:"iat"`
	Since    int64  `json:"since"`
	Next     int64  `json:"next"`
	Window   int64  `json:"window"`
	Ended    []struct {
		Hash       string `json:"h"`
		Generation *int64 `json:"gen"`
		IssuedAt   *int64 `json:"iat"`
	} `json:"ended"`
}

func read(tb testing.TB, got *httptest.ResponseRecorder) (found answer) {
	tb.Helper()
	require.Equal(tb, http.StatusOK, got.Code, got.Body)
	parts := strings.Split(got.Body.String(), ".")
	require.Len(tb, parts, 3)
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	require.NoError(tb, err)
	require.NoError(tb, json.Unmarshal(raw, &found))
	return found
}

// hashOf is how a reader of the documentation would do it.
func hashOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

// lists reports whether an answer has the hash of a text.
func (a *answer) lists(text string) bool {
	for i := range a.Ended {
		if a.Ended[i].Hash == hashOf(text) {
			return true
		}
	}
	return false
}
