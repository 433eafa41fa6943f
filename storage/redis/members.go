package redis

import (
	"context"
	"iter"
	"slices"

	goredis "github.com/redis/go-redis/v9"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/id"
)

// membersKey names the identities of a shard that are direct members of a group,
// which may lie in another. The scripts of identities name it themselves
// (groups.inc.lua), as only the record tells what it was in before.
func membersKey(shard string, group directory.ID) string { return key(shard, "grp:"+string(group)) }

// Members implements directory.Identities. The ids of all are read at once, the
// identities as they are yielded.
func (s identities) Members(ctx context.Context, group directory.ID) iter.Seq2[directory.Identity, error] {
	return func(yield func(directory.Identity, error) bool) {
		if !id.Valid(string(group)) {
			return
		}
		ids, err := s.memberIDs(ctx, group)
		if err != nil {
			yield(directory.Identity{}, err)
			return
		}
		for chunk := range slices.Chunk(ids, maxBatch) {
			batch, err := s.loadAll(ctx, chunk)
			if err != nil {
				yield(directory.Identity{}, err)
				return
			}
			for i := range batch { // who left meanwhile is none
				if slices.Contains(batch[i].Groups, group) && !yield(batch[i], nil) {
					return
				}
			}
		}
	}
}

func (s identities) memberIDs(ctx context.Context, group directory.ID) (ids []string, err error) {
	err = s.db.pipeline(ctx, "list members", func(pipe goredis.Pipeliner) func() {
		sets := make([]*goredis.StringSliceCmd, 0, id.Shards)
		for n := range id.Shards {
			sets = append(sets, pipe.SMembers(ctx, membersKey(id.ShardName(n), group)))
		}
		return func() {
			for _, set := range sets {
				ids = appendIDs(ids, set.Val())
			}
		}
	})
	slices.Sort(ids)
	return ids, err
}
