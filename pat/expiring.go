package pat

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"iter"
	"time"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/id"
	"github.com/cambio-sts/cambio/internal/instant"
)

const day = 24 * time.Hour

// thresholds are how long before its end a token is warned of, the nearest first.
func thresholds() []time.Duration { return []time.Duration{day, 7 * day, 30 * day} }

// Warning says that a token ends soon.
type Warning struct {
	Record Record
	// Expiration is when it ends, by its own expiry or the organization's policy.
	Expiration time.Time
	// Threshold is how long before that it is warned of: 30, 7 or 1 days.
	Threshold time.Duration
}

// Event tells of a warning given at now. A token is warned of once for each expiry and
// threshold, so its id follows from those.
func (w *Warning) Event(now time.Time) audit.Event {
	reason := fmt.Sprintf("%dd", w.Threshold/day)
	name := sha256.Sum256([]byte("expiring:" + string(w.Record.ID) + ":" + instant.Format(w.Expiration) + ":" + reason))
	return audit.Event{
		ID: hex.EncodeToString(name[:])[:id.Len], Time: Milliseconds(now), Name: audit.TokenExpiring, Organization: string(w.Record.Organization),
		PATID: string(w.Record.ID), Owner: string(w.Record.Owner), Outcome: audit.Success, Reason: reason,
	}
}

// Expiring yields the active tokens of an organization that came nearer to their end
// than a threshold after since, and not after now. Rounds that begin where the one
// before ended so yield each threshold of a token once. Of several the nearest is
// yielded; none that was behind when the token was made. A change that brings an
// end nearer is followed by the thresholds that are still ahead.
func (s *Service) Expiring(ctx context.Context, organization directory.ID, policy *directory.Policy, since, now time.Time) iter.Seq2[Warning, error] {
	return func(yield func(Warning, error) bool) {
		for record, err := range s.store.List(ctx, Query{Organization: organization}) {
			if err != nil {
				yield(Warning{}, fmt.Errorf("list tokens: %w", err))
				return
			}
			if warning, due := expiring(&record, policy, since, now); due && !yield(warning, nil) {
				return
			}
		}
	}
}

// expiring decides over one token.
func expiring(record *Record, policy *directory.Policy, since, now time.Time) (Warning, bool) {
	end := EffectiveExpiration(record, policy)
	if record.Status(now) != Active || end.IsZero() || !end.After(now) {
		return Warning{}, false
	}
	for _, threshold := range thresholds() {
		at := end.Add(-threshold)
		if at.After(now) {
			continue
		}
		// What is farther than this one was passed before it, and is told with it.
		return Warning{*record, end, threshold}, at.After(since) && at.After(record.Created)
	}
	return Warning{}, false
}
