package postgres

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cambio-sts/cambio/internal/secret"
)

const (
	connectTimeout = 5 * time.Second
	// callTimeout bounds the making of a role, from the connection on.
	callTimeout = 6 * time.Second
	// idleTimeout is when a connection is closed that nobody uses.
	idleTimeout = time.Minute
	// maxConnLife is when one is replaced, so that a changed password or certificate counts.
	maxConnLife = 10 * time.Minute
)

// Server is a database, and who creates roles in it.
type Server struct {
	Host     string // name, address, or the folder of a Unix socket
	Port     int    // 0: 5432
	Database string
	User     string
	// Password is asked for at each connection.
	Password func() (secret.Text, error)
	// Roots sign the server's certificate; nil: those of the system.
	Roots *x509.CertPool
	// Unencrypted says that there is no TLS. Without it the certificate and its name are
	// checked, as sslmode verify-full does. A Unix socket never has TLS.
	Unencrypted bool
	// MaxConns bounds the connections; 0: 4.
	MaxConns int
}

// open returns a pool that has no connection yet. No variable of the environment and no
// file of libpq steers it.
func (s *Server) open() (*pgxpool.Pool, error) {
	if s.Host == "" || s.Database == "" || s.User == "" || s.Password == nil || s.Port < 1 || s.Port > 65535 {
		return nil, errors.New("host, port, database, user and password are needed")
	}
	config, err := pgxpool.ParseConfig("host=localhost sslmode=disable passfile=''")
	if err != nil {
		return nil, errors.New("a variable of the environment (PG…) keeps the client from starting")
	}
	conn := config.ConnConfig
	conn.Host, conn.Port, conn.Database, conn.User, conn.Password = s.Host, uint16(s.Port), s.Database, s.User, ""
	conn.Fallbacks, conn.ValidateConnect, conn.ConnectTimeout = nil, nil, connectTimeout
	conn.TLSConfig, conn.KerberosSrvName, conn.KerberosSpn = s.tls(), "", ""
	conn.DefaultQueryExecMode, conn.StatementCacheCapacity, conn.DescriptionCacheCapacity = pgx.QueryExecModeExec, 0, 0
	conn.DialFunc = (&net.Dialer{Timeout: connectTimeout}).DialContext
	conn.RuntimeParams = map[string]string{
		"application_name": "cambio",
		// Nothing that somebody else made is found by an unqualified name.
		"standard_conforming_strings":         "on",
		"search_path":                         "pg_catalog, pg_temp",
		"statement_timeout":                   milliseconds(callTimeout),
		"lock_timeout":                        milliseconds(callTimeout),
		"idle_in_transaction_session_timeout": milliseconds(2 * callTimeout),
	}
	config.MaxConns, config.MinConns, config.MinIdleConns = int32(or(s.MaxConns, defaultConns)), 0, 0 //nolint:gosec // few
	config.MaxConnIdleTime, config.MaxConnLifetime = idleTimeout, maxConnLife
	config.BeforeConnect = func(_ context.Context, conn *pgx.ConnConfig) error {
		password, err := s.Password()
		if err != nil {
			return fmt.Errorf("read the password: %w", err)
		}
		conn.Password = password.Reveal()
		return nil
	}
	pool, err := pgxpool.NewWithConfig(context.Background(), config) // it is for connections that are made at once, of which there is none
	if err != nil {
		return nil, fmt.Errorf("open a pool of connections: %w", err)
	}
	return pool, nil
}

// tls returns nil for a connection without it.
func (s *Server) tls() *tls.Config {
	if s.Unencrypted || filepath.IsAbs(s.Host) {
		return nil
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, ServerName: s.Host, RootCAs: s.Roots}
}

func milliseconds(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

// majorVersion is 15 of "15.14 (Debian 15.14-0+deb12u1)"; 0 if it is not known.
func majorVersion(of *pgx.Conn) int {
	version := of.PgConn().ParameterStatus("server_version")
	end := strings.IndexFunc(version, func(r rune) bool { return r < '0' || r > '9' })
	if end < 0 {
		end = len(version)
	}
	major, _ := strconv.Atoi(version[:end]) // 0
	return major
}
