package verify_test

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/verify"
)

// feedServer is the revocation feed of an issuer, as its documentation has it.
type feedServer struct {
	s *issuer

	mu      sync.Mutex
	ended   []told
	changed chan struct{}
	polls   int
	refuse  int  // status of answers, unless zero
	silent  bool // no answer comes
	unheld  bool // nobody is held, as by a cache between
	// header and payload change what is signed; nil removes.
	header, payload map[string]any
	window          time.Duration
}

// told is an entry and when it came.
type told struct {
	entry   map[string]any
	arrived time.Time
}

// follow gives an issuer a feed.
func follow(s *issuer) *feedServer {
	f := &feedServer{s: s, changed: make(chan struct{}), window: 13 * time.Hour}
	s.metadata["revocations_uri"] = testIssuer + "/revocations"
	s.feed = f
	return f
}

func hashed(text string) string {
	sum := sha256.Sum256([]byte(text))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

// end tells of something; bounds are gen, iat or none.
func (f *feedServer) end(of string, bounds map[string]any) {
	entry := map[string]any{"h": hashed(of)}
	change(entry, bounds)
	f.set(func() { f.ended = append(f.ended, told{entry, f.s.now()}) })
}

// set changes the server, and has all who wait look again.
func (f *feedServer) set(do func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	do()
	close(f.changed)
	f.changed = make(chan struct{})
}

func (f *feedServer) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.polls
}

// look returns what there is to tell since a cursor.
func (f *feedServer) look(since int64) (ended []any, changed <-chan struct{}, status int, silent, unheld bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	ended = []any{}
	for _, t := range f.ended {
		if t.arrived.UnixMilli() >= since {
			ended = append(ended, t.entry)
		}
	}
	return ended, f.changed, f.refuse, f.silent, f.unheld
}

func (f *feedServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	f.polls++
	f.mu.Unlock()
	since, _ := strconv.ParseInt(r.URL.Query().Get("since"), 10, 64)
	wait, _ := strconv.Atoi(strings.TrimPrefix(r.Header.Get("Prefer"), "wait="))
	over := time.NewTimer(time.Duration(wait) * time.Second)
	defer over.Stop()
	for waiting := true; ; {
		ended, changed, status, silent, unheld := f.look(since)
		if silent {
			<-r.Context().Done()
			return
		}
		if status != 0 {
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(status)
			return
		}
		etag := `"` + hashed(text(ended)) + `"`
		w.Header().Set("Etag", etag)
		if wait > 0 && !unheld {
			w.Header().Set("Preference-Applied", "wait="+strconv.Itoa(wait))
		}
		if r.Header.Get("If-None-Match") != etag {
			_, _ = w.Write([]byte(f.sign(since, ended)))
			return
		}
		if !waiting || unheld {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		select {
		case <-changed:
		case <-over.C:
			waiting = false
		case <-r.Context().Done():
			return
		}
	}
}

func (f *feedServer) sign(since int64, ended []any) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.s.now()
	key := f.s.signer()
	header := map[string]any{"alg": key.alg, "kid": key.kid, "typ": "revocations+jwt"}
	payload := map[string]any{
		"iss": testIssuer, "iat": now.Unix(), "since": since, "next": max(since, now.Add(-time.Minute).UnixMilli()), "window": int(f.window / time.Second), "ended": ended,
	}
	change(header, f.header)
	change(payload, f.payload)
	return key.sign(text(header), text(payload))
}

// requireRefused wants a token to be refused with an error, or, with nil, to be taken.
func requireRefused(tb testing.TB, v *verify.Verifier, token string, want error) {
	tb.Helper()
	_, err := v.Verify(tb.Context(), token)
	if want == nil {
		require.NoError(tb, err)
		return
	}
	require.ErrorIs(tb, err, want)
}
