package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"time"

	"go.uber.org/zap"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/cli"
	"github.com/cambio-sts/cambio/internal/config"
	"github.com/cambio-sts/cambio/internal/jobs"
	"github.com/cambio-sts/cambio/internal/secret"
	"github.com/cambio-sts/cambio/keys"
	"github.com/cambio-sts/cambio/pat"
	"github.com/cambio-sts/cambio/storage/bolt"
	"github.com/cambio-sts/cambio/storage/redis"
)

// store is one of the stores.
type store interface {
	ports
	jobs.Marks
	Ended() pat.EndedLog
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

// opening is how a store is opened.
type opening struct {
	create bool // a bolt file that is missing is made
	// patient waits longer for servers than requests can: for a command.
	patient bool
}

// live is what a store asks while it is open.
type live struct {
	note  func() string         // what other processes may know of this one; nil: nothing
	roots func() *x509.CertPool // the authorities of its servers; nil: as they were at the start
}

// openStore opens the configured store.
func openStore(ctx context.Context, settings *config.Store, how opening, logger *zap.Logger, live live) (store, error) {
	if settings.URL.Kind == config.KindBolt {
		db, err := bolt.Open(bolt.Config{Path: settings.URL.Path, Create: how.create, Now: time.Now, Logger: logger})
		if file, ok := errors.AsType[*bolt.FileError](err); ok {
			return nil, &cli.Error{Code: "store_file", Cause: file.Path + ": " + file.Cause, Fix: file.Fix, Exit: cli.ExitRefused}
		}
		if err != nil {
			return nil, err
		}
		return db, nil
	}
	redisConfig, err := redisConfig(settings)
	if err != nil {
		return nil, err
	}
	redisConfig.Logger, redisConfig.Note, redisConfig.Roots, redisConfig.Patient = logger, live.note, live.roots, how.patient
	db, err := redis.Open(ctx, redisConfig)
	if err != nil {
		return nil, describeRedis(err, &settings.URL)
	}
	return db, nil
}

// redisConfig is how the servers of a store that is none of bolt's are used.
func redisConfig(settings *config.Store) (redis.Config, error) {
	url := &settings.URL
	out := redis.Config{
		Addrs: url.Addrs, Master: url.Master, DB: url.DB, Username: url.Username,
		Durability: redis.Durability(settings.Durability), Replicas: settings.Confirmations(),
		Disk: settings.Confirm == config.ConfirmDisk, Now: time.Now,
	}
	switch url.Kind {
	case config.KindRedis:
		out.Topology = redis.Standalone
	case config.KindSentinel:
		out.Topology = redis.Sentinel
	case config.KindCluster:
		out.Topology = redis.Cluster
	default:
		return out, fmt.Errorf("store.url: unknown kind %q", url.Kind)
	}
	if settings.PasswordFile != "" {
		out.Password = func() (secret.Text, error) { return config.ReadSecretFile(settings.PasswordFile) }
		if _, err := out.Password(); err != nil {
			return out, fmt.Errorf("read the store's password: %w", err)
		}
	}
	if settings.SentinelPasswordFile != "" {
		out.SentinelPassword = func() (secret.Text, error) { return config.ReadSecretFile(settings.SentinelPasswordFile) }
		if _, err := out.SentinelPassword(); err != nil {
			return out, fmt.Errorf("read the sentinels' password: %w", err)
		}
	}
	if url.TLS {
		var err error
		if out.TLS, err = storeTLS(settings.CAFile); err != nil {
			return out, describeTrust(err)
		}
	}
	return out, nil
}

// storeTLS trusts the certificates of a file, or the system's without one.
func storeTLS(file string) (*tls.Config, error) {
	out := &tls.Config{MinVersion: tls.VersionTLS12}
	if file == "" {
		return out, nil
	}
	text, err := os.ReadFile(file) //nolint:gosec // the operator names it
	if err != nil {
		return nil, err
	}
	out.RootCAs = x509.NewCertPool()
	if !out.RootCAs.AppendCertsFromPEM(text) {
		return nil, errors.New(file + ": no certificate in PEM form")
	}
	return out, nil
}
