package redis

import (
	"cmp"
	"container/heap"
	"context"
	"iter"
	"strconv"

	goredis "github.com/redis/go-redis/v9"

	"github.com/cambio-sts/cambio/internal/id"
)

const (
	firstPage = 4   // entries of each shard in the first round
	fullPage  = 64  // and at most, in later ones
	maxBatch  = 128 // ids handed on at once
)

// merge yields the ids of what mergeEntries does.
func (db *DB) merge(ctx context.Context, index func(shard string) string, newestFirst bool) iter.Seq2[[]string, error] {
	return func(yield func([]string, error) bool) {
		for entries, err := range db.mergeEntries(ctx, index, newestFirst) {
			if !yield(idsIn(entries), err) {
				return
			}
		}
	}
}

// mergeEntries yields the entries of an index that lies in every shard, by score and
// then by id, in batches that grow. It reads as it goes and holds a page of each shard.
func (db *DB) mergeEntries(ctx context.Context, index func(shard string) string, newestFirst bool) iter.Seq2[[]entry, error] {
	return func(yield func([]entry, error) bool) {
		m := merging{db: db, newestFirst: newestFirst, page: firstPage}
		for n := range id.Shards {
			m.all = append(m.all, &cursor{key: index(id.ShardName(n))})
		}
		if err := m.refill(ctx); err != nil {
			yield(nil, err)
			return
		}
		for _, c := range m.all {
			if len(c.entries) > 0 {
				m.order = append(m.order, c)
			}
		}
		heap.Init(&m)
		for size := firstPage; ; size = min(2*size, maxBatch) {
			batch, err := m.take(ctx, size)
			if err != nil {
				yield(nil, err)
				return
			}
			if len(batch) == 0 || !yield(batch, nil) {
				return
			}
		}
	}
}

// entry is a member of an index.
type entry struct {
	id    string
	score float64
}

func idsIn(entries []entry) []string {
	ids := make([]string, 0, len(entries))
	for i := range entries {
		ids = append(ids, entries[i].id)
	}
	return ids
}

// cursor is the place in the index of one shard. It is the last entry read and
// no rank: ranks move while others write.
type cursor struct {
	key     string
	entries []entry // read and not yet taken
	last    entry   // the last one read
	started bool
	ties    int64 // entries read whose score is that of last
	done    bool
}

// merging is a heap of those cursors that have entries.
type merging struct {
	db          *DB
	newestFirst bool
	page        int64
	all         []*cursor
	order       []*cursor
}

// take returns the next entries, none at the end.
func (m *merging) take(ctx context.Context, size int) ([]entry, error) {
	batch := make([]entry, 0, size)
	for len(batch) < size && len(m.order) > 0 {
		first := m.order[0]
		batch = append(batch, first.entries[0])
		first.entries = first.entries[1:]
		if len(first.entries) == 0 && !first.done {
			if err := m.refill(ctx); err != nil {
				return nil, err
			}
		}
		if len(first.entries) == 0 {
			heap.Pop(m)
		} else {
			heap.Fix(m, 0)
		}
	}
	return batch, nil
}

// refill reads the next page of every shard that runs low, all at once, until
// each has entries or is at its end.
func (m *merging) refill(ctx context.Context) error {
	low := m.low(m.page / 2)
	for len(low) > 0 {
		pages, err := m.read(ctx, low)
		if err != nil {
			return err
		}
		for i, c := range low {
			c.add(pages[i], m)
		}
		low = m.low(0)
	}
	m.page = min(2*m.page, fullPage)
	return nil
}

// low returns the cursors that have at most n entries and are not done.
func (m *merging) low(n int64) []*cursor {
	var out []*cursor
	for _, c := range m.all {
		if !c.done && int64(len(c.entries)) <= n {
			out = append(out, c)
		}
	}
	return out
}

func (m *merging) read(ctx context.Context, from []*cursor) ([][]goredis.Z, error) {
	out := make([][]goredis.Z, 0, len(from))
	err := m.db.pipeline(ctx, "read index", func(pipe goredis.Pipeliner) func() {
		pages := make([]*goredis.ZSliceCmd, 0, len(from))
		for _, c := range from {
			pages = append(pages, pipe.ZRangeArgsWithScores(ctx, m.bounds(c)))
		}
		return func() {
			for _, page := range pages {
				out = append(out, page.Val())
			}
		}
	})
	return out, err
}

// bounds begins at the last entry read, of which others may share the score.
func (m *merging) bounds(c *cursor) goredis.ZRangeArgs {
	bounds := goredis.ZRangeArgs{Key: c.key, Start: "-inf", Stop: "+inf", ByScore: true, Rev: m.newestFirst, Count: c.count(m.page)}
	if m.newestFirst {
		bounds.Start, bounds.Stop = "+inf", "-inf"
	}
	if c.started {
		bounds.Start = strconv.FormatFloat(c.last.score, 'f', -1, 64)
	}
	return bounds
}

// count is the size of the next page: entries with the score of the last one
// are read once more, and room is left for them.
func (c *cursor) count(page int64) int64 { return page + c.ties }

// add takes a page over, without what was read before.
func (c *cursor) add(page []goredis.Z, m *merging) {
	c.done = int64(len(page)) < c.count(m.page)
	added := false
	for _, z := range page {
		bytes, _ := z.Member.(string)
		next := entry{id: unraw(bytes), score: z.Score}
		if c.started && !m.before(c.last, next) {
			continue
		}
		if c.started && next.score == c.last.score {
			c.ties++
		} else {
			c.ties = 1
		}
		c.entries, c.last, c.started, added = append(c.entries, next), next, true, true
	}
	if !added && !c.done {
		c.ties += int64(len(page)) // newcomers of that same score filled the page
	}
}

func (m *merging) before(a, b entry) bool {
	order := cmp.Or(cmp.Compare(a.score, b.score), cmp.Compare(a.id, b.id))
	return order < 0 != m.newestFirst && order != 0
}

// Len implements heap.Interface.
func (m *merging) Len() int { return len(m.order) }

// Less implements heap.Interface.
func (m *merging) Less(i, j int) bool { return m.before(m.order[i].entries[0], m.order[j].entries[0]) }

// Swap implements heap.Interface.
func (m *merging) Swap(i, j int) { m.order[i], m.order[j] = m.order[j], m.order[i] }

// Push implements heap.Interface; nothing is pushed after heap.Init.
func (m *merging) Push(any) {}

// Pop implements heap.Interface.
func (m *merging) Pop() any {
	last := m.order[len(m.order)-1]
	m.order = m.order[:len(m.order)-1]
	return last
}
