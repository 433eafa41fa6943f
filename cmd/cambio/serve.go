package main

import (
	"context"
	"crypto/tls"
	"errors"
	"net/http"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"go.uber.org/zap"

	"github.com/cambio-sts/cambio/internal/cli"
	"github.com/cambio-sts/cambio/internal/config"
	"github.com/cambio-sts/cambio/internal/httpx"
)

// configFile is what init writes unless told otherwise. No other command reads
// it unasked: a server must not run by what lies around.
const configFile = "cambio.yaml"

func newServe() *cobra.Command {
	var file string
	command := &cobra.Command{
		Use:   "serve",
		Short: "Run the server",
		Long: "Run the server with a configuration that `cambio init` wrote. It refuses to start on a store that was not prepared. SIGHUP has it\n" +
			"look at once at the files of the master key, of its certificate and of store.caFile, which it else does each two seconds.",
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			settings, err := loadConfig(file, command.Flags())
			if err != nil {
				return err
			}
			return serve(command.Context(), settings)
		},
	}
	addConfigFlags(command.Flags(), &file)
	return command
}

func addConfigFlags(flags *pflag.FlagSet, file *string) {
	flags.StringVar(file, "config", "", "configuration file (CAMBIO_CONFIG)")
	config.AddFlags(flags)
}

func loadConfig(file string, flags *pflag.FlagSet) (*config.Config, error) {
	if file == "" {
		file = os.Getenv("CAMBIO_CONFIG")
	}
	settings, _, err := config.Load(config.Sources{File: file, Env: os.Environ(), Flags: flags})
	if err != nil {
		return nil, describeConfig(err, file)
	}
	return settings, nil
}

// describeConfig adds the fix to what is wrong with the sources of a configuration, of
// which file may be empty.
func describeConfig(err error, file string) *cli.Error {
	described := &cli.Error{Code: "config", Cause: err.Error(), Fix: "see docs/configuration.md for every key", Exit: cli.ExitUsage}
	if wrong, ok := errors.AsType[*config.Error](err); ok {
		if _, err := os.Stat(configFile); err == nil && file == "" && wrong.Missing() {
			described.Fix = "name the file: --config " + configFile
		}
	} else if file != "" {
		described.Fix = "name with --config a file that you can read; `cambio init` writes one"
	}
	return described
}

func serve(ctx context.Context, settings *config.Config) error {
	logger, flush, err := newLogger(settings.Log.Level)
	if err != nil {
		return err
	}
	defer flush()
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGHUP)
	defer signal.Stop(asked)
	n, err := openDomain(ctx, settings, opening{}, logger)
	if err != nil {
		return err
	}
	n.asked = asked
	if err := n.open(ctx); err != nil {
		return errors.Join(err, n.store.Close())
	}
	if err := n.checkSubject(ctx); err != nil {
		return errors.Join(err, n.store.Close())
	}
	handler, err := n.openDoors() //nolint:contextcheck // a pool of connections has none of its own
	if err != nil {
		return errors.Join(err, n.store.Close())
	}
	endpoints, err := n.endpoints(ctx, handler)
	if err != nil {
		return errors.Join(err, n.store.Close())
	}
	return n.serve(ctx, func() error {
		logger.Info("ready", zap.String("issuer", settings.Issuer), zap.Stringer("addr", endpoints[0].Listener.Addr()))
		return nil
	}, endpoints...)
}

// endpoints opens the configured listeners.
func (n *node) endpoints(ctx context.Context, handler http.Handler) ([]httpx.Endpoint, error) {
	var certificates *tls.Config
	if listen := n.config.Listen; listen.TLS() {
		n.certificates = &certificateFiles{cert: listen.TLSCert, key: listen.TLSKey, log: n.logger}
		if _, err := n.certificates.get(nil); err != nil {
			return nil, &cli.Error{Code: "tls", Cause: err.Error(), Fix: "point listen.tlsCert and listen.tlsKey at a PEM certificate chain and its key", Exit: cli.ExitRefused}
		}
		certificates = &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: n.certificates.get}
	}
	public, err := n.endpoint(ctx, n.config.Listen.Addr, handler, certificates)
	if err != nil {
		return nil, err
	}
	endpoints := []httpx.Endpoint{public}
	if n.config.Listen.AdminAddr != "" {
		admin, err := n.endpoint(ctx, n.config.Listen.AdminAddr, n.adminHandler(), nil)
		if err != nil {
			return nil, errors.Join(err, public.Listener.Close())
		}
		endpoints = append(endpoints, admin)
	}
	return endpoints, nil
}

func (n *node) endpoint(ctx context.Context, addr string, handler http.Handler, certificates *tls.Config) (httpx.Endpoint, error) {
	trusted, err := n.trustedProxies()
	if err != nil {
		return httpx.Endpoint{}, err
	}
	listener, err := httpx.Listen(ctx, httpx.ListenConfig{Addr: addr, MaxConns: n.config.Limits.MaxConnections, Exempt: trusted})
	if err != nil {
		return httpx.Endpoint{}, &cli.Error{Code: "listen", Cause: err.Error(), Fix: "choose an address that is free, or port 0 for any", Exit: cli.ExitRefused}
	}
	server := httpx.NewServer(httpx.ServerConfig{Handler: handler, Logger: n.logger, TLS: certificates})
	return httpx.Endpoint{Server: server, Listener: listener}, nil
}
