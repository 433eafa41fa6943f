package api_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/testenv"
	"github.com/cambio-sts/cambio/pat"
)

// leaving makes the client go away before a write, and waits until the server knows.
// What goes on without the client does not wait for long.
type leaving struct {
	before int
	writes int
	leave  context.CancelFunc
}

// struck is asked before each write, with the context that it is made in.
func (l *leaving) struck(ctx context.Context) {
	l.writes++
	if l.writes != l.before {
		return
	}
	l.leave()
	select {
	case <-ctx.Done():
	case <-time.After(50 * time.Millisecond):
	}
}

// A058: a client that goes away at any point leaves nothing half-done behind.
func TestClientGoesAway(t *testing.T) {
	onBothLevels(t, func(t *testing.T, p *place) {
		t.Helper()
		gone := func(before int, method, path, body string) {
			t.Helper()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			at := &leaving{before: before, leave: cancel}
			broken := p.troubled(&trouble{watch: at.struck, after: 1 << 30})
			request, err := http.NewRequestWithContext(ctx, method, broken.url+path, strings.NewReader(body))
			require.NoError(t, err)
			request.Header.Set("Authorization", "Bearer "+p.by)
			if body != "" {
				request.Header.Set("Content-Type", "application/json")
			}
			response, err := http.DefaultClient.Do(request)
			if err == nil {
				_ = response.Body.Close()
				return
			}
			require.True(t, errors.Is(err, context.Canceled), "%v", err)
		}
		settled := func(condition func() bool, why string) {
			t.Helper()
			testenv.Wait(t, 5*time.Second, condition)
			require.NoError(t, p.people.Refresh(t.Context()), why)
		}
		for before := 1; before <= 3; before++ { // the technical user, its role, the token
			gone(before, http.MethodPost, p.path, fmt.Sprintf(`{"name":"%d"}`, before))
			settled(func() bool { return len(p.technicalUsers())-len(p.existing) == len(p.records()) }, "a technical user has a token, or is withdrawn")
		}
		for before := 1; before <= 3; before++ { // the token, its technical user, its role
			made := p.ask(http.StatusOK, http.MethodPost, "", fmt.Sprintf(`{"name":"deleted %d"}`, before))
			owner := p.stored(pat.ID(made.text(t, "id"))).Owner
			gone(before, http.MethodDelete, p.path+"/"+made.text(t, "id"), "")
			settled(func() bool {
				_, err := p.people.Find(t.Context(), owner)
				return errors.Is(err, directory.ErrNotFound)
			}, "what was begun is brought to its end")
			require.False(t, p.works(made.text(t, "token")))
		}
	})
}

// records are the tokens of the place.
func (p *place) records() []pat.Record {
	p.Helper()
	var all []pat.Record
	for record, err := range p.tokens.List(p.Context(), pat.Query{Organization: p.organization.ID, Holder: p.of}) {
		require.NoError(p, err)
		all = append(all, record)
	}
	return all
}
