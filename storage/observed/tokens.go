package observed

import (
	"context"
	"iter"

	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/pat"
)

type tokens struct {
	*Store

	port pat.Store
}

var _ pat.Store = tokens{}

// Find implements pat.Store.
func (s tokens) Find(ctx context.Context, id pat.ID) (pat.Record, error) {
	ctx, c := s.begin(ctx, opPatsFind)
	answer, err := s.port.Find(ctx, id)
	c.end(err)
	return answer, err
}

// FindAll implements pat.Store.
func (s tokens) FindAll(ctx context.Context, ids []pat.ID) ([]pat.Record, error) {
	ctx, c := s.begin(ctx, opPatsFindAll)
	answer, err := s.port.FindAll(ctx, ids)
	c.end(err)
	return answer, err
}

// List implements pat.Store.
func (s tokens) List(ctx context.Context, q pat.Query) iter.Seq2[pat.Record, error] {
	return observe(ctx, s.Store, opPatsList, func(ctx context.Context) iter.Seq2[pat.Record, error] { return s.port.List(ctx, q) })
}

// Scan implements pat.Store.
func (s tokens) Scan(ctx context.Context, q pat.Query) iter.Seq2[pat.Record, error] {
	return observe(ctx, s.Store, opPatsScan, func(ctx context.Context) iter.Seq2[pat.Record, error] { return s.port.Scan(ctx, q) })
}

// Count implements pat.Store.
func (s tokens) Count(ctx context.Context, q pat.Query, managed bool) (int, error) {
	ctx, c := s.begin(ctx, opPatsCount)
	answer, err := s.port.Count(ctx, q, managed)
	c.end(err)
	return answer, err
}

// Create implements pat.Store.
func (s tokens) Create(ctx context.Context, record pat.Record, limit int, event audit.Event) error {
	ctx, c := s.begin(ctx, opPatsCreate)
	err := s.port.Create(ctx, record, limit, event)
	c.end(err)
	return err
}

// Replace implements pat.Store.
func (s tokens) Replace(ctx context.Context, record pat.Record, limit int, event audit.Event) error {
	ctx, c := s.begin(ctx, opPatsReplace)
	err := s.port.Replace(ctx, record, limit, event)
	c.end(err)
	return err
}

// Revoke implements pat.Store.
func (s tokens) Revoke(ctx context.Context, r pat.Revocation, event audit.Event) (record pat.Record, changed bool, err error) {
	ctx, c := s.begin(ctx, opPatsRevoke)
	record, changed, err = s.port.Revoke(ctx, r, event)
	c.end(err)
	return record, changed, err
}

// Delete implements pat.Store.
func (s tokens) Delete(ctx context.Context, id pat.ID, event audit.Event) error {
	ctx, c := s.begin(ctx, opPatsDelete)
	err := s.port.Delete(ctx, id, event)
	c.end(err)
	return err
}
