package pat

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/id"
)

// Service is the life of tokens. It is safe to share.
type Service struct {
	store   Store
	uses    UseStore
	format  Format
	peppers *Peppers
	now     func() time.Time
}

// Config is what a Service needs; all of it.
type Config struct {
	Store   Store
	Uses    UseStore
	Format  Format
	Peppers *Peppers
	Now     func() time.Time
}

// NewService returns the service over a store.
func NewService(config Config) (*Service, error) {
	if config.Store == nil || config.Uses == nil || len(config.Format.prefixes) == 0 || config.Peppers == nil || config.Now == nil {
		return nil, errors.New("pat: store, uses, format, peppers and clock are needed")
	}
	return &Service{store: config.Store, uses: config.Uses, format: config.Format, peppers: config.Peppers, now: config.Now}, nil
}

// Format returns the format in which tokens are made and parsed.
func (s *Service) Format() Format { return s.format }

// Actor is who changes a token.
type Actor struct {
	Identity directory.ID
	// Parent is the token by means of which the actor acts, itself or through a
	// JWT of it; nil for a session of the console or the platform.
	Parent *Record
	Origin audit.Origin
}

// Find returns a record, or ErrNotFound.
func (s *Service) Find(ctx context.Context, id ID) (Record, error) { return s.store.Find(ctx, id) }

// FindAll returns the records of ids, in their order, without unknown ones.
func (s *Service) FindAll(ctx context.Context, ids []ID) ([]Record, error) {
	return s.store.FindAll(ctx, ids)
}

// List yields the matching records, newest first.
func (s *Service) List(ctx context.Context, q Query) iter.Seq2[Record, error] {
	return s.store.List(ctx, q)
}

// Scan yields the matching records in no order.
func (s *Service) Scan(ctx context.Context, q Query) iter.Seq2[Record, error] {
	return s.store.Scan(ctx, q)
}

// Count tells how many records match, with those that are Managed or without.
func (s *Service) Count(ctx context.Context, q Query, managed bool) (int, error) {
	return s.store.Count(ctx, q, managed)
}

// clock is the time that is written: UTC with milliseconds.
func (s *Service) clock() time.Time { return Milliseconds(s.now()) }

// Milliseconds is t in UTC, truncated to the precision in which times are kept.
func Milliseconds(t time.Time) time.Time { return t.UTC().Truncate(time.Millisecond) }

func (s *Service) event(name audit.Name, record *Record, actor *Actor, reason Reason) audit.Event {
	return audit.Event{
		ID: id.New(), Time: s.clock(), Name: name, Organization: string(record.Organization), Actor: string(actor.Identity),
		PATID: string(record.ID), Owner: string(record.Owner), Outcome: audit.Success, Reason: string(reason),
	}.From(actor.Origin)
}
