package redis

import (
	"context"
	"iter"
	"slices"
	"sync"

	goredis "github.com/redis/go-redis/v9"

	"github.com/cambio-sts/cambio/internal/id"
	"github.com/cambio-sts/cambio/pat"
)

const (
	// scanners is how many shards are read at once: while the server works for one of
	// them, this process works for another.
	scanners = 3
	// scanPage is how many entries of an index are read at once.
	scanPage = 512
)

// Scan implements pat.Store: shard by shard, several at once.
func (s tokens) Scan(ctx context.Context, q pat.Query) iter.Seq2[pat.Record, error] {
	if q.Holder != "" || q.Ancestor != "" || !wellFormed(q) {
		return s.List(ctx, q)
	}
	return func(yield func(pat.Record, error) bool) {
		t := s.scanTable(q)
		for batch := range t.scanAll(ctx) {
			if batch.err != nil {
				yield(pat.Record{}, batch.err)
				return
			}
			if !t.hand(batch.rows, yield) {
				return
			}
		}
	}
}

// scanTable is the table of a scan. Whether a token is managed an index tells, unless
// the record is read anyway: it takes as long to read as all other columns.
func (s tokens) scanTable(q pat.Query) *table {
	byIndex := q.Columns != 0 && q.Columns&packedColumns == pat.ColumnManaged
	if byIndex {
		q.Columns = q.Columns&^pat.ColumnManaged | pat.ColumnID
	}
	t := s.table(q)
	t.marked = byIndex
	return t
}

// scanned is some of the rows of a shard.
type scanned struct {
	rows []row
	err  error
}

// scanAll yields what the scanners find, and ends them.
func (t *table) scanAll(ctx context.Context) iter.Seq[scanned] {
	return func(yield func(scanned) bool) {
		whole := ctx
		ctx, cancel := context.WithCancel(whole)
		shards, found := make(chan string, id.Shards), make(chan scanned)
		for n := range id.Shards {
			shards <- id.ShardName(n)
		}
		close(shards)
		var all sync.WaitGroup
		for range scanners {
			all.Go(func() {
				for shard := range shards {
					if !t.scanShard(ctx, shard, found) {
						return
					}
				}
			})
		}
		go func() {
			all.Wait()
			close(found)
		}()
		defer all.Wait()
		defer cancel()
		for batch := range found {
			if !yield(batch) {
				return
			}
		}
		if err := whole.Err(); err != nil { // the scanners may have ended without a word
			yield(scanned{err: unavailable("list tokens", err)})
		}
	}
}

// scanShard sends the rows of a shard, and reports whether there is more to do.
func (t *table) scanShard(ctx context.Context, shard string, found chan<- scanned) bool {
	send := func(batch scanned) bool {
		select {
		case found <- batch:
			return batch.err == nil
		case <-ctx.Done():
			return false
		}
	}
	m := &merging{db: t.db, newestFirst: true, page: scanPage}
	at := &cursor{key: byCreatedKey(shard, t.q.Organization)}
	for !at.done {
		page, managed, err := t.page(ctx, shard, m.bounds(at))
		if err != nil {
			return send(scanned{err: err})
		}
		at.add(page, m)
		for entries := range slices.Chunk(at.entries, maxBatch) {
			rows, err := t.load(ctx, entries)
			for i := range rows {
				rows[i].managed = managed[rows[i].id]
			}
			if !send(scanned{rows, err}) {
				return false
			}
		}
		at.entries = nil
	}
	return true
}

// page reads a page of the index of a shard, and then, if the table is marked, which of
// the shard are managed: whatever the page has of these was there before.
func (t *table) page(ctx context.Context, shard string, bounds goredis.ZRangeArgs) (page []goredis.Z, managed map[string]bool, err error) {
	err = t.db.pipeline(ctx, "read index", func(pipe goredis.Pipeliner) func() {
		entries := pipe.ZRangeArgsWithScores(ctx, bounds)
		if !t.marked {
			return func() { page = entries.Val() }
		}
		marked := pipe.ZRange(ctx, managedKey(shard, t.q.Organization), 0, -1)
		return func() {
			page, managed = entries.Val(), make(map[string]bool, len(marked.Val()))
			for _, member := range marked.Val() {
				managed[unraw(member)] = true
			}
		}
	})
	return page, managed, err
}
