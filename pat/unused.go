package pat

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cambio-sts/cambio/directory"
)

// lastSign is when a token was last used or seen, or else created.
func (r *Record) lastSign() time.Time {
	latest := r.Created
	for _, sign := range []time.Time{r.LastUsed, r.LastSeen} {
		if sign.After(latest) {
			latest = sign
		}
	}
	return latest
}

// RevokeUnused ends the active tokens of an organization that have not been used,
// seen or created for longer than its policy allows; 0 days: none. Those of a group
// or the organization may be reactivated. It returns how many it ended, also with
// an error, and goes on past tokens that cannot be ended.
func (s *Service) RevokeUnused(ctx context.Context, organization directory.ID, policy *directory.Policy, actor Actor) (ended int, failed error) {
	if policy.UnusedRevokeDays <= 0 {
		return 0, nil
	}
	unused := func(record *Record) bool {
		return record.Status(s.now()) == Active && !s.now().Before(record.UnusedAt(policy))
	}
	query := Query{Organization: organization, Columns: ColumnState | ColumnExpiration | ColumnLastUsed | ColumnLastSeen}
	for record, err := range s.store.Scan(ctx, query) {
		if err != nil {
			return ended, errors.Join(failed, fmt.Errorf("list tokens: %w", err))
		}
		if !unused(&record) {
			continue
		}
		record, err := s.store.Find(ctx, record.ID) // it may have been used since the list was read
		if errors.Is(err, ErrNotFound) || err == nil && !unused(&record) {
			continue
		}
		changed := false
		if err == nil {
			_, changed, err = s.Revoke(ctx, &record, End{Reason: Unused, Reversible: true}, actor)
		}
		if changed {
			ended++
		}
		if err != nil && !errors.Is(err, ErrNotFound) {
			failed = errors.Join(failed, err)
		}
	}
	return ended, failed
}
