package api_test

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/api"
	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/fault"
	"github.com/cambio-sts/cambio/pat"
)

// trouble lets so many writes through and then none, or all but one.
type trouble struct {
	mu     sync.Mutex
	after  int
	once   bool
	writes int
	watch  func(context.Context) // is told of each write before; nil: nobody
}

func (t *trouble) strike(ctx context.Context) error {
	if t.watch != nil {
		t.watch(ctx)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.writes++
	if t.writes == t.after+1 || t.writes > t.after && !t.once {
		return fmt.Errorf("write %d: %w", t.writes, fault.ErrUnavailable)
	}
	return nil
}

type troubledPATs struct {
	pat.Store
	*trouble
}

func (s troubledPATs) Create(ctx context.Context, record pat.Record, limit int, event audit.Event) error {
	if err := s.strike(ctx); err != nil {
		return err
	}
	return s.Store.Create(ctx, record, limit, event)
}

func (s troubledPATs) Delete(ctx context.Context, id pat.ID, event audit.Event) error {
	if err := s.strike(ctx); err != nil {
		return err
	}
	return s.Store.Delete(ctx, id, event)
}

type troubledIdentities struct {
	directory.Identities
	*trouble
}

func (s troubledIdentities) Create(ctx context.Context, identity directory.Identity, event audit.Event) error {
	if err := s.strike(ctx); err != nil {
		return err
	}
	return s.Identities.Create(ctx, identity, event)
}

func (s troubledIdentities) Delete(ctx context.Context, id directory.ID, event audit.Event) error {
	if err := s.strike(ctx); err != nil {
		return err
	}
	return s.Identities.Delete(ctx, id, event)
}

type troubledCatalog struct {
	directory.Catalogs
	*trouble
}

func (s troubledCatalog) Write(ctx context.Context, want uint64, changes []directory.Change, events []audit.Event) error {
	if err := s.strike(ctx); err != nil {
		return err
	}
	return s.Catalogs.Write(ctx, want, changes, events)
}

// troubled serves the same world over stores that fail.
func (w *world) troubled(how *trouble) *world {
	w.Helper()
	broken := *w
	broken.stores.PATs = troubledPATs{w.stores.PATs, how}
	var err error
	broken.people, err = directory.New(directory.Config{
		Identities: troubledIdentities{w.stores.Identities, how}, Catalog: troubledCatalog{w.stores.Catalog, how}, Now: w.clock.now,
	})
	require.NoError(w, err)
	tokens, err := pat.NewService(broken.tokenConfig())
	require.NoError(w, err)
	broken.build(func(c *api.Config) { c.Manager = broken.manager(tokens) })
	return &broken
}

// Whatever fails while a token and its technical user are made: the answer is 503, and
// nothing is left that anybody can use.
func TestLevelTokenIsMadeWholeOrNotAtAll(t *testing.T) {
	onBothLevels(t, func(t *testing.T, p *place) {
		t.Helper()
		const writes = 3 // the technical user, its role, the token
		for after := range writes + 1 {
			for _, once := range []bool{true, false} {
				broken := p.troubled(&trouble{after: after, once: once})
				body := fmt.Sprintf(`{"name":"%d %v","adminRole":true}`, after, once)
				got := broken.call(p.by, http.MethodPost, p.path, body)
				if after == writes {
					require.Equal(t, http.StatusOK, got.StatusCode, string(got.body))
					continue
				}
				require.Equal(t, http.StatusServiceUnavailable, got.StatusCode, "after %d writes: %s", after, got.body)
				require.NotContains(t, string(got.body), pat.DefaultPrefix)
				require.NoError(t, p.people.Refresh(t.Context()))
				require.Empty(t, p.ask(http.StatusOK, http.MethodGet, "", "").list(t), "after %d writes", after)
				if once {
					require.Equal(t, p.existing, p.technicalUsers(), "what was made is withdrawn")
				}
				p.forget()
			}
		}
	})
}

// forget removes what a crash left behind, as the job runner does.
func (p *place) forget() {
	p.Helper()
	for left := range p.technicalUsers() {
		if !p.existing[left] {
			require.NoError(p, p.people.RemoveIdentity(p.Context(), &directory.Identity{ID: left, Organization: p.organization.ID}, directory.Actor{}))
		}
	}
}

// A deletion that is interrupted ends the token first.
func TestLevelTokenIsDeletedFirst(t *testing.T) {
	onBothLevels(t, func(t *testing.T, p *place) {
		t.Helper()
		for after := range 3 { // the token, its technical user, its role
			made := p.ask(http.StatusOK, http.MethodPost, "", fmt.Sprintf(`{"name":"%d"}`, after))
			owner := p.stored(pat.ID(made.text(t, "id"))).Owner
			broken := p.troubled(&trouble{after: after})
			got := broken.call(p.by, http.MethodDelete, p.path+"/"+made.text(t, "id"), "")
			require.Equal(t, http.StatusServiceUnavailable, got.StatusCode, "after %d writes: %s", after, got.body)
			require.Equal(t, after == 0, p.works(made.text(t, "token")), "after %d writes", after)
			_, err := p.people.Find(t.Context(), owner)
			require.Equal(t, after < 2, err == nil, "after %d writes", after)
		}
	})
}
