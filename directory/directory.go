package directory

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/fault"
	"github.com/cambio-sts/cambio/internal/id"
)

const (
	// MaxSnapshotAge is how old what a decision rests on may be.
	MaxSnapshotAge = time.Second
	pollInterval   = 250 * time.Millisecond
	refreshTimeout = 500 * time.Millisecond
	writeAttempts  = 20
)

// Directory answers who there is and what they may do. It is safe to share.
type Directory struct {
	identities Identities
	catalog    Catalogs
	now        func() time.Time
	refreshing sync.Mutex
	current    atomic.Pointer[checked]
	failed     atomic.Pointer[failure] // the last attempt to refresh that failed
}

// failure is an attempt to refresh that failed.
type failure struct{ err error }

// checked is a snapshot and when it was last known to be current.
type checked struct {
	snapshot *Snapshot
	at       time.Time
}

// Config is what a Directory needs; all of it.
type Config struct {
	Identities Identities
	Catalog    Catalogs
	Now        func() time.Time
}

// New returns a directory. It reads nothing yet.
func New(config Config) (*Directory, error) {
	if config.Identities == nil || config.Catalog == nil || config.Now == nil {
		return nil, errors.New("directory: identities, catalog and clock are needed")
	}
	return &Directory{identities: config.Identities, catalog: config.Catalog, now: config.Now}, nil
}

// Run keeps the snapshot current until ctx ends. A store that does not answer
// is no error here: Snapshot says so to those who ask.
func (d *Directory) Run(ctx context.Context) error {
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			_ = d.Refresh(ctx) // told by Snapshot
		}
	}
}

// Snapshot returns what was true at most MaxSnapshotAge ago, reading it anew if
// need be, or fault.ErrUnavailable.
func (d *Directory) Snapshot(ctx context.Context) (*Snapshot, error) {
	if current := d.current.Load(); current != nil && d.now().Sub(current.at) <= MaxSnapshotAge {
		return current.snapshot, nil
	}
	if err := d.Refresh(ctx); err != nil {
		return nil, fmt.Errorf("directory is out of date: %w", errors.Join(err, fault.ErrUnavailable))
	}
	return d.current.Load().snapshot, nil
}

// Refresh reads the catalog if its version moved. Callers that come while one
// reads share what it found, and that it failed: a store that stalls would keep
// them waiting one after the other.
func (d *Directory) Refresh(ctx context.Context) error {
	asked, before := d.now(), d.failed.Load()
	d.refreshing.Lock()
	defer d.refreshing.Unlock()
	if failed := d.failed.Load(); failed != before {
		return failed.err
	}
	current := d.current.Load()
	if current != nil && current.at.After(asked) {
		return nil
	}
	err := d.refresh(ctx, current)
	if err != nil {
		d.failed.Store(&failure{err})
	}
	return err
}

// refresh reads the catalog unless current is its version. It outlives the
// request that asks first, for the others that wait for it. The lock is held.
func (d *Directory) refresh(ctx context.Context, current *checked) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), refreshTimeout)
	defer cancel()
	at := d.now() // before the read: what is read is at least this new
	version, err := d.catalog.Version(ctx)
	if err != nil {
		return fmt.Errorf("read catalog version: %w", err)
	}
	if current != nil && current.snapshot.version == version {
		d.current.Store(&checked{current.snapshot, at})
		return nil
	}
	if version == 0 && current != nil {
		return fmt.Errorf("read catalog version: the store has lost its directory: %w", fault.ErrUnavailable)
	}
	catalog, err := d.catalog.Load(ctx)
	if err != nil {
		return fmt.Errorf("load catalog: %w", err)
	}
	d.current.Store(&checked{NewSnapshot(&catalog), at})
	return nil
}

// Find returns an identity, or ErrNotFound.
func (d *Directory) Find(ctx context.Context, id ID) (Identity, error) {
	return d.identities.Find(ctx, id)
}

// FindAll returns those of the identities that there are, for lists: what is decided
// about one rests on Find.
func (d *Directory) FindAll(ctx context.Context, ids []ID) (map[ID]Identity, error) {
	return d.identities.FindAll(ctx, ids)
}

// FindByLogin returns an identity by one of its logins, or ErrNotFound.
func (d *Directory) FindByLogin(ctx context.Context, organization ID, kind LoginKind, key string) (Identity, error) {
	return d.identities.FindByLogin(ctx, organization, kind, key)
}

// Actor is who changes something, and from where. The platform itself has no id.
type Actor struct {
	ID     ID
	Origin audit.Origin
}

func (d *Directory) event(name audit.Name, organization, subject ID, actor Actor) audit.Event {
	return audit.Event{
		ID: id.New(), Time: d.now().UTC().Truncate(time.Millisecond), Name: name, Organization: string(organization),
		Actor: string(actor.ID), Subject: string(subject), Outcome: audit.Success,
	}.From(actor.Origin)
}

// write reads the catalog, lets decide say what to change, and writes that if
// nobody wrote in between; else it starts anew. Then this process sees it.
func (d *Directory) write(ctx context.Context, decide func(*Snapshot) ([]Change, []audit.Event, error)) error {
	for range writeAttempts {
		catalog, err := d.catalog.Load(ctx)
		if err != nil {
			return fmt.Errorf("load catalog: %w", err)
		}
		changes, events, err := decide(NewSnapshot(&catalog))
		if err != nil || len(changes) == 0 {
			return err
		}
		err = d.catalog.Write(ctx, catalog.Version, changes, events)
		if errors.Is(err, ErrConflict) {
			continue
		}
		if err != nil {
			return fmt.Errorf("write catalog: %w", err)
		}
		return d.Refresh(ctx)
	}
	return fmt.Errorf("write catalog: too many others write: %w", fault.ErrUnavailable)
}
