package webhook_test

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/id"
	"github.com/cambio-sts/cambio/internal/secret"
	"github.com/cambio-sts/cambio/internal/webhook"
)

// script is a trail of one writer that is in memory.
type script struct {
	mu     sync.Mutex
	writer string
	lines  []audit.Line
}

func (s *script) add(ids ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range ids {
		e := audit.Event{ID: id, Time: time.Now(), Name: audit.TokenRevoked, Outcome: audit.Success}
		text, _ := e.MarshalJSON()
		n := len(s.lines) + 1
		s.lines = append(s.lines, audit.Line{Event: e, JSON: text, Writer: s.writer, Next: audit.Bookmark{Offset: int64(n), Seq: uint64(n)}})
	}
}

func (s *script) End() (audit.Bookmarks, error) { return audit.Bookmarks{}, nil }

func (s *script) After(from audit.Bookmarks, _ int, _ func(audit.Name) bool) (audit.Look, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	lines := s.lines[from[s.writer].Offset:]
	at := audit.Bookmarks{s.writer: {Offset: int64(len(s.lines)), Seq: uint64(len(s.lines))}}
	return audit.Look{Lines: lines, At: at}, nil
}

// carrier answers what a test says and keeps when it was asked for what.
type carrier struct {
	mu     sync.Mutex
	answer func(id string) (int, error)
	at     []time.Time
	ids    []string
}

func (c *carrier) RoundTrip(r *http.Request) (*http.Response, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at, c.ids = append(c.at, time.Now()), append(c.ids, r.Header.Get("webhook-id"))
	status, err := c.answer(r.Header.Get("webhook-id"))
	if err != nil {
		return nil, err
	}
	return &http.Response{StatusCode: status, Body: http.NoBody}, nil
}

type paced struct {
	trail     *script
	carrier   *carrier
	transport http.RoundTripper // the carrier, but for one test
	logs      *observer.ObservedLogs
	log       *zap.Logger
	dir       string
}

// seen is when the carrier was asked for what.
func (p *paced) seen() (at []time.Time, ids []string) {
	p.carrier.mu.Lock()
	defer p.carrier.mu.Unlock()
	return p.carrier.at, p.carrier.ids
}

func newPaced(t *testing.T, answer func(id string) (int, error)) *paced {
	t.Helper()
	core, logs := observer.New(zapcore.DebugLevel)
	over := &carrier{answer: answer}
	return &paced{&script{writer: id.New()}, over, over, logs, zap.New(core), t.TempDir()}
}

func (p *paced) start(t *testing.T) (stop func()) {
	t.Helper()
	sender, err := webhook.New(webhook.Config{
		Receivers: []webhook.Receiver{{
			Name: "webhooks[0]", URL: "https://hooks.example.com", Secrets: func() (secret.Text, error) { return secret.New(newSecret), nil },
		}},
		Trail: p.trail, Dir: p.dir, Now: time.Now, Transport: p.transport, Logger: p.log,
	})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- sender.Run(ctx) }()
	return func() {
		cancel()
		require.NoError(t, <-done)
	}
}

// Pauses grow from a second to an hour, and after three days an event is given up;
// younger ones wait on for their own three days, also over a restart.
func TestPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var up atomic.Bool
		p := newPaced(t, func(string) (int, error) {
			if up.Load() {
				return http.StatusOK, nil
			}
			return 0, errors.New("no")
		})
		stop := p.start(t)
		old, young, fresh := id.New(), id.New(), id.New()
		p.trail.add(old)
		began := time.Now()
		time.Sleep(36 * time.Hour)
		p.trail.add(young)
		stop()
		stop = p.start(t)
		time.Sleep(35 * time.Hour)
		require.Empty(t, p.logs.FilterMessage("event is given up").All())
		at, _ := p.seen()
		for i := 1; i < len(at); i++ {
			pause := at[i].Sub(at[i-1])
			require.GreaterOrEqual(t, pause, time.Second)
			require.LessOrEqual(t, pause, time.Hour)
			if i < 12 && i > 1 {
				require.GreaterOrEqual(t, pause, time.Duration(1<<(i-2))*time.Second, "%d", i)
				require.LessOrEqual(t, pause, time.Duration(1<<(i-1))*time.Second, "%d", i)
			}
		}
		require.Greater(t, len(at), 60)
		require.Less(t, len(at), 200)
		time.Sleep(3 * time.Hour)
		given := p.logs.FilterMessage("event is given up").All()
		require.Len(t, given, 1)
		require.Equal(t, old, given[0].ContextMap()["event"])
		require.GreaterOrEqual(t, given[0].Time.Sub(began), 72*time.Hour)
		up.Store(true)
		p.trail.add(fresh)
		time.Sleep(2 * time.Hour)
		_, ids := p.seen()
		require.Equal(t, []string{young, fresh}, ids[len(ids)-2:])
		require.NotContains(t, ids[:len(ids)-1], fresh)
		require.Len(t, p.logs.FilterMessage("event is given up").All(), 1)
		stop()
	})
}

// What is old when the receiver begins to fail is not given up at once, nor is it for
// failures that are over.
func TestPaceOfOldEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var fails atomic.Int64
		p := newPaced(t, func(string) (int, error) {
			if fails.Add(-1) >= 0 {
				return http.StatusServiceUnavailable, nil
			}
			return http.StatusOK, nil
		})
		p.start(t)()
		one, two := id.New(), id.New()
		for _, event := range []string{one, two} {
			p.trail.add(event)
			time.Sleep(10 * 24 * time.Hour)
			fails.Store(3)
			stop := p.start(t)
			time.Sleep(time.Minute)
			stop()
		}
		_, ids := p.seen()
		require.Equal(t, []string{one, one, one, one, two, two, two, two}, ids)
		require.Empty(t, p.logs.FilterMessage("event is given up").All())
	})
}

// A receiver that does not answer is given ten seconds.
func TestAttemptEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		waiting := hanging(make(chan time.Duration, 100))
		p := newPaced(t, nil)
		p.transport = waiting
		stop := p.start(t)
		p.trail.add(id.New())
		for range 3 {
			require.Equal(t, 10*time.Second, <-waiting)
		}
		stop()
	})
}

// hanging answers nothing and tells how long that was waited for.
type hanging chan time.Duration

func (h hanging) RoundTrip(r *http.Request) (*http.Response, error) {
	began := time.Now()
	<-r.Context().Done()
	h <- time.Since(began)
	return nil, r.Context().Err()
}
