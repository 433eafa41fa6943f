package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	"go.uber.org/zap"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/cli"
	"github.com/cambio-sts/cambio/internal/config"
	"github.com/cambio-sts/cambio/internal/secret"
	"github.com/cambio-sts/cambio/keys"
	"github.com/cambio-sts/cambio/pat"
	"github.com/cambio-sts/cambio/storage/bolt"
	"github.com/cambio-sts/cambio/storage/redis"
)

// store is one of the stores.
type store interface {
	ports
	Ping(ctx context.Context) error
	Close() error
}

// ports are all that the domain declares.
type ports interface {
	PATs() pat.Store
	Uses() pat.UseStore
	Identities() directory.Identities
	Catalog() directory.Catalogs
	Keys() keys.Store
	Outbox() audit.Outbox
}

var (
	_ store = (*bolt.DB)(nil)
	_ store = (*redis.DB)(nil)
)

// openStore opens the configured store. A bolt file that is missing is made only
// with create.
func openStore(ctx context.Context, settings *config.Store, create bool, logger *zap.Logger) (store, error) {
	if settings.Confirmations() > 0 && settings.URL.Kind == config.KindRedis {
		return nil, &cli.Error{
			Code: "replicas_not_supported", Cause: "this version does not wait for replicas to confirm a write", Fix: "leave out store.replicas, or set it to 0", Exit: cli.ExitUsage,
		}
	}
	switch url := settings.URL; url.Kind {
	case config.KindBolt:
		db, err := bolt.Open(bolt.Config{Path: url.Path, Create: create, Now: time.Now, Logger: logger})
		if file, ok := errors.AsType[*bolt.FileError](err); ok {
			return nil, &cli.Error{Code: "store_file", Cause: file.Path + ": " + file.Cause, Fix: file.Fix, Exit: cli.ExitRefused}
		}
		if err != nil {
			return nil, err
		}
		return db, nil
	case config.KindRedis:
		password := secret.Text{}
		if settings.PasswordFile != "" {
			var err error
			if password, err = config.ReadSecretFile(settings.PasswordFile); err != nil {
				return nil, fmt.Errorf("read the store's password: %w", err)
			}
		}
		db, err := redis.Open(ctx, redis.Config{
			URL: redisURL(&url), Username: url.Username, Password: password, Durability: redis.Durability(settings.Durability),
			Now: time.Now, Logger: logger,
		})
		if err != nil {
			return nil, describeRedis(err, &url)
		}
		return db, nil
	case config.KindSentinel, config.KindCluster:
		return nil, &cli.Error{
			Code: "store_not_supported", Cause: "this version stores in a bolt file or one Redis server, not in " + string(url.Kind),
			Fix: "set store.url to bolt:… or redis://…", Exit: cli.ExitUsage,
		}
	default:
		return nil, fmt.Errorf("store.url: unknown kind %q", url.Kind)
	}
}

func redisURL(url *config.StoreURL) string {
	scheme := "redis"
	if url.TLS {
		scheme = "rediss"
	}
	host, port, err := net.SplitHostPort(url.Addrs[0])
	if err != nil {
		host, port = url.Addrs[0], "6379"
	}
	return scheme + "://" + net.JoinHostPort(host, port) + "/" + strconv.Itoa(url.DB)
}
