package redis

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	goredis "github.com/redis/go-redis/v9"
	"go.uber.org/zap"
	"golang.org/x/sync/singleflight"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/fault"
	"github.com/cambio-sts/cambio/keys"
	"github.com/cambio-sts/cambio/pat"
)

// errReply says that the server answered what no script of ours answers, or
// holds what no script of ours wrote.
var errReply = errors.New("unexpected reply")

// errSkew says that nothing can be decided by the time.
var errSkew = fmt.Errorf("the clocks of redis and of this machine differ by more than %s", pat.MaxSkew)

// The codes by which a script says how it ended.
const (
	codeOK       = "OK"
	codeNotFound = "NOTFOUND"
	codeConflict = "CONFLICT"
	codeName     = "NAME"
	codeLimit    = "LIMIT"
	codeNoOwner  = "NOOWNER"
	codeTaken    = "TAKEN" // a login
	codeSkew     = "SKEW"
	codeLate     = "LATE"
	codeFull     = "FULL" // too many events wait to be shipped
)

// DB is one Redis server or several as the store of everything. It is safe to
// share; unless it is patient its methods block for half a second at most, or for one
// where they have to connect first; lists for that each page.
type DB struct {
	config   Config
	scripts  *scripts
	now      func() time.Time
	log      *zap.Logger
	names    map[string]*shardNames // by the shard
	skew     string                 // pat.MaxSkew in milliseconds
	process  string                 // names this process where only one may do something
	shipping shipping
	session  atomic.Pointer[session]
	renewing singleflight.Group
	ended    atomic.Bool
	sent     sent
	// begun counts sessions, and unconfirmed the changes that were not confirmed.
	begun, unconfirmed atomic.Uint64
	runs               atomic.Bool // Run runs: this process serves
	// looking guards what follows: when look was called last, when this process last said
	// that it serves, and when it last heard who does, with no promoted server resting.
	looking             sync.Mutex
	looked, told, heard time.Time
	peers               []string
	// noted is what it had others know then; nil: nothing yet.
	noted atomic.Pointer[string]
	// refused is what the servers' configuration lacks since the last look.
	refused atomic.Pointer[PolicyError]
}

// PATs returns the store of tokens.
func (db *DB) PATs() pat.Store { return tokens{db} }

// Uses returns the store's hot path.
func (db *DB) Uses() pat.UseStore { return uses{db} }

// Identities returns the store of identities.
func (db *DB) Identities() directory.Identities { return identities{db} }

// Catalog returns the store of organizations, groups and role assignments.
func (db *DB) Catalog() directory.Catalogs { return catalog{db} }

// Keys returns the store of the key ring.
func (db *DB) Keys() keys.Store { return ring{db} }

// Outbox returns the events that await shipping. Of several processes one at a
// time sees them.
func (db *DB) Outbox() audit.Outbox { return outbox{db} }

// Ping fails with fault.ErrUnavailable unless the primary of what belongs to no
// shard takes writes, has the time of this machine, and is configured as
// Durability demands.
func (db *DB) Ping(ctx context.Context) error {
	if _, err := db.read(ctx, "ping", cfg, catalogKey(), "version"); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, db.config.within(callTimeout))
	defer cancel()
	primary, err := db.session.Load().primary(ctx, cfg)
	if err != nil {
		return unavailable("ping", err)
	}
	there, err := primary.Time(ctx).Result()
	if err != nil {
		return unavailable("ping", err)
	}
	if there.Sub(db.now()).Abs() > pat.MaxSkew {
		return unavailable("ping", errSkew)
	}
	return nil
}

// Close gives up the lease on the outbox, if it is held, and the connections.
func (db *DB) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), db.config.within(callTimeout))
	defer cancel()
	_, _ = db.lease(ctx, "0") // it ends by itself
	db.runs.Store(false)
	db.looking.Lock() // nobody says any more that this serves
	db.leave(ctx)
	db.looking.Unlock()
	db.ended.Store(true)
	if err := db.session.Load().Close(); err != nil {
		return fmt.Errorf("close redis: %w", err)
	}
	return nil
}

// unavailable wraps whatever is no answer of the port.
func unavailable(what string, err error) error {
	return fmt.Errorf("%s: %w: %w", what, fault.ErrUnavailable, err)
}

// call is one operation: a script, its keys and its arguments.
type call struct {
	what   string // for errors
	script *goredis.Script
	keys   []string // of one shard
	args   []any
	// change says that the arguments begin with the name of the operation and
	// with whether it is repeated, by which the script recognises what it did.
	change bool
	// joins is the script of a call that is sent together with others: it is quick, and no
	// change. Its arguments are the whole command, of which join writes the first two each
	// time it is sent: one after the other.
	joins *packedScript
	// again, of a change that ends or narrows access, sends it to a server that
	// takes over and lacks it; see remembered.
	again func(ctx context.Context, s *session) error
}

// shard returns the hash tag of the keys.
func (c *call) shard() string {
	tag := c.keys[0][len("cambio:{"):]
	return tag[:strings.IndexByte(tag, '}')]
}

// reply is what a script answers: how it ended, the shard's epoch, and what follows,
// in values or, of a call that joins others, packed.
type reply struct {
	code   string
	epoch  int64
	rest   []any
	packed packed
}

// readReply reads the values of an answer. The epoch is a number, or as GET returns it.
func readReply(values []any, err error) (reply, error) {
	if err != nil {
		return reply{}, err
	}
	if len(values) < 2 {
		return reply{}, errReply
	}
	answer := reply{rest: values[2:]}
	answer.code, _ = values[0].(string)
	switch epoch := values[1].(type) {
	case int64:
		answer.epoch = epoch
	case string:
		if answer.epoch, err = strconv.ParseInt(epoch, 10, 64); err != nil {
			return reply{}, errReply
		}
	default:
		return reply{}, errReply
	}
	return answer, nil
}

// do runs a script on the primary of its shard, and once more if the connection
// turns out to be dead: nothing tells whether the command was carried out, so a
// change is repeated only under its name. Every error is a fault.ErrUnavailable.
func (db *DB) do(ctx context.Context, c call) (reply, error) {
	if lacking := db.refused.Load(); lacking != nil {
		return reply{}, unavailable(c.what, lacking)
	}
	if err := ctx.Err(); err != nil {
		return reply{}, unavailable(c.what, err)
	}
	start := db.now()
	if c.joins != nil {
		if answer, ok, err := db.quick(ctx, &c); ok {
			return answer, err
		}
	}
	timeout := db.config.within(callTimeout) - db.now().Sub(start)
	if c.change && db.config.Disk {
		timeout += diskTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	forget := func() {}
	if c.again != nil {
		one := db.sent.add(db.now(), c.shard(), c.again)
		forget = func() { db.sent.forget(one) }
	}
	answer, left, err := db.insist(ctx, &c)
	if err != nil {
		if !left {
			forget()
		}
		return reply{}, unavailable(c.what, err)
	}
	if answer.code != codeOK {
		forget()
	}
	return c.judged(answer)
}

// judged tells a refusal to answer from an answer.
func (c *call) judged(answer reply) (reply, error) {
	switch answer.code {
	case codeSkew:
		return reply{}, unavailable(c.what, errSkew)
	case codeLate:
		return reply{}, unavailable(c.what, errors.New("it took too long"))
	case codeFull:
		return reply{}, unavailable(c.what, errors.New("too many audit events wait to be shipped"))
	case "":
		return reply{}, unavailable(c.what, errReply)
	}
	return answer, nil
}

// number returns the i-th value of the reply as a number.
func (r reply) number(i int) (int64, bool) {
	if i >= len(r.rest) {
		return 0, false
	}
	n, ok := r.rest[i].(int64)
	return n, ok
}

// fields returns the i-th value of the reply as the fields of a hash; none when
// the script answered false.
func (r reply) fields(i int) ([]any, bool) {
	if i >= len(r.rest) {
		return nil, false
	}
	if r.rest[i] == nil {
		return nil, true
	}
	fields, ok := r.rest[i].([]any)
	return fields, ok
}

// optional returns the one value that was read, or nothing if it is not there.
func optional(values []any) (text string, ok bool) {
	if len(values) != 1 {
		return "", false
	}
	if values[0] == nil {
		return "", true
	}
	text, ok = values[0].(string)
	return text, ok
}
