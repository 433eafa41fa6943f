package webhook_test

import (
	"crypto/tls"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/id"
	"github.com/cambio-sts/cambio/internal/secret"
	"github.com/cambio-sts/cambio/internal/webhook"
)

func TestDelivers(t *testing.T) {
	t.Parallel()
	w, r := newWorld(t), newReceiver(t, nil)
	past := w.start()
	past.record(3)
	past.stop()
	var file atomic.Pointer[string]
	set := func(text string) { file.Store(&text) }
	set(newSecret + "\n" + oldSecret)
	p := w.start(w.to(r.URL, func(r *webhook.Receiver) {
		r.Secrets = func() (secret.Text, error) { return secret.New(*file.Load()), nil }
	}))
	event := audit.Event{
		ID: id.New(), Time: time.Date(2026, 11, 22, 12, 0, 0, 123_000_000, time.UTC), Name: audit.TokenExpiring, Organization: id.New(),
		PATID: id.New(), Owner: id.New(), Audience: []string{"<&>"}, Outcome: audit.Success, Reason: "7d",
	}
	require.NoError(t, p.sink.Record(event))
	want := append([]string{event.ID}, p.record(3)...)
	w.wait(want, r.ids)
	got := r.deliveries()
	for _, d := range got {
		require.True(t, d.verify(newSecret))
		require.True(t, d.verify(oldSecret))
		require.False(t, d.verify("whsec_"+strings.Repeat("A", 44)))
		changed := delivery{d.header, append([]byte(" "), d.body...)}
		require.False(t, changed.verify(newSecret))
		at, err := strconv.ParseInt(d.header.Get("webhook-timestamp"), 10, 64)
		require.NoError(t, err)
		require.InDelta(t, time.Now().Unix(), at, 30)
		require.Equal(t, "application/json", d.header.Get("Content-Type"))
	}
	data, err := json.Marshal(event)
	require.NoError(t, err)
	require.JSONEq(t, `{"type":"PERSONAL_ACCESS_TOKEN_EXPIRING","timestamp":"2026-11-22T12:00:00.123Z","data":`+string(data)+`}`, string(got[0].body))
	require.Equal(t, "PERSONAL_ACCESS_TOKEN_REVOKED", member(t, got[1].body, "type"))

	set(oldSecret) // the file is changed under the process
	p.record(1)
	require.Eventually(t, func() bool { return len(r.deliveries()) == 5 }, 10*time.Second, 10*time.Millisecond)
	last := r.deliveries()[4]
	require.True(t, last.verify(oldSecret))
	require.False(t, last.verify(newSecret))
}

func TestReceiverIsDown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	p := w.start(w.to("http://" + listener.Addr().String()))
	want := p.record(5)
	require.Eventually(t, func() bool { return w.logs.FilterMessage("event is not delivered").Len() > 0 }, 10*time.Second, 10*time.Millisecond)
	r := &receiver{}
	listener, err = net.Listen("tcp", listener.Addr().String())
	require.NoError(t, err)
	r.Server = &httptest.Server{Listener: listener, Config: &http.Server{Handler: r}}
	r.Start()
	t.Cleanup(r.Close)
	w.wait(want, r.ids)
	require.Eventually(t, func() bool { return w.logs.FilterMessage("events are delivered again").Len() == 1 }, time.Second, time.Millisecond)
	require.Eventually(t, func() bool { return p.sender.States()[0].Delivered == 5 }, time.Second, time.Millisecond)
	state := p.sender.States()[0]
	require.Positive(t, state.Failed)
	require.Zero(t, state.FailingSince)
	require.Zero(t, state.GivenUp)
}

// A receiver that refuses now and then gets all in order.
func TestOrderOverRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := newReceiver(t, func(w http.ResponseWriter, _ *http.Request, n int) {
		if n == 3 {
			w.WriteHeader(http.StatusInternalServerError)
		}
	})
	want := w.start(w.to(r.URL)).record(6)
	w.wait(append(append([]string{}, want[:3]...), want[2:]...), r.ids)
}

// What ends in the middle goes on there, and after a crash a bit before; other writers
// of the folder are sent too.
func TestRestart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	release := make(chan struct{}, 1000)
	r := newReceiver(t, func(_ http.ResponseWriter, request *http.Request, _ int) {
		select {
		case <-release:
		case <-request.Context().Done():
		}
	})
	for range 10 {
		release <- struct{}{}
	}
	p := w.start(w.to(r.URL))
	cursors, err := filepath.Glob(filepath.Join(w.dir, "*.cursor"))
	require.NoError(t, err)
	require.Len(t, cursors, 1)
	early, err := os.ReadFile(cursors[0])
	require.NoError(t, err)
	want := p.record(30)
	require.Eventually(t, func() bool { return len(r.ids()) == 11 }, 10*time.Second, time.Millisecond)
	want = append(want, p.record(5)...) // they are in the files as it ends
	p.stop()
	for range 500 {
		release <- struct{}{}
	}
	p = w.start(w.to(r.URL))
	want = append(want, p.record(5)...)
	w.wait(want, func() []string { return first(r.ids()) })
	require.Len(t, r.ids(), len(want)+1, "what was under way is repeated, nothing else")
	p.stop()

	require.NoError(t, os.WriteFile(cursors[0], early, 0o600)) // as a crash would leave it
	before := len(r.ids())
	p = w.start(w.to(r.URL))
	want = append(want, p.record(5)...)
	w.wait(want, func() []string { return r.ids()[min(before, len(r.ids())):] })
}

func TestSlowReceiverHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	slow := newReceiver(t, func(_ http.ResponseWriter, r *http.Request, _ int) { <-r.Context().Done() })
	r := newReceiver(t, nil)
	p := w.start(w.to(slow.URL), w.to(r.URL))
	want := p.record(20)
	w.wait(want, r.ids)
	require.Eventually(t, func() bool { return len(slow.ids()) == 1 }, 10*time.Second, time.Millisecond)
}

func TestRedirectIsNotFollowed(t *testing.T) {
	t.Parallel()
	w, target := newWorld(t), newReceiver(t, nil)
	var all []*receiver
	var to []webhook.Receiver
	for _, status := range []int{301, 302, 303, 307, 308} {
		r := newReceiver(t, func(w http.ResponseWriter, r *http.Request, _ int) { http.Redirect(w, r, target.URL, status) })
		all, to = append(all, r), append(to, w.to(r.URL))
	}
	want := w.start(to...).record(1)
	for _, r := range all {
		require.Eventually(t, func() bool { return len(r.ids()) >= 2 }, 10*time.Second, 10*time.Millisecond)
		require.Subset(t, want, r.ids())
	}
	require.Empty(t, target.ids())
}

func TestGone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := newReceiver(t, func(w http.ResponseWriter, _ *http.Request, n int) {
		if n == 2 {
			w.WriteHeader(http.StatusGone)
		}
	})
	p := w.start(w.to(r.URL))
	want := p.record(3)
	require.Eventually(t, func() bool { return w.logs.FilterMessage("webhook is stopped until the next start").Len() == 1 }, 10*time.Second, time.Millisecond)
	require.Equal(t, want[:2], r.ids())
	p.stop()
	w.start(w.to(r.URL))
	w.wait([]string{want[0], want[1], want[1], want[2]}, r.ids)
}

// The one field that differs is whether the network is listed.
func TestPrivateAddress(t *testing.T) {
	t.Parallel()
	secure := func(t *testing.T) *receiver {
		t.Helper()
		r := &receiver{}
		r.Server = httptest.NewUnstartedServer(r)
		r.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}}
		r.StartTLS()
		t.Cleanup(r.Close)
		r.URL = strings.Replace(r.URL, "127.0.0.1", "localhost", 1)
		return r
	}
	t.Run("listed", func(t *testing.T) {
		t.Parallel()
		w, r := newWorld(t), secure(t)
		want := w.start(w.to(r.URL)).record(1)
		w.wait(want, r.ids)
	})
	t.Run("not listed", func(t *testing.T) {
		t.Parallel()
		w, r := newWorld(t), secure(t)
		w.start(w.to(r.URL, func(r *webhook.Receiver) { r.Allowed = nil })).record(1)
		require.Eventually(t, func() bool { return w.logs.FilterMessage("event is not delivered").Len() > 0 }, 10*time.Second, time.Millisecond)
		require.Contains(t, w.logs.FilterMessage("event is not delivered").All()[0].ContextMap()["error"], "the address is not public")
		require.Empty(t, r.ids())
	})
}

// The one field that differs is what the receiver speaks.
func TestTLSVersion(t *testing.T) {
	t.Parallel()
	for version, spoken := range map[uint16]bool{tls.VersionTLS11: false, tls.VersionTLS12: true, tls.VersionTLS13: true} {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			t.Parallel()
			w, r := newWorld(t), &receiver{}
			r.Server = httptest.NewUnstartedServer(r)
			r.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: version, MaxVersion: version}
			r.Config.ErrorLog = nil
			r.StartTLS()
			t.Cleanup(r.Close)
			want := w.start(w.to(r.URL)).record(1)
			if spoken {
				w.wait(want, r.ids)
				return
			}
			require.Eventually(t, func() bool { return w.logs.FilterMessage("event is not delivered").Len() > 0 }, 10*time.Second, time.Millisecond)
			require.Empty(t, r.ids())
		})
	}
}

// An answer that is no HTTP, or without an end, is trouble like any other and is quoted
// nowhere.
func TestStrangeAnswers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := newReceiver(t, func(w http.ResponseWriter, _ *http.Request, n int) {
		hijacker, ok := w.(http.Hijacker)
		if n == 1 && ok {
			connection, _, err := hijacker.Hijack()
			if err == nil {
				_, _ = connection.Write([]byte(capability + " " + newSecret + "\r\n\r\n"))
				_ = connection.Close()
			}
			return
		}
		_, _ = w.Write(make([]byte, 1<<20))
	})
	want := w.start(w.to(r.URL)).record(3)
	w.wait(append([]string{want[0]}, want...), r.ids)
	require.Contains(t, w.logs.FilterMessage("event is not delivered").All()[0].ContextMap()["error"], "cannot be read")
}

// Of processes that share a folder one sends, all of what lies there; when it ends,
// another does.
func TestSharedFolder(t *testing.T) {
	t.Parallel()
	w, r := newWorld(t), newReceiver(t, nil)
	one, two := w.start(w.to(r.URL)), w.start(w.to(r.URL))
	count := len(append(one.record(5), two.record(5)...))
	all := func() bool { return len(first(r.ids())) == count }
	require.Eventually(t, all, 10*time.Second, 10*time.Millisecond)
	one.stop()
	count += len(two.record(5))
	require.Eventually(t, all, 10*time.Second, 10*time.Millisecond)
	require.Len(t, r.ids(), count, "nothing came twice")
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	sink, err := audit.OpenSink(audit.Config{Dir: w.dir, Now: time.Now})
	require.NoError(t, err)
	open := func(change func(*webhook.Receiver)) error {
		_, err := webhook.New(webhook.Config{Receivers: []webhook.Receiver{w.to("http://127.0.0.1:1", change)}, Trail: sink, Dir: w.dir, Now: time.Now})
		return err
	}
	require.NoError(t, open(func(*webhook.Receiver) {}))
	broken := errors.New("the file is gone")
	require.ErrorIs(t, open(func(r *webhook.Receiver) { r.Secrets = func() (secret.Text, error) { return secret.Text{}, broken } }), broken)
	require.ErrorIs(t, open(func(r *webhook.Receiver) {
		r.Secrets = func() (secret.Text, error) { return secret.New(capability), nil }
	}), webhook.ErrSecret)
	for event, want := range map[string]error{
		"KEY_REVOKED": nil, "KEY_*": nil, "*": nil, "PERSONAL_ACCESS_TOKEN_USED": nil,
		"KEY_REVOKEDD": webhook.ErrEvent, "KEYS_*": webhook.ErrEvent, "KEY": webhook.ErrEvent, "": webhook.ErrEvent, "PERSONAL_ACCESS_TOKEN_USE_*": webhook.ErrEvent,
	} {
		require.ErrorIs(t, open(func(r *webhook.Receiver) { r.Events = []string{"GROUP_*", event} }), want, event)
	}
	for what, change := range map[string]func(*webhook.Receiver){
		"no secrets":  func(r *webhook.Receiver) { r.Secrets = nil },
		"not listed":  func(r *webhook.Receiver) { r.Allowed = nil },
		"scheme":      func(r *webhook.Receiver) { r.URL = strings.Replace(r.URL, "http", "ftp", 1) },
		"user":        func(r *webhook.Receiver) { r.URL = strings.Replace(r.URL, "//", "//u:p@", 1) },
		"fragment":    func(r *webhook.Receiver) { r.URL += "#x" },
		"no address":  func(r *webhook.Receiver) { r.URL = "http://%zz/" + capability },
		"public http": func(r *webhook.Receiver) { r.URL = strings.Replace(r.URL, "127.0.0.1", "1.1.1.1", 1) },
	} {
		err := open(change)
		require.Error(t, err, what)
		require.NotContains(t, err.Error(), capability, what)
	}
	cursors, err := filepath.Glob(filepath.Join(w.dir, "*.cursor"))
	require.NoError(t, err)
	require.Len(t, cursors, 1)
	require.NoError(t, os.WriteFile(cursors[0], []byte("{"), 0o600))
	require.ErrorIs(t, open(func(*webhook.Receiver) {}), webhook.ErrCursor)
	require.NoError(t, os.Remove(cursors[0]))
	require.NoError(t, open(func(*webhook.Receiver) {}))
}
