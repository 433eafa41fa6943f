package redis

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/id"
)

// leaseTerm is how long a process that says nothing keeps the outbox.
const leaseTerm = 10 * time.Second

// outbox is the events that await shipping, a stream in each shard and one in
// cfg. A position is "<shard>:<entry of its stream>".
type outbox struct{ db *DB }

var _ audit.Outbox = outbox{}

// lease takes or renews the outbox for this process, or gives it up with a term
// of 0, and reports whether it had it.
func (db *DB) lease(ctx context.Context, term time.Duration) (bool, error) {
	answer, err := db.do(ctx, call{
		what: "lease outbox", script: db.scripts.lease,
		keys: []string{key(cfg, "audit:lease"), epochKey(cfg)}, args: []any{db.process, term.Milliseconds()},
	})
	if err != nil {
		return false, err
	}
	held, _ := answer.number(0)
	return held == 1, nil
}

// Pending implements audit.Outbox. The events of one shard come in the order of
// their commits, those of several by the server's clock. While another process
// ships, there are none.
func (s outbox) Pending(ctx context.Context, limit int) ([]audit.Stored, error) {
	held, err := s.db.lease(ctx, leaseTerm)
	if err != nil || !held || limit <= 0 {
		return nil, err
	}
	waiting, err := s.waiting(ctx)
	if err != nil || len(waiting) == 0 {
		return nil, err
	}
	share := int64(max(1, limit/len(waiting)))
	var events []streamed
	err = s.db.pipeline(ctx, "read outbox", func(pipe goredis.Pipeliner) func() {
		pages := make([]*goredis.XMessageSliceCmd, 0, len(waiting))
		for _, shard := range waiting {
			pages = append(pages, pipe.XRangeN(ctx, auditKey(shard), "-", "+", share))
		}
		return func() {
			for i, page := range pages {
				events = appendStreamed(events, waiting[i], page.Val())
			}
		}
	})
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
		events = append(events, streamed{audit.Stored{Position: shard + ":" + message.ID, Event: []byte(text)}, millis})
	}
	return events
}

// waiting returns the shards that have events.
func (s outbox) waiting(ctx context.Context) ([]string, error) {
	var out []string
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
					out = append(out, shards[i])
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
		return func() {}
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
