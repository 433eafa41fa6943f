package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/cli"
	"github.com/cambio-sts/cambio/internal/config"
	"github.com/cambio-sts/cambio/internal/id"
	"github.com/cambio-sts/cambio/internal/testenv"
	"github.com/cambio-sts/cambio/pat"
)

// inbox is a receiver of webhooks.
type inbox struct {
	mu  sync.Mutex
	got []audit.Event
}

func (i *inbox) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	var body struct {
		Type audit.Name  `json:"type"`
		Data audit.Event `json:"data"`
	}
	text, err := io.ReadAll(r.Body)
	if err != nil || json.Unmarshal(text, &body) != nil || body.Type != body.Data.Name || r.Header.Get("Webhook-Id") != body.Data.ID {
		panic("a strange webhook")
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.got = append(i.got, body.Data)
}

// of returns the events of a name, each once.
func (i *inbox) of(name audit.Name) []audit.Event {
	i.mu.Lock()
	defer i.mu.Unlock()
	var out []audit.Event
	for _, e := range i.got {
		if e.Name == name && !slices.ContainsFunc(out, func(o audit.Event) bool { return o.ID == e.ID }) {
			out = append(out, e)
		}
	}
	return out
}

// running serves until the returned function is called.
func running(t *testing.T, n *node) (stop func()) {
	t.Helper()
	handler, err := n.openDoors()
	require.NoError(t, err)
	endpoints, err := n.endpoints(t.Context(), handler)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	done, ready := make(chan error, 1), make(chan struct{})
	go func() { done <- n.serve(ctx, func() error { close(ready); return nil }, endpoints...) }()
	<-ready
	return func() {
		cancel()
		require.NoError(t, <-done)
	}
}

// dying puts a token into the store that was made long ago and ends in five days.
func dying(t *testing.T, n *node) pat.Record {
	t.Helper()
	snapshot, err := n.directory.Snapshot(t.Context())
	require.NoError(t, err)
	organization := snapshot.Organizations()[0].ID
	owner, err := n.directory.CreateIdentity(t.Context(), directory.Identity{Organization: organization, Username: id.New(), Enabled: true}, directory.Actor{})
	require.NoError(t, err)
	record := pat.Record{
		ID: pat.NewID(owner.ID), Organization: organization, Owner: owner.ID, Name: "dying", Level: pat.Personal, State: pat.StateActive,
		Created: pat.Milliseconds(time.Now().Add(-40 * 24 * time.Hour)), Expiration: pat.Milliseconds(time.Now().Add(5 * 24 * time.Hour)),
		Generation: 1, Revision: 1,
	}
	event := audit.Event{
		ID: id.New(), Time: time.Now(), Name: audit.TokenCreated, Organization: string(organization), PATID: string(record.ID), Outcome: audit.Success,
	}
	require.NoError(t, n.store.PATs().Create(t.Context(), record, 0, event))
	return record
}

// A receiver is told of what changed, and of a token that ends soon, once.
func TestWebhooks(t *testing.T) {
	n := prepared(t)
	receiver := &inbox{}
	server := httptest.NewServer(receiver)
	defer server.Close()
	dir := t.TempDir()
	secret := filepath.Join(dir, "secret")
	require.NoError(t, os.WriteFile(secret, []byte("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n"), 0o600))
	n.config.Audit.Dir, n.config.Listen.Addr, n.config.Listen.AdminAddr = filepath.Join(dir, "audit"), "127.0.0.1:0", ""
	n.config.Webhooks = []config.Webhook{{URL: server.URL + "/hook", SecretFile: secret, AllowedNetworks: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}}}

	record := dying(t, n)
	for runs := range 2 {
		stop := running(t, n)
		testenv.Wait(t, 20*time.Second, func() bool {
			return len(receiver.of(audit.TokenExpiring)) == 1 && len(receiver.of(audit.TokenCreated)) == 1+runs
		})
		stop()
		n = reopened(t, n)
		dying(t, n) // it was made after the round in which it would have been told of
	}
	warning := receiver.of(audit.TokenExpiring)[0]
	require.Equal(t, string(record.ID), warning.PATID)
	require.Equal(t, string(record.Owner), warning.Owner)
	require.Equal(t, "7d", warning.Reason)
	report, err := audit.Verify(n.config.Audit.Dir)
	require.NoError(t, err)
	require.Empty(t, report.Problems)
	require.Empty(t, report.Notes, "nothing was recorded twice")
}

// reopened is the node again after it has ended.
func reopened(t *testing.T, n *node) *node {
	t.Helper()
	again, err := openDomain(t.Context(), n.config, opening{}, zap.NewNop())
	require.NoError(t, err)
	require.NoError(t, again.open(t.Context()))
	n.store = again.store // which prepared closes
	return again
}

// A configuration that cannot work is told at the start, without what is secret in it.
func TestWebhookRefuses(t *testing.T) {
	n := prepared(t)
	dir := t.TempDir()
	secret := filepath.Join(dir, "secret")
	require.NoError(t, os.WriteFile(secret, []byte("canary\n"), 0o600))
	n.config.Audit.Dir = filepath.Join(dir, "audit")
	n.config.Webhooks = []config.Webhook{{URL: "https://hooks.example.com/canary", SecretFile: secret}}
	_, err := n.openDoors()
	var described *cli.Error
	require.ErrorAs(t, err, &described)
	require.Equal(t, "webhook", described.Code)
	require.Contains(t, described.Cause, "webhooks[0] hooks.example.com")
	require.NotContains(t, described.Error(), "canary")
}
