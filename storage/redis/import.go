package redis

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"

	goredis "github.com/redis/go-redis/v9"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/id"
	"github.com/cambio-sts/cambio/pat"
	"github.com/cambio-sts/cambio/storage/transfer"
)

// Begin implements transfer.Store.
func (db *DB) Begin(ctx context.Context, mark transfer.Mark) error {
	return db.pipeline(ctx, "write mark", func(pipe goredis.Pipeliner) func() {
		pipe.HSet(ctx, markKey(), "mark", mark.Encode())
		return func() {}
	})
}

// Import implements transfer.Store.
func (db *DB) Import(ctx context.Context, items []transfer.Item, mark transfer.Mark) error {
	return db.patiently(ctx, func() error { return db.importAll(ctx, items, mark) })
}

func (db *DB) importAll(ctx context.Context, items []transfer.Item, mark transfer.Mark) error {
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
				db.importEnded(ctx, pipe, &some[i])
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

// importEnded tells of what an item says has ended; twice, if the import goes on from a
// place before it.
func (db *DB) importEnded(ctx context.Context, pipe goredis.Pipeliner, item *transfer.Item) {
	now := db.now()
	for _, one := range item.Ended(now) {
		stream := endedKey(id.Shard(one.ID))
		if item.JTI != nil {
			stream = endedKey(id.Shard(string(item.JTI.Token)))
		}
		pipe.XAdd(ctx, &goredis.XAddArgs{
			Stream: stream, MinID: score(now.Add(-pat.EndedWindow)), Approx: true, Values: []any{"e", writeEnded(&one)},
		})
		pipe.PExpire(ctx, stream, pat.EndedWindow)
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
	for _, group := range identity.Groups {
		if id.Valid(string(group)) {
			pipe.SAdd(ctx, membersKey(shard, group), raw(identity.ID))
		}
	}
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
	created := goredis.Z{Score: float64(record.Created.UnixMilli()), Member: bytes}
	pipe.ZAdd(ctx, byCreatedKey(shard, record.Organization), created)
	if record.Managed {
		pipe.ZAdd(ctx, managedKey(shard, record.Organization), created)
	}
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
		if err := db.patiently(ctx, func() error { return db.confirm(ctx, shard) }); err != nil {
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
