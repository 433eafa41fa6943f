package redis

import (
	"cmp"
	"context"
	"iter"
	"slices"

	goredis "github.com/redis/go-redis/v9"

	"github.com/cambio-sts/cambio/internal/id"
	"github.com/cambio-sts/cambio/pat"
)

// List implements pat.Store. The whole of an organization is merged from all
// shards as it is read; the tokens of a holder or of an ancestor are few enough to
// be read at once.
func (s tokens) List(ctx context.Context, q pat.Query) iter.Seq2[pat.Record, error] {
	return func(yield func(pat.Record, error) bool) {
		if !wellFormed(q) {
			return
		}
		if q.Holder == "" && q.Ancestor == "" {
			s.listAll(ctx, q, yield)
			return
		}
		records, err := s.listSome(ctx, q)
		if err != nil {
			yield(pat.Record{}, err)
			return
		}
		for i := range records {
			if !yield(records[i], nil) {
				return
			}
		}
	}
}

func (s tokens) listAll(ctx context.Context, q pat.Query, yield func(pat.Record, error) bool) {
	index := func(shard string) string { return byCreatedKey(shard, q.Organization) }
	t := s.table(q)
	for entries, err := range s.db.mergeEntries(ctx, index, true) {
		var rows []row
		if err == nil {
			rows, err = t.load(ctx, entries)
		}
		if err != nil {
			yield(pat.Record{}, err)
			return
		}
		if !t.hand(rows, yield) {
			return
		}
	}
}

// listSome returns the tokens of a holder or of an ancestor, in order.
func (s tokens) listSome(ctx context.Context, q pat.Query) ([]pat.Record, error) {
	ids, err := s.idsOf(ctx, q)
	if err != nil {
		return nil, err
	}
	var out []pat.Record
	for chunk := range slices.Chunk(ids, maxBatch) {
		records, err := s.load(ctx, chunk)
		if err != nil {
			return nil, err
		}
		for i := range records {
			if matches(&records[i], q) {
				out = append(out, records[i])
			}
		}
	}
	slices.SortFunc(out, func(a, b pat.Record) int {
		return cmp.Or(b.Created.Compare(a.Created), cmp.Compare(b.ID, a.ID))
	})
	return out, nil
}

// idsOf reads the names of a holder, in its shard, or the descendants of a
// token, which may lie in any.
func (s tokens) idsOf(ctx context.Context, q pat.Query) ([]string, error) {
	var out []string
	err := s.db.pipeline(ctx, "list tokens", func(pipe goredis.Pipeliner) func() {
		if q.Holder != "" {
			names := pipe.HVals(ctx, key(id.Shard(string(q.Holder)), "names:"+string(q.Holder)))
			return func() { out = appendIDs(nil, names.Val()) }
		}
		sets := make([]*goredis.StringSliceCmd, 0, id.Shards)
		for n := range id.Shards {
			sets = append(sets, pipe.SMembers(ctx, key(id.ShardName(n), "kids:"+string(q.Ancestor))))
		}
		return func() {
			for _, set := range sets {
				out = appendIDs(out, set.Val())
			}
		}
	})
	return out, err
}

// appendIDs adds the ids of which members are the bytes.
func appendIDs(ids, members []string) []string {
	for _, member := range members {
		ids = append(ids, unraw(member))
	}
	return ids
}

// FindAll implements pat.Store.
func (s tokens) FindAll(ctx context.Context, ids []pat.ID) ([]pat.Record, error) {
	known := make([]string, 0, len(ids))
	for _, one := range ids {
		if id.Valid(string(one)) {
			known = append(known, string(one))
		}
	}
	out := make([]pat.Record, 0, len(known))
	for chunk := range slices.Chunk(known, maxBatch) {
		records, err := s.load(ctx, chunk)
		if err != nil {
			return nil, err
		}
		out = append(out, records...)
	}
	return out, nil
}

// load reads tokens; those that are gone meanwhile are left out.
func (s tokens) load(ctx context.Context, ids []string) ([]pat.Record, error) {
	out := make([]pat.Record, 0, len(ids))
	var bad error
	err := s.db.pipeline(ctx, "list tokens", func(pipe goredis.Pipeliner) func() {
		rows := make([]*goredis.SliceCmd, 0, len(ids))
		for _, one := range ids {
			rows = append(rows, pipe.HMGet(ctx, tokenKey(pat.ID(one)), tokenFields()...))
		}
		return func() {
			for i, row := range rows {
				record, ok, err := readToken(pat.ID(ids[i]), read(row.Val()...))
				if bad = cmp.Or(bad, err); ok {
					out = append(out, record)
				}
			}
		}
	})
	if bad != nil {
		return nil, unavailable("list tokens", bad)
	}
	return out, err
}

// pipeline sends single-key commands at once, ones that may be repeated. fill
// adds them and returns what takes their replies over, which runs if all of them
// succeeded.
func (db *DB) pipeline(ctx context.Context, what string, fill func(goredis.Pipeliner) func()) error {
	if lacking := db.refused.Load(); lacking != nil {
		return unavailable(what, lacking)
	}
	if err := ctx.Err(); err != nil {
		return unavailable(what, err)
	}
	ctx, cancel := context.WithTimeout(ctx, db.config.within(callTimeout))
	defer cancel()
	for {
		s, err := db.serving(ctx)
		if err != nil {
			return unavailable(what, err)
		}
		if cut := s.cut.Load(); cut != nil {
			return unavailable(what, *cut)
		}
		if err := s.settled(); err != nil {
			db.lookSoon(ctx, s)
			return unavailable(what, err)
		}
		pipe := s.pipeline()
		take := fill(pipe)
		_, err = pipe.Exec(ctx)
		if err == nil {
			take()
			return nil
		}
		s.mind(err)
		if verdict := judge(err); verdict == hopeless || pause(ctx, slotPause) != nil {
			return unavailable(what, err)
		}
		s.moved(ctx)
	}
}
