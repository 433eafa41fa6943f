package redis

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"strings"
	"time"

	goredis "github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// servers finds the primaries, and connects to them.
type servers interface {
	// primary returns the client of the server that holds a shard.
	primary(ctx context.Context, shard string) (*goredis.Client, error)
	// primaries calls do for each primary, several at once, and returns the first
	// error.
	primaries(ctx context.Context, do func(context.Context, *goredis.Client) error) error
	// pipeline sends each of its commands to the primary of its key.
	pipeline() goredis.Pipeliner
	// moved says that a server is not the primary of what it was asked for.
	moved(ctx context.Context)
	Close() error
}

// connect returns the servers of config. hello runs on each new connection to
// one of them, which is given up if it fails. sentinels is the password of those.
func connect(config *Config, sentinels string, hello func(context.Context, *goredis.Conn) error) servers {
	credentials := func(context.Context) (user, password string, err error) {
		text, err := config.Password()
		if err != nil {
			return "", "", fmt.Errorf("read the password of redis: %w", err)
		}
		return config.Username, text.Reveal(), nil
	}
	dial, within := dialer(config), config.within
	switch config.Topology {
	case Cluster:
		return cluster{goredis.NewClusterClient(&goredis.ClusterOptions{
			Addrs: config.Addrs, Dialer: dial, OnConnect: hello, CredentialsProviderContext: credentials, TLSConfig: config.TLS, PoolSize: config.PoolSize,
			MaxRedirects: clusterRedirects, MaxRetries: -1, DialerRetries: 1, DialTimeout: within(dialTimeout), ReadTimeout: within(ioTimeout), WriteTimeout: within(ioTimeout),
			PoolTimeout: within(poolTimeout), ContextTimeoutEnabled: true, DisableIdentity: true, ClusterStateReloadInterval: clusterReload,
			MaintNotificationsConfig: noMaintenance(),
		})}
	case Sentinel:
		return single{goredis.NewFailoverClient(&goredis.FailoverOptions{
			MasterName: config.Master, SentinelAddrs: config.Addrs, DB: config.DB,
			Dialer: dial, OnConnect: hello, CredentialsProviderContext: credentials, TLSConfig: config.TLS, PoolSize: config.PoolSize,
			MaxRetries: -1, DialerRetries: 1, DialTimeout: within(dialTimeout), ReadTimeout: within(ioTimeout), WriteTimeout: within(ioTimeout),
			PoolTimeout: within(poolTimeout), ContextTimeoutEnabled: true, DisableIdentity: true, SentinelPassword: sentinels,
		})}
	default:
		network := "tcp"
		if strings.HasPrefix(config.Addrs[0], "/") {
			network = "unix"
		}
		return single{goredis.NewClient(&goredis.Options{
			Network: network, Addr: config.Addrs[0], DB: config.DB,
			Dialer: dial, OnConnect: hello, CredentialsProviderContext: credentials, TLSConfig: config.TLS, PoolSize: config.PoolSize,
			MaxRetries: -1, DialerRetries: 1, DialTimeout: within(dialTimeout), ReadTimeout: within(ioTimeout), WriteTimeout: within(ioTimeout),
			PoolTimeout: within(poolTimeout), ContextTimeoutEnabled: true, DisableIdentity: true, MaintNotificationsConfig: noMaintenance(),
		})}
	}
}

// dialer connects under TLS to a server, or sentinel, whose certificate is of the
// authorities as of now; nil, for which the client has one, where they do not change.
func dialer(c *Config) func(ctx context.Context, network, addr string) (net.Conn, error) {
	if c.TLS == nil || c.Roots == nil {
		return nil
	}
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		trust := c.TLS.Clone()
		trust.RootCAs = c.Roots()
		under := tls.Dialer{NetDialer: &net.Dialer{Timeout: c.within(dialTimeout), KeepAliveConfig: keepAlive}, Config: trust}
		return under.DialContext(ctx, network, addr)
	}
}

// keepAlive is how a dead connection is noticed, as the client's own dialer has it.
var keepAlive = net.KeepAliveConfig{Enable: true, Idle: 30 * time.Second, Interval: 5 * time.Second, Count: 3}

const (
	// clusterRedirects is how often a pipeline follows a slot that has moved. Its
	// commands are reads and deletions, which may be repeated.
	clusterRedirects = 2
	// clusterReload is the age at which the map of the slots is read again.
	clusterReload = 5 * time.Second
)

func noMaintenance() *maintnotifications.Config {
	return &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
}

// single is one primary, found by its address or by sentinels.
type single struct{ client *goredis.Client }

func (s single) primary(context.Context, string) (*goredis.Client, error) { return s.client, nil }

func (s single) primaries(ctx context.Context, do func(context.Context, *goredis.Client) error) error {
	return do(ctx, s.client)
}

func (s single) pipeline() goredis.Pipeliner { return s.client.Pipeline() }

func (single) moved(context.Context) {}

func (s single) Close() error { return s.client.Close() }

// cluster is the primaries of a Redis Cluster.
type cluster struct{ client *goredis.ClusterClient }

func (c cluster) primary(ctx context.Context, shard string) (*goredis.Client, error) {
	return c.client.MasterForKey(ctx, epochKey(shard))
}

func (c cluster) primaries(ctx context.Context, do func(context.Context, *goredis.Client) error) error {
	return c.client.ForEachMaster(ctx, do)
}

func (c cluster) pipeline() goredis.Pipeliner { return c.client.Pipeline() }

func (c cluster) moved(ctx context.Context) { c.client.ReloadState(ctx) }

func (c cluster) Close() error { return c.client.Close() }
