package main

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/cambio-sts/cambio/credentials"
	"github.com/cambio-sts/cambio/credentials/postgres"
	"github.com/cambio-sts/cambio/internal/config"
	"github.com/cambio-sts/cambio/internal/secret"
)

// postgresProvider is a provider of roles of a database. It connects to nobody yet.
func (n *node) postgresProvider(name string, from *config.CredentialPostgres) (credentials.Provider, error) {
	server := postgres.Server{
		Host: from.Host, Port: int(from.Port), Database: from.Database, User: from.User, MaxConns: int(from.MaxConnections),
		Password: func() (secret.Text, error) { return config.ReadSecretFile(from.PasswordFile) }, Unencrypted: from.SSLMode == "disable",
	}
	if from.CAFile != "" {
		certificates, err := os.ReadFile(from.CAFile)
		if err != nil {
			return nil, fmt.Errorf("read caFile: %w", err)
		}
		server.Roots = x509.NewCertPool()
		if !server.Roots.AppendCertsFromPEM(certificates) {
			return nil, errors.New("caFile holds no certificate")
		}
	}
	made, err := postgres.New(postgres.Config{
		Server: server, Issuer: n.config.Issuer, Name: name, Roles: from.Roles, Settings: from.Settings, ConnectionLimit: int(from.ConnectionLimit),
		OwnedTo: from.OwnedTo, PublicHost: from.PublicHost, PublicPort: int(from.PublicPort), Now: time.Now, Logger: n.logger,
	})
	if err != nil {
		return nil, err
	}
	n.databases = append(n.databases, made)
	return made, nil
}

// runDatabases confirms roles of databases until ctx ends, which it must not do before
// the last request.
func (n *node) runDatabases(ctx context.Context) error {
	var all errgroup.Group
	for _, database := range n.databases {
		all.Go(func() error { return database.Run(ctx) })
	}
	return all.Wait()
}

// closeDatabases closes the connections to them.
func (n *node) closeDatabases() {
	for _, database := range n.databases {
		database.Close()
	}
}
