package redis

import (
	"context"

	goredis "github.com/redis/go-redis/v9"

	"github.com/cambio-sts/cambio/internal/id"
	"github.com/cambio-sts/cambio/pat"
)

// Count implements pat.Store. Each shard knows how many tokens of an organization it
// has, and how many of those are managed; the tokens of a holder or of an ancestor are
// few enough to be looked at.
func (s tokens) Count(ctx context.Context, q pat.Query, managed bool) (int, error) {
	if !wellFormed(q) {
		return 0, nil
	}
	if q.Holder == "" && q.Ancestor == "" {
		return s.countAll(ctx, q, managed)
	}
	records, err := s.listSome(ctx, q)
	n := 0
	for i := range records {
		if managed || !records[i].Managed {
			n++
		}
	}
	return n, err
}

func (s tokens) countAll(ctx context.Context, q pat.Query, managed bool) (n int, err error) {
	err = s.db.pipeline(ctx, "count tokens", func(pipe goredis.Pipeliner) func() {
		all, hidden := make([]*goredis.IntCmd, 0, id.Shards), make([]*goredis.IntCmd, 0, id.Shards)
		for number := range id.Shards {
			shard := id.ShardName(number)
			all = append(all, pipe.ZCount(ctx, byCreatedKey(shard, q.Organization), "-inf", "+inf"))
			if !managed {
				hidden = append(hidden, pipe.ZCount(ctx, managedKey(shard, q.Organization), "-inf", "+inf"))
			}
		}
		return func() {
			for _, count := range all {
				n += int(count.Val())
			}
			for _, count := range hidden {
				n -= int(count.Val())
			}
		}
	})
	return n, err
}
