package replay

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/keys"
	"github.com/cambio-sts/cambio/pat"
)

// Replay ends things again. Nothing else may write to the store meanwhile.
type Replay struct {
	tokens    *pat.Service
	directory *directory.Directory
	keys      *keys.Ring
	now       func() time.Time
}

// Config is what a Replay needs; all of it, over the restored store.
type Config struct {
	Tokens    *pat.Service
	Directory *directory.Directory
	Keys      *keys.Ring // opened
	Now       func() time.Time
}

// New returns a replay. It reads nothing yet.
func New(config Config) (*Replay, error) {
	if config.Tokens == nil || config.Directory == nil || config.Keys == nil || config.Now == nil {
		return nil, errors.New("replay: tokens, directory, keys and clock are needed")
	}
	return &Replay{tokens: config.Tokens, directory: config.Directory, keys: config.Keys, now: config.Now}, nil
}

// Report counts events by what became of them; each is counted once.
type Report struct {
	// Applied: the store was changed for it.
	Applied map[audit.Name]int
	// Already: there was nothing to do. It held in the store, what it ended is not
	// in the store or has ended by itself, or a later event took its place.
	Already map[audit.Name]int
	// Lost: what it tells of cannot be repeated, so the restore has undone it.
	Lost map[audit.Name]int
}

// outcome is what became of an event.
type outcome int

const (
	already outcome = iota
	applied
	lost
)

func (r *Report) count(name audit.Name, o outcome) {
	switch o {
	case applied:
		r.Applied[name]++
	case lost:
		r.Lost[name]++
	case already:
		r.Already[name]++
	}
}

// Apply ends what events, in the order of audit.Read, say has ended. An error
// (fault.ErrUnavailable, or another that the store gave) stops it, and comes
// with the report so far; then all events are to be applied again. What is
// written has an event of its own, of now and of nobody.
func (r *Replay) Apply(ctx context.Context, events []audit.Event) (Report, error) {
	run := run{
		Replay: r, lives: map[string][]audit.Event{}, gone: map[string]bool{}, updated: map[string]string{},
		report: Report{Applied: map[audit.Name]int{}, Already: map[audit.Name]int{}, Lost: map[audit.Name]int{}},
	}
	for i := range events {
		run.note(&events[i])
	}
	for i := range events {
		if err := run.event(ctx, &events[i]); err != nil {
			return run.report, fmt.Errorf("replay %s of %s, event %s: %w", events[i].Name, subject(&events[i]), events[i].ID, err)
		}
	}
	return run.report, nil
}

// run is one Apply.
type run struct {
	*Replay
	lives map[string][]audit.Event // the events of each token that is not dealt with
	gone  map[string]bool          // what was removed in the end, by id
	// updated is the last event of each identity that was changed.
	updated map[string]string
	report  Report
}

// note remembers what the way an event is dealt with depends on.
func (r *run) note(e *audit.Event) {
	if ofLife(e.Name) {
		r.lives[e.PATID] = append(r.lives[e.PATID], *e)
	}
	switch e.Name {
	case audit.TokenDeleted, audit.IdentityDeleted, audit.GroupDeleted, audit.RoleUnassigned:
		r.gone[subject(e)] = true
	case audit.IdentityUpdated:
		r.updated[e.Subject] = e.ID
	default:
	}
}

// subject is the id of what an event tells of.
func subject(e *audit.Event) string {
	if e.PATID != "" {
		return e.PATID
	}
	return e.Subject
}

// ofLife reports whether an event is judged together with others of its token.
func ofLife(name audit.Name) bool {
	switch name {
	case audit.TokenCreated, audit.TokenUpdated, audit.TokenDeleted, audit.TokenRevoked,
		audit.TokenReactivated, audit.TokenRotated, audit.TokenExpired:
		return true
	default:
		return false
	}
}

// event deals with one event; with the first of a token's life, with all of it.
func (r *run) event(ctx context.Context, e *audit.Event) error {
	if ofLife(e.Name) {
		life := r.lives[e.PATID]
		delete(r.lives, e.PATID)
		return r.life(ctx, pat.ID(e.PATID), life)
	}
	o, err := r.other(ctx, e)
	if err != nil {
		return err
	}
	r.report.count(e.Name, o)
	return nil
}
