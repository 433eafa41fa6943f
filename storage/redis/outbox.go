package redis

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/id"
)

const (
	// leaseTerm is how long a process that says nothing keeps the outbox, and how
	// long one that could not ship leaves it to others.
	leaseTerm = 10 * time.Second

	// maxUnshipped is how many events of one shard wait at most. Shards fill alike,
	// so it keeps all of them together near a million.
	maxUnshipped = 4 * 1_000_000 / id.Shards
)

// outbox is the events that await shipping, a stream in each shard and one in
// cfg. A position is "<shard>:<entry of its stream>".
type outbox struct{ db *DB }

var _ audit.Outbox = outbox{}

// shipping is what this process knows of its own shipping.
type shipping struct {
	mu sync.Mutex
	// owed says that events were handed out and none of them discarded since: the
	// sink may be failing.
	owed bool
	// aside is until when the outbox is left to others.
	aside time.Time
}

// lease takes or renews the outbox for this process, for a term in milliseconds.
// It gives it up with a term of "0", and with "" only looks. It reports whether
// it had it.
func (db *DB) lease(ctx context.Context, term string) (bool, error) {
	return db.leaseOf(ctx, "audit:lease", term)
}

// Hold takes the lease of a name for this process, or renews it, for a time, and
// reports whether it has it.
func (db *DB) Hold(ctx context.Context, name string, length time.Duration) (bool, error) {
	return db.leaseOf(ctx, "lease:"+name, strconv.FormatInt(length.Milliseconds(), 10))
}

func (db *DB) leaseOf(ctx context.Context, name, term string) (bool, error) {
	answer, err := db.do(ctx, call{
		what: "take a lease", script: db.scripts.lease,
		keys: []string{key(cfg, name), epochKey(cfg)}, args: []any{db.process, term},
	})
	if err != nil {
		return false, err
	}
	held, _ := answer.number(0)
	return held == 1, nil
}

// mayShip reports whether this process has the outbox. The lease is not renewed
// while events that were handed out are not discarded, so that a process whose
// sink fails loses it; and then stands aside for a term, for one whose sink works.
func (db *DB) mayShip(ctx context.Context) (bool, error) {
	s := &db.shipping
	s.mu.Lock()
	defer s.mu.Unlock()
	now := db.now()
	if now.Before(s.aside) {
		return false, nil
	}
	term := strconv.FormatInt(leaseTerm.Milliseconds(), 10)
	if s.owed {
		term = ""
	}
	held, err := db.lease(ctx, term)
	if err == nil && !held && s.owed {
		s.owed, s.aside = false, now.Add(leaseTerm)
	}
	return held, err
}

func (s *shipping) owes(owed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.owed = owed
}

// Pending implements audit.Outbox. The events of one shard come in the order of
// their commits, those of several by the server's clock. A shard in which few
// wait leaves its share to the others. While another process ships, there are
// none.
func (s outbox) Pending(ctx context.Context, limit int) ([]audit.Stored, error) {
	held, err := s.db.mayShip(ctx)
	if err != nil || !held || limit <= 0 {
		return nil, err
	}
	waiting, err := s.waiting(ctx)
	if err != nil {
		return nil, err
	}
	s.db.shipping.owes(len(waiting) > 0)
	if len(waiting) == 0 {
		return nil, nil
	}
	events, err := s.oldest(ctx, waiting, limit)
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(events, func(a, b streamed) int { return cmp.Compare(a.millis, b.millis) })
	out := make([]audit.Stored, 0, min(limit, len(events)))
	for _, event := range events[:min(limit, len(events))] {
		out = append(out, event.Stored)
	}
	return out, nil
}

// backlog is how many events of a shard wait.
type backlog struct {
	shard  string
	events int64
}

// oldest reads the oldest events of each shard, limit in all if so many wait; or
// one of each if there are more shards than that.
func (s outbox) oldest(ctx context.Context, waiting []backlog, limit int) ([]streamed, error) {
	slices.SortFunc(waiting, func(a, b backlog) int { return cmp.Compare(a.events, b.events) })
	var events []streamed
	err := s.db.pipeline(ctx, "read outbox", func(pipe goredis.Pipeliner) func() {
		pages, left := make([]*goredis.XMessageSliceCmd, 0, len(waiting)), int64(limit)
		for i, w := range waiting {
			share := max(1, min(w.events, left/int64(len(waiting)-i)))
			left -= share
			pages = append(pages, pipe.XRangeN(ctx, auditKey(w.shard), "-", "+", share))
		}
		return func() {
			for i, page := range pages {
				events = appendStreamed(events, waiting[i].shard, page.Val())
			}
		}
	})
	return events, err
}

// streamed is an event with the server's time of its commit.
type streamed struct {
	audit.Stored
	millis int64
}

func appendStreamed(events []streamed, shard string, page []goredis.XMessage) []streamed {
	for _, message := range page {
		text, _ := message.Values["event"].(string)
		at, _, _ := strings.Cut(message.ID, "-")
		millis, _ := strconv.ParseInt(at, 10, 64) // the server makes it
		events = append(events, streamed{audit.Stored{Position: shard + ":" + message.ID, Event: decode(text)}, millis})
	}
	return events
}

// waiting returns the shards that have events.
func (s outbox) waiting(ctx context.Context) ([]backlog, error) {
	var out []backlog
	err := s.db.pipeline(ctx, "read outbox", func(pipe goredis.Pipeliner) func() {
		lengths := make([]*goredis.IntCmd, 0, id.Shards+1)
		shards := append(make([]string, 0, id.Shards+1), cfg)
		for n := range id.Shards {
			shards = append(shards, id.ShardName(n))
		}
		for _, shard := range shards {
			lengths = append(lengths, pipe.XLen(ctx, auditKey(shard)))
		}
		return func() {
			for i, length := range lengths {
				if length.Val() > 0 {
					out = append(out, backlog{shards[i], length.Val()})
				}
			}
		}
	})
	return out, err
}

// Discard implements audit.Outbox. A position that is none of this store's is
// passed over.
func (s outbox) Discard(ctx context.Context, shipped []audit.Stored) error {
	entries := map[string][]string{}
	for _, event := range shipped {
		if shard, entry, ok := parsePosition(event.Position); ok {
			entries[shard] = append(entries[shard], entry)
		}
	}
	if len(entries) == 0 {
		return nil
	}
	return s.db.pipeline(ctx, "discard events", func(pipe goredis.Pipeliner) func() {
		for shard, ids := range entries {
			pipe.XDel(ctx, auditKey(shard), ids...)
		}
		return func() { s.db.shipping.owes(false) }
	})
}

// parsePosition reads "<shard>:<milliseconds>-<number>".
func parsePosition(position string) (shard, entry string, ok bool) {
	shard, entry, _ = strings.Cut(position, ":")
	if shard != cfg && (len(shard) != id.ShardLen || strings.Trim(shard, "0123456789abcdef") != "") {
		return "", "", false
	}
	at, n, _ := strings.Cut(entry, "-")
	_, err := strconv.ParseUint(at, 10, 64)
	_, err2 := strconv.ParseUint(n, 10, 64)
	return shard, entry, err == nil && err2 == nil
}
