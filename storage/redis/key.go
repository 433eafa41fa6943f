package redis

import (
	"strconv"
	"time"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/id"
	"github.com/cambio-sts/cambio/pat"
)

// cfg is the hash tag of what belongs to no shard.
const cfg = "cfg"

// key returns the name of a key in a shard. Whatever goes into it has been
// checked to be an id, so none can bring a hash tag of its own.
func key(shard, name string) string { return shardPrefix(shard) + name }

// shardPrefix begins all keys of a shard.
func shardPrefix(shard string) string { return "cambio:{" + shard + "}:" }

// shardNames are names in a shard that the hot path needs each time.
type shardNames struct{ prefix, epoch, audit, jti string }

// namesOfShards returns those of each shard.
func namesOfShards() map[string]*shardNames {
	out := make(map[string]*shardNames, id.Shards)
	for n := range id.Shards {
		shard := id.ShardName(n)
		out[shard] = &shardNames{shardPrefix(shard), epochKey(shard), auditKey(shard), key(shard, "jti")}
	}
	return out
}

func tokenKey(token pat.ID) string {
	return "cambio:{" + id.Shard(string(token)) + "}:" + tokenPrefix + string(token) // as key does, and quicker
}

// tokenPrefix begins the name of a token in its shard.
const tokenPrefix = "pat:"

func identityKey(identity directory.ID) string {
	return key(id.Shard(string(identity)), "idn:"+string(identity))
}

func epochKey(shard string) string { return key(shard, "epoch") }

func auditKey(shard string) string { return key(shard, "audit") }

// endedKey is built by scripts from auditKey, too.
func endedKey(shard string) string { return key(shard, "ended") }

func byCreatedKey(shard string, organization directory.ID) string {
	return key(shard, "org:"+string(organization)+":by_created")
}

func managedKey(shard string, organization directory.ID) string {
	return key(shard, "org:"+string(organization)+":managed")
}

func identitiesKey(shard string, organization directory.ID) string {
	return key(shard, "org:"+string(organization)+":identities")
}

func loginsKey(organization directory.ID) string { return key(cfg, "login:"+string(organization)) }

// score orders by time in the indexes.
func score(t time.Time) string { return strconv.FormatInt(t.UnixMilli(), 10) }
