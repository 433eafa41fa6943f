package redis

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"sync"
	"time"

	goredis "github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
	"go.uber.org/zap"

	"github.com/cambio-sts/cambio/internal/id"
	"github.com/cambio-sts/cambio/internal/secret"
)

const (
	// DefaultPoolSize is the number of connections when Config has none.
	DefaultPoolSize = 64

	dialTimeout = 300 * time.Millisecond
	ioTimeout   = 250 * time.Millisecond
	poolTimeout = 300 * time.Millisecond
	// callTimeout bounds one operation with all that it repeats.
	callTimeout = 500 * time.Millisecond
)

// Durability says how much of the server's configuration is checked.
type Durability string

// The ways. The zero value is not one of them.
const (
	Verified   Durability = "verified"    // read from the server, at start and each minute
	Declared   Durability = "declared"    // the operator's word, where a managed server hides CONFIG
	BestEffort Durability = "best-effort" // none; a warning is logged at each start
)

// Config says which server is used and how.
type Config struct {
	// URL is redis://[user@]host:port[/db], rediss:// for TLS, or unix://file. It
	// holds no password.
	URL      string
	Username string // wins over the URL's
	Password secret.Text
	// TLS of a rediss:// URL; nil: the system's roots.
	TLS        *tls.Config
	Durability Durability
	PoolSize   int // 0: DefaultPoolSize
	// Now is the clock that is compared with the server's.
	Now    func() time.Time
	Logger *zap.Logger // nil: silent
}

// Open connects to a server and checks what Durability asks for. It fails with
// a *PolicyError when the server must be configured otherwise, and with
// fault.ErrUnavailable when it does not answer. Nothing runs in the background
// until Run.
func Open(ctx context.Context, config Config) (*DB, error) {
	options, err := clientOptions(config)
	if err != nil {
		return nil, err
	}
	switch config.Durability {
	case Verified, Declared, BestEffort:
	default:
		return nil, fmt.Errorf("redis durability %q: use %s, %s or %s", config.Durability, Verified, Declared, BestEffort)
	}
	if config.Now == nil {
		return nil, errors.New("redis: a clock is needed")
	}
	if config.Logger == nil {
		config.Logger = zap.NewNop()
	}
	silenceClient()
	db := &DB{
		client: goredis.NewClient(options), scripts: newScripts(), durability: config.Durability,
		now: config.Now, log: config.Logger, process: id.New(),
	}
	if err := db.checkPolicy(ctx); err != nil {
		_ = db.client.Close()
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

// clientOptions turns config into those of a client that fails fast and repeats
// nothing by itself.
func clientOptions(config Config) (*goredis.Options, error) {
	options, err := goredis.ParseURL(config.URL)
	if err != nil {
		return nil, errors.New("redis URL: use redis://host:port/db, rediss://host:port/db or unix://file") // err may quote a password
	}
	if options.Password != "" {
		return nil, errors.New("redis URL: a password does not belong into it; use passwordFile")
	}
	if config.Username != "" {
		options.Username = config.Username
	}
	options.Password = config.Password.Reveal()
	if options.TLSConfig != nil && config.TLS != nil {
		serverName := options.TLSConfig.ServerName
		options.TLSConfig = config.TLS.Clone()
		if options.TLSConfig.ServerName == "" {
			options.TLSConfig.ServerName = serverName
		}
	}
	options.PoolSize = config.PoolSize
	if options.PoolSize <= 0 {
		options.PoolSize = DefaultPoolSize
	}
	options.MaxRetries = -1
	options.DialerRetries = 1
	options.DialTimeout = dialTimeout
	options.ReadTimeout, options.WriteTimeout = ioTimeout, ioTimeout
	options.PoolTimeout = poolTimeout
	options.ContextTimeoutEnabled = true
	options.DisableIdentity = true
	options.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	return options, nil
}
