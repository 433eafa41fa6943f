package redis

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"sync"
	"time"

	goredis "github.com/redis/go-redis/v9"
	"go.uber.org/zap"

	"github.com/cambio-sts/cambio/internal/id"
	"github.com/cambio-sts/cambio/internal/secret"
	"github.com/cambio-sts/cambio/pat"
)

const (
	// DefaultPoolSize is the number of connections to each primary when Config has none.
	DefaultPoolSize = 64

	dialTimeout = 300 * time.Millisecond
	ioTimeout   = 250 * time.Millisecond
	poolTimeout = 300 * time.Millisecond
	// callTimeout bounds one operation with all that it repeats.
	callTimeout = 500 * time.Millisecond
	// longer is how many times as long a patient process waits for each of these.
	longer = 20
)

// Durability says how much of the servers' configuration is checked.
type Durability string

// The ways. The zero value is not one of them.
const (
	Verified   Durability = "verified"    // read from the servers, at start and each minute
	Declared   Durability = "declared"    // the operator's word, where a managed server hides CONFIG
	BestEffort Durability = "best-effort" // none; a warning is logged at each start
)

// Topology says how primaries are found.
type Topology string

// The topologies.
const (
	Standalone Topology = "standalone" // one server
	Sentinel   Topology = "sentinel"   // one primary, which the sentinels name
	Cluster    Topology = "cluster"    // the primaries of a Redis Cluster
)

// Config says which servers are used and how.
type Config struct {
	Topology Topology // empty: Standalone
	// Addrs are host:port of the server, of the sentinels, or of some nodes of the
	// cluster. The path of a socket names a server on this machine.
	Addrs    []string
	Master   string // the name by which sentinels know the primary
	DB       int    // 0 with Cluster
	Username string // an ACL user; empty: the default one
	// Password is asked at each connection, so that it may change; nil: none.
	Password func() (secret.Text, error)
	// SentinelPassword is that of the sentinels themselves, asked twice a second; nil: none.
	SentinelPassword func() (secret.Text, error)
	TLS              *tls.Config // nil: plain text; the sentinels' too
	// Roots are the authorities that the servers' certificates may be of, asked at each
	// connection, so that they may change; nil: those of TLS.
	Roots      func() *x509.CertPool
	Durability Durability
	// Replicas is how many replicas must have a change before it is answered; a
	// change that fewer confirm is fault.ErrUnavailable.
	Replicas int
	// Disk asks besides that the change lies in the append-only file on the disk of
	// the primary and of those replicas: WAITAOF, of Redis 7.2 and Valkey.
	Disk     bool
	PoolSize int // 0: DefaultPoolSize
	// Patient waits for a server that is slow, twenty times as long as requests may: for a
	// command, which would only have to be repeated.
	Patient bool
	// Importing opens servers although an import into them is not finished: for the
	// one that goes on with it.
	Importing bool
	// Note is what the other processes on the servers shall know of this one, asked
	// each time it says that it serves (DB.Notes); nil: nothing.
	Note func() string
	// Now is the clock that is compared with the servers'.
	Now    func() time.Time
	Logger *zap.Logger // nil: silent
}

// within returns how long something may take that requests wait for so long.
func (c Config) within(length time.Duration) time.Duration {
	if c.Patient {
		return longer * length
	}
	return length
}

func (c Config) withDefaults() (Config, error) {
	if c.Topology == "" {
		c.Topology = Standalone
	}
	if c.PoolSize <= 0 {
		c.PoolSize = DefaultPoolSize
	}
	if c.Logger == nil {
		c.Logger = zap.NewNop()
	}
	none := func() (secret.Text, error) { return secret.Text{}, nil }
	if c.Password == nil {
		c.Password = none
	}
	if c.SentinelPassword == nil {
		c.SentinelPassword = none
	}
	switch c.Topology {
	case Standalone, Sentinel, Cluster:
	default:
		return c, fmt.Errorf("redis topology %q: use %s, %s or %s", c.Topology, Standalone, Sentinel, Cluster)
	}
	switch c.Durability {
	case Verified, Declared, BestEffort:
	default:
		return c, fmt.Errorf("redis durability %q: use %s, %s or %s", c.Durability, Verified, Declared, BestEffort)
	}
	switch {
	case len(c.Addrs) == 0:
		return c, errors.New("redis: an address is needed")
	case c.Topology == Sentinel && c.Master == "":
		return c, errors.New("redis: the sentinels need the primary's name")
	case c.Topology == Cluster && c.DB != 0:
		return c, errors.New("redis: a cluster has only database 0")
	case c.Now == nil:
		return c, errors.New("redis: a clock is needed")
	case c.Replicas < 0:
		return c, errors.New("redis: a number of replicas is not negative")
	}
	return c, nil
}

// Open connects to the servers and checks what Durability asks for. It fails
// with a *PolicyError when a server must be configured otherwise, and with
// fault.ErrUnavailable when one does not answer, with ErrHalfFilled, or with a
// *FormatError. Nothing runs in the background until Run.
func Open(ctx context.Context, config Config) (*DB, error) {
	config, err := config.withDefaults()
	if err != nil {
		return nil, err
	}
	silenceClient()
	db := &DB{config: config, scripts: newScripts(), log: config.Logger, now: config.Now, names: namesOfShards(), skew: number(pat.MaxSkew.Milliseconds()), process: id.New()}
	db.sent.log = config.Logger
	if err := db.begin(ctx); err != nil {
		return nil, err
	}
	db.settle(ctx, db.session.Load())
	err = db.checkPolicy(ctx)
	if err == nil {
		err = db.checkFormat(ctx)
	}
	if err == nil {
		err = db.whole(ctx)
	}
	if err != nil {
		_ = db.session.Load().Close()
		return nil, err
	}
	return db, nil
}

// silenceClient keeps the client from writing lines of its own to stderr, between
// those of the log: what matters of them comes back as an error too. Its logger is
// one for the whole process, hence once.
var silenceClient = sync.OnceFunc(func() { goredis.SetLogger(silent{}) })

// silent is a logger of the client that drops everything.
type silent struct{}

// Printf does nothing.
func (silent) Printf(context.Context, string, ...any) {}
