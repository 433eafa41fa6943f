package redis

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"

	goredis "github.com/redis/go-redis/v9"
	"go.uber.org/zap"

	"github.com/cambio-sts/cambio/internal/id"
	"github.com/cambio-sts/cambio/internal/secret"
)

// identity is one life of a server as a primary. Redis changes run at each
// start. before names the history that a promoted replica took over, and the place
// in it; nothing else of what a server says changes with each promotion and only
// then, or seldom besides.
type identity struct{ run, before string }

var (
	// errStranger refuses a connection to a server that is not known to hold what
	// this process has sent.
	errStranger = errors.New("another server answers than before: what was sent to the one before is repeated first")
	// errReplica refuses a connection to a server that is none to ask. Kept, it
	// would pass after a promotion for one that was made after it.
	errReplica = errors.New("the server is a replica")
	// errWentBack says that a shard lost what was written to it.
	errWentBack = errors.New("the server has lost writes: what was sent to it is repeated first")
)

// session is the servers from one change of theirs to the next. A command
// reaches only servers that the session knows: to any other, no connection is
// kept, and the next session begins by repeating there what this process has sent
// before. So a promoted replica that never heard of a revocation cannot accept
// the token.
type session struct {
	servers
	alone bool // one server, which no other takes over from
	beat  *goredis.Script
	// sentinels is the password of those, as it was when the session began.
	sentinels secret.Text
	ready     chan struct{} // closed once calls are served
	// met is who serves, by address, with all repeated that was sent before. It does not
	// change; nil: the session is there to find out.
	met lives
	// spoiled says that a stranger serves, or a shard went back.
	spoiled atomic.Bool
	shards  map[string]*shardState
	// promotions are those of the servers that may have taken over a moment ago, by address.
	promotions map[string]*promotion
	// groups holds the *together of each client.
	groups sync.Map
	// cut is what the last heartbeat ran into, nil when every primary took it.
	cut atomic.Pointer[error]
}

// shardState is what a session knows of one shard.
type shardState struct {
	epoch atomic.Int64 // the highest that a script answered
}

func newSession(config *Config, beat *goredis.Script, met lives) *session {
	s := &session{alone: config.Topology == Standalone, beat: beat, ready: make(chan struct{}), met: met, promotions: map[string]*promotion{}, shards: make(map[string]*shardState, id.Shards+1)}
	for _, shard := range allShards() {
		s.shards[shard] = &shardState{}
	}
	password, err := config.SentinelPassword()
	if err != nil {
		config.Logger.Warn("the password of the sentinels cannot be read", zap.Error(err))
	}
	s.sentinels = password
	s.servers = connect(config, password.Reveal(), s.hello)
	return s
}

// outdated reports whether the sentinels have another password by now.
func (s *session) outdated(config *Config) bool {
	password, err := config.SentinelPassword()
	return err == nil && password.Reveal() != s.sentinels.Reveal()
}

// allShards returns the hash tags: cfg, and each shard.
func allShards() []string {
	out := append(make([]string, 0, id.Shards+1), cfg)
	for n := range id.Shards {
		out = append(out, id.ShardName(n))
	}
	return out
}

// hello asks a server who it is and whether it takes writes, on a connection that nothing
// else was sent on. One that takes none is not asked anything: it is cut off, loads its
// data, or cannot be told yet what it may lack.
func (s *session) hello(ctx context.Context, conn *goredis.Conn) error {
	who, mode, err := ask(ctx, conn)
	if err != nil || mode == "sentinel" { // asked for the primary, and nothing else
		return err
	}
	err = s.beat.Eval(ctx, conn, nil).Err()
	switch {
	case err != nil && !strings.Contains(err.Error(), "compiling script"): // Redis 6 does not: checkInfo refuses it
		return fmt.Errorf("ask redis whether it takes writes: %w", err)
	case s.met != nil && !s.knows(who):
		return errStranger
	default:
		return nil
	}
}

// mind ends the session if a call met a stranger. Who only tells which servers there are
// may be one: of a cluster's primaries one may have no slot yet.
func (s *session) mind(err error) {
	if errors.Is(err, errStranger) {
		s.spoiled.Store(true)
	}
}

// knows reports whether a server is one that was met.
func (s *session) knows(who identity) bool {
	for _, one := range s.met {
		if one.still(who) {
			return true
		}
	}
	return false
}

// still reports whether a server that says who it is now is the one that it was. One that
// was promoted forgets that when it has had no replica for an hour.
func (i identity) still(who identity) bool {
	return i == who || i.run == who.run && !who.promoted()
}

// promoted reports whether a server was a replica before it was a primary.
func (i identity) promoted() bool { return !strings.HasSuffix(i.before, " -1") }

func (i identity) String() string { return i.run + " " + i.before }

// ask returns who a server is. errReplica unless it is a primary, or a sentinel.
func ask(ctx context.Context, conn interface {
	Info(ctx context.Context, sections ...string) *goredis.StringCmd
},
) (who identity, mode string, err error) {
	text, err := conn.Info(ctx, "server", "replication").Result()
	if err != nil {
		return identity{}, "", fmt.Errorf("ask redis who it is: %w", err)
	}
	info := parseInfo(text)
	if mode = info["redis_mode"]; mode != "sentinel" && info["role"] != "master" {
		return identity{}, mode, errReplica
	}
	return identity{info["run_id"], info["master_replid2"] + " " + info["second_repl_offset"]}, mode, nil
}

// lives is who is found at each address of a primary; nobody where it does not answer.
type lives map[string]identity

// meet asks every primary who it is. An error is that of the server of cfg,
// without which nothing is served.
func (s *session) meet(ctx context.Context) (lives, error) {
	var mu sync.Mutex
	met, failed := lives{}, map[string]error{}
	err := s.primaries(ctx, func(ctx context.Context, client *goredis.Client) error {
		who, _, err := ask(ctx, client)
		mu.Lock()
		defer mu.Unlock()
		if addr := client.Options().Addr; err != nil {
			failed[addr] = err
		} else {
			met[addr] = who
		}
		return nil // the others matter all the same
	})
	if err != nil {
		return nil, err
	}
	first, err := s.primary(ctx, cfg)
	if err != nil {
		return nil, err
	}
	return met, failed[first.Options().Addr]
}

// saw takes the epoch that a script answered. It reports false if the shard went
// back behind before, which was read before the script was sent.
func (s *session) saw(shard string, before, epoch int64) bool {
	if epoch < before {
		s.spoiled.Store(true)
		return false
	}
	highest := &s.shards[shard].epoch
	for {
		seen := highest.Load()
		if epoch <= seen || highest.CompareAndSwap(seen, epoch) {
			return true
		}
	}
}
