package redis

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/fault"
	"github.com/cambio-sts/cambio/internal/id"
	"github.com/cambio-sts/cambio/pat"
	"github.com/cambio-sts/cambio/storage/transfer"
)

var _ transfer.Store = (*DB)(nil)

// ErrHalfFilled says that an import into the servers has not finished.
var ErrHalfFilled = errors.New("a restore or a migration into it has not finished")

// importLen is how many items are handed on, or stored, at once.
const importLen = 200

func markKey() string { return key(cfg, "import") }

// whole refuses servers that are half filled, unless somebody is about to fill them.
func (db *DB) whole(ctx context.Context) error {
	if db.config.Importing {
		return nil
	}
	switch _, unfinished, err := db.mark(ctx); {
	case err != nil:
		return err
	case unfinished:
		return ErrHalfFilled
	}
	return nil
}

// Items implements transfer.Store: the catalog and the key ring, then each shard,
// then the events of each. What is kept for a while (kept.go) is none of them: no session
// of a person outlives a restore. A place is "<step>:<events before it>"; within a step
// there is none to go back to.
func (db *DB) Items(ctx context.Context, after string) iter.Seq2[transfer.Batch, error] {
	return func(yield func(transfer.Batch, error) bool) {
		r := &reading{db: db, yield: yield, place: after}
		if err := r.all(ctx); err != nil && !errors.Is(err, errEnded) {
			yield(transfer.Batch{}, err)
		}
	}
}

// errEnded says that whoever reads wants no more.
var errEnded = errors.New("no more is wanted")

// reading is one call of Items.
type reading struct {
	db     *DB
	yield  func(transfer.Batch, error) bool
	place  string // of the last step that is done
	events uint64 // yielded so far
}

func (r *reading) all(ctx context.Context) error {
	done := 0
	if r.place != "" {
		step, events, _ := strings.Cut(r.place, ":")
		var err, err2 error
		done, err = strconv.Atoi(step)
		r.events, err2 = strconv.ParseUint(events, 10, 64)
		if err := cmp.Or(err, err2); err != nil {
			return fmt.Errorf("place %q: it is none of this store's", r.place)
		}
	}
	var catalog directory.Catalog
	err := r.db.patiently(ctx, func() (err error) {
		catalog, err = r.db.Catalog().Load(ctx)
		return err
	})
	for step := done; err == nil && step < 1+id.Shards+id.Shards+1; step++ {
		var items []transfer.Item
		err = r.db.patiently(ctx, func() (err error) {
			switch shard := step - 1; {
			case step == 0:
				items, err = r.shared(ctx, &catalog)
			case shard < id.Shards:
				items, err = r.shard(ctx, id.ShardName(shard), catalog.Organizations)
			case shard < 2*id.Shards:
				items, err = r.eventsOf(ctx, id.ShardName(shard-id.Shards))
			default:
				items, err = r.eventsOf(ctx, cfg)
			}
			return err
		})
		if err == nil {
			err = r.hand(items, step)
		}
	}
	return err
}

// patience is how long a store that carries everything is asked again: a moment of
// trouble is no reason to begin anew.
const patience = 10 * time.Second

// patiently repeats what may be repeated while the servers do not answer.
func (db *DB) patiently(ctx context.Context, do func() error) error {
	deadline := db.now().Add(patience)
	for {
		err := do()
		if !errors.Is(err, fault.ErrUnavailable) || db.now().After(deadline) || pause(ctx, beatEvery) != nil {
			return err
		}
	}
}

// hand yields the items of a step in batches, of which the last has the place behind
// the step.
func (r *reading) hand(items []transfer.Item, step int) error {
	if len(items) == 0 {
		return nil // the place is behind the last step that had any
	}
	if items[0].Event != nil {
		r.events += uint64(len(items))
	}
	for len(items) > importLen {
		if !r.yield(transfer.Batch{Items: items[:importLen], Place: r.place}, nil) {
			return errEnded
		}
		items = items[importLen:]
	}
	r.place = fmt.Sprintf("%d:%d", step+1, r.events)
	if !r.yield(transfer.Batch{Items: items, Place: r.place}, nil) {
		return errEnded
	}
	return nil
}

func (r *reading) shared(ctx context.Context, catalog *directory.Catalog) ([]transfer.Item, error) {
	var items []transfer.Item
	for i := range catalog.Organizations {
		items = append(items, transfer.Item{Organization: &catalog.Organizations[i]})
	}
	for i := range catalog.Groups {
		items = append(items, transfer.Item{Group: &catalog.Groups[i]})
	}
	for i := range catalog.Assignments {
		items = append(items, transfer.Item{Assignment: &catalog.Assignments[i]})
	}
	ring, err := r.db.Keys().LoadKeys(ctx)
	if err == nil && ring.Version > 0 {
		items = append(items, transfer.Item{Ring: &ring})
	}
	return items, err
}

// shard reads the identities, tokens and revoked JWTs of a shard.
func (r *reading) shard(ctx context.Context, shard string, organizations []directory.Organization) ([]transfer.Item, error) {
	var identified, tokenIDs []string
	var jtis []goredis.Z
	err := r.db.pipeline(ctx, "read indexes", func(pipe goredis.Pipeliner) func() {
		all := make([][2]*goredis.StringSliceCmd, 0, len(organizations))
		for i := range organizations {
			all = append(all, [2]*goredis.StringSliceCmd{
				pipe.ZRange(ctx, identitiesKey(shard, organizations[i].ID), 0, -1), pipe.ZRange(ctx, byCreatedKey(shard, organizations[i].ID), 0, -1),
			})
		}
		ended := pipe.ZRangeArgsWithScores(ctx, goredis.ZRangeArgs{Key: key(shard, "jti"), Start: 0, Stop: -1})
		return func() {
			for _, one := range all {
				identified, tokenIDs = appendIDs(identified, one[0].Val()), appendIDs(tokenIDs, one[1].Val())
			}
			jtis = ended.Val()
		}
	})
	if err != nil {
		return nil, err
	}
	var items []transfer.Item
	for ids := range slices.Chunk(identified, maxBatch) {
		some, err := (identities{r.db}).loadAll(ctx, ids)
		if err != nil {
			return nil, err
		}
		for i := range some {
			items = append(items, transfer.Item{Identity: &some[i]})
		}
	}
	for ids := range slices.Chunk(tokenIDs, maxBatch) {
		some, err := (tokens{r.db}).load(ctx, ids)
		if err != nil {
			return nil, err
		}
		for i := range some {
			items = append(items, transfer.Item{Token: &some[i]})
		}
	}
	for _, one := range jtis {
		name, _ := one.Member.(string)
		token, jti, _ := strings.Cut(name, ":")
		items = append(items, transfer.Item{JTI: &transfer.JTI{Token: pat.ID(token), ID: jti, Expiry: time.UnixMilli(int64(one.Score)).UTC()}})
	}
	return items, nil
}

func (r *reading) eventsOf(ctx context.Context, shard string) ([]transfer.Item, error) {
	var items []transfer.Item
	from := "-"
	for {
		var page []goredis.XMessage
		err := r.db.pipeline(ctx, "read outbox", func(pipe goredis.Pipeliner) func() {
			messages := pipe.XRangeN(ctx, auditKey(shard), from, "+", maxBatch)
			return func() { page = messages.Val() }
		})
		if err != nil {
			return nil, err
		}
		for _, event := range appendStreamed(nil, shard, page) {
			number := r.events + uint64(len(items)) + 1
			items = append(items, transfer.Item{Event: &transfer.Event{Number: number, JSON: string(event.Event)}})
		}
		if len(page) < maxBatch {
			return items, nil
		}
		from = "(" + page[len(page)-1].ID
	}
}

// Count implements transfer.Store.
func (db *DB) Count(ctx context.Context) (n int, err error) {
	catalog, err := db.Catalog().Load(ctx)
	if err != nil {
		return 0, err
	}
	n = 1 + len(catalog.Organizations) + len(catalog.Groups) + len(catalog.Assignments)
	err = db.pipeline(ctx, "count all", func(pipe goredis.Pipeliner) func() {
		var counts []*goredis.IntCmd
		for number := range id.Shards {
			shard := id.ShardName(number)
			for i := range catalog.Organizations {
				counts = append(counts, pipe.ZCount(ctx, identitiesKey(shard, catalog.Organizations[i].ID), "-inf", "+inf"),
					pipe.ZCount(ctx, byCreatedKey(shard, catalog.Organizations[i].ID), "-inf", "+inf"))
			}
			counts = append(counts, pipe.ZCount(ctx, key(shard, "jti"), "-inf", "+inf"), pipe.XLen(ctx, auditKey(shard)))
		}
		counts = append(counts, pipe.XLen(ctx, auditKey(cfg)))
		return func() {
			for _, count := range counts {
				n += int(count.Val())
			}
		}
	})
	return n, err
}

// State implements transfer.Store.
func (db *DB) State(ctx context.Context) (state transfer.State, err error) {
	err = db.pipeline(ctx, "look for anything", func(pipe goredis.Pipeliner) func() {
		found := pipe.Exists(ctx, catalogKey(), ringKey(), key(cfg, "organizations"), auditKey(cfg))
		return func() { state.Empty = found.Val() == 0 }
	})
	if err != nil {
		return transfer.State{}, err
	}
	if mark, unfinished, err := db.mark(ctx); err != nil || !unfinished {
		return state, err
	} else {
		state.Mark = &mark
	}
	return state, nil
}

// mark is that of an import that is not finished.
func (db *DB) mark(ctx context.Context) (mark transfer.Mark, unfinished bool, err error) {
	var text string
	err = db.pipeline(ctx, "read mark", func(pipe goredis.Pipeliner) func() {
		value := pipe.HMGet(ctx, markKey(), "mark")
		return func() { text, unfinished = value.Val()[0].(string) }
	})
	if err != nil || !unfinished {
		return transfer.Mark{}, false, err
	}
	if mark, err = transfer.DecodeMark(text); err != nil {
		return transfer.Mark{}, true, unavailable("read mark", err)
	}
	return mark, true, nil
}
