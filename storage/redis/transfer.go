package redis

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/audit"
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

func servedKey() string { return key(cfg, "served") }

// servedFor is how long a process that says nothing counts as one that serves.
const servedFor = 5 * time.Second

// tellServed says that this process serves what the servers hold.
func (db *DB) tellServed(ctx context.Context) error {
	return db.pipeline(ctx, "say that this serves", func(pipe goredis.Pipeliner) func() {
		pipe.ZAdd(ctx, servedKey(), goredis.Z{Score: float64(db.now().UnixMilli()), Member: db.process})
		pipe.ZRemRangeByScore(ctx, servedKey(), "-inf", score(db.now().Add(-time.Minute)))
		return func() {}
	})
}

// Served reports whether a process serves what the servers hold, or did so a moment
// ago and did not end in order.
func (db *DB) Served(ctx context.Context) (served bool, err error) {
	err = db.pipeline(ctx, "look for others", func(pipe goredis.Pipeliner) func() {
		others := pipe.ZCount(ctx, servedKey(), score(db.now().Add(-servedFor)), "+inf")
		return func() { served = others.Val() > 0 }
	})
	return served, err
}

// Items implements transfer.Store: the catalog and the key ring, then each shard,
// then the events of each. A place is "<step>:<events before it>"; within a step
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
	catalog, err := r.db.Catalog().Load(ctx)
	if err != nil {
		return err
	}
	for step := done; step < 1+id.Shards+id.Shards+1; step++ {
		var err error
		switch shard := step - 1; {
		case step == 0:
			err = r.shared(ctx, &catalog)
		case shard < id.Shards:
			err = r.shard(ctx, id.ShardName(shard), catalog.Organizations, step)
		case shard < 2*id.Shards:
			err = r.eventsOf(ctx, id.ShardName(shard-id.Shards), step)
		default:
			err = r.eventsOf(ctx, cfg, step)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// hand yields the items of a step in batches, of which the last has the place behind
// the step.
func (r *reading) hand(items []transfer.Item, step int) error {
	if len(items) == 0 {
		return nil // the place is behind the last step that had any
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

func (r *reading) shared(ctx context.Context, catalog *directory.Catalog) error {
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
	if err != nil {
		return err
	}
	if ring.Version > 0 {
		items = append(items, transfer.Item{Ring: &ring})
	}
	return r.hand(items, 0)
}

// shard reads the identities, tokens and revoked JWTs of a shard.
func (r *reading) shard(ctx context.Context, shard string, organizations []directory.Organization, step int) error {
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
		return err
	}
	var items []transfer.Item
	for ids := range slices.Chunk(identified, maxBatch) {
		some, err := (identities{r.db}).loadAll(ctx, ids)
		if err != nil {
			return err
		}
		for i := range some {
			items = append(items, transfer.Item{Identity: &some[i]})
		}
	}
	for ids := range slices.Chunk(tokenIDs, maxBatch) {
		some, err := (tokens{r.db}).load(ctx, ids)
		if err != nil {
			return err
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
	return r.hand(items, step)
}

func (r *reading) eventsOf(ctx context.Context, shard string, step int) error {
	var items []transfer.Item
	from := "-"
	for {
		var page []goredis.XMessage
		err := r.db.pipeline(ctx, "read outbox", func(pipe goredis.Pipeliner) func() {
			messages := pipe.XRangeN(ctx, auditKey(shard), from, "+", maxBatch)
			return func() { page = messages.Val() }
		})
		if err != nil {
			return err
		}
		for _, event := range appendStreamed(nil, shard, page) {
			r.events++
			items = append(items, transfer.Item{Event: &transfer.Event{Number: r.events, JSON: string(event.Event)}})
		}
		if len(page) < maxBatch {
			return r.hand(items, step)
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

// Begin implements transfer.Store.
func (db *DB) Begin(ctx context.Context, mark transfer.Mark) error {
	return db.pipeline(ctx, "write mark", func(pipe goredis.Pipeliner) func() {
		pipe.HSet(ctx, markKey(), "mark", mark.Encode())
		return func() {}
	})
}

// Import implements transfer.Store.
func (db *DB) Import(ctx context.Context, items []transfer.Item, mark transfer.Mark) error {
	switch there, unfinished, err := db.mark(ctx); {
	case err != nil:
		return err
	case !unfinished || there.Run != mark.Run:
		return transfer.ErrTaken
	}
	events := map[string][]any{}
	for some := range slices.Chunk(items, importLen) {
		err := db.pipeline(ctx, "import", func(pipe goredis.Pipeliner) func() {
			for i := range some {
				importItem(ctx, pipe, &some[i], events)
			}
			return func() {}
		})
		if err != nil {
			return err
		}
	}
	for shard, some := range events {
		_, err := db.do(ctx, call{
			what: "import events", script: db.scripts.eventsImport, keys: []string{auditKey(shard), epochKey(shard)}, args: some,
		})
		if err != nil {
			return err
		}
	}
	return db.Begin(ctx, mark)
}

// importItem adds the commands for an item. Events are gathered for the script that
// stores each once.
func importItem(ctx context.Context, pipe goredis.Pipeliner, item *transfer.Item, events map[string][]any) {
	switch {
	case item.Organization != nil:
		importCatalog(ctx, pipe, "organizations", item.Organization.ID, item.Organization)
	case item.Group != nil:
		importCatalog(ctx, pipe, "groups", item.Group.ID, item.Group)
	case item.Assignment != nil:
		importCatalog(ctx, pipe, "assignments", item.Assignment.ID, item.Assignment)
	case item.Identity != nil:
		importIdentity(ctx, pipe, item.Identity)
	case item.Token != nil:
		importToken(ctx, pipe, item.Token)
	case item.JTI != nil:
		shard := id.Shard(string(item.JTI.Token))
		pipe.ZAdd(ctx, key(shard, "jti"), goredis.Z{Score: float64(item.JTI.Expiry.UnixMilli()), Member: member(item.JTI.Token, item.JTI.ID)})
	case item.Ring != nil:
		state, _ := json.Marshal(item.Ring) // it came out of a store
		pipe.HSet(ctx, ringKey(), "version", strconv.FormatUint(item.Ring.Version, 10), "state", string(state), "op", "")
	case item.Event != nil:
		shard, packed := packEvent(item.Event.JSON)
		events[shard] = append(events[shard], fmt.Sprintf("%d-0", item.Event.Number), packed)
	}
}

func importCatalog(ctx context.Context, pipe goredis.Pipeliner, hash string, one directory.ID, value any) {
	text, _ := json.Marshal(value) // it came out of a store
	pipe.HSet(ctx, key(cfg, hash), string(one), string(text))
	pipe.HSet(ctx, catalogKey(), "version", "1", "op", "")
}

func importIdentity(ctx context.Context, pipe goredis.Pipeliner, identity *directory.Identity) {
	shard := id.Shard(string(identity.ID))
	pipe.HSet(ctx, identityKey(identity.ID), append(writeIdentity(identity), "op", "")...)
	pipe.ZAdd(ctx, identitiesKey(shard, identity.Organization), goredis.Z{Score: float64(identity.Created.UnixMilli()), Member: raw(identity.ID)})
	for _, one := range loginsOf(identity) {
		pipe.HSet(ctx, loginsKey(identity.Organization), string(one), string(identity.ID)+" "+millis(identity.Created)+" "+string(identity.ID))
	}
}

func importToken(ctx context.Context, pipe goredis.Pipeliner, record *pat.Record) {
	shard, bytes := id.Shard(string(record.ID)), raw(record.ID)
	set, _ := writeToken(record).fields(tokenFields())
	pipe.HSet(ctx, tokenKey(record.ID), append(set, "op", "")...)
	pipe.HSet(ctx, key(shard, "names:"+string(record.Holder())), record.Name, bytes)
	switch until := live(record); until {
	case "":
	case "+inf":
		pipe.ZAdd(ctx, key(shard, "live:"+string(record.Holder())), goredis.Z{Score: math.Inf(1), Member: bytes})
	default:
		pipe.ZAdd(ctx, key(shard, "live:"+string(record.Holder())), goredis.Z{Score: float64(record.Expiration.UnixMilli()), Member: bytes})
	}
	pipe.ZAdd(ctx, byCreatedKey(shard, record.Organization), goredis.Z{Score: float64(record.Created.UnixMilli()), Member: bytes})
	if record.Holder() != record.Owner {
		pipe.SAdd(ctx, key(shard, "owned:"+string(record.Owner)), bytes)
	}
	for _, ancestor := range record.Lineage {
		pipe.SAdd(ctx, key(shard, "kids:"+string(ancestor)), bytes)
	}
}

// packEvent returns an event as the streams keep it, and where. What another store
// could not read stays as it is.
func packEvent(text string) (shard, packed string) {
	var event audit.Event
	if json.Unmarshal([]byte(text), &event) != nil {
		return cfg, text
	}
	shard = cfg
	if id.Valid(event.PATID) {
		shard = id.Shard(event.PATID)
	}
	packed = encode(event)
	if string(decode(packed)) != text {
		packed = text
	}
	return shard, packed
}

// Settle implements transfer.Store. Every shard is written to once more, and that has
// to be confirmed as any change: then all that was written before it is.
func (db *DB) Settle(ctx context.Context) error {
	shards := []string{cfg}
	for number := range id.Shards {
		shards = append(shards, id.ShardName(number))
	}
	for _, shard := range shards {
		if err := db.confirm(ctx, shard); err != nil {
			return err
		}
	}
	return nil
}

// Finish implements transfer.Store.
func (db *DB) Finish(ctx context.Context) error {
	err := db.pipeline(ctx, "finish import", func(pipe goredis.Pipeliner) func() {
		pipe.Del(ctx, markKey())
		return func() {}
	})
	if err != nil {
		return err
	}
	return db.confirm(ctx, cfg)
}

func (db *DB) confirm(ctx context.Context, shard string) error {
	_, err := db.do(ctx, call{
		what: "confirm import", script: db.scripts.confirm, change: true,
		keys: []string{epochKey(shard), epochKey(shard)}, args: []any{id.New(), "0"},
	})
	return err
}
