package main

import (
	"context"
	"errors"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/cambio-sts/cambio/console"
	"github.com/cambio-sts/cambio/exchange"
	"github.com/cambio-sts/cambio/internal/cli"
	"github.com/cambio-sts/cambio/internal/config"
	"github.com/cambio-sts/cambio/internal/httpx"
	"github.com/cambio-sts/cambio/keys"
)

// devAudience is the demo service, which takes every application scope.
const devAudience = "https://demo.example.com"

// devInfo is what dev tells when it is ready; with --json as one line.
type devInfo struct {
	Issuer      string             `json:"issuer"`
	Addr        string             `json:"addr"`
	TLSAddr     string             `json:"tlsAddr"`
	CAFile      string             `json:"caFile"`
	DataDir     string             `json:"dataDir"`
	AdminAddr   string             `json:"adminAddr"`
	Audience    string             `json:"audience"`
	APIAudience string             `json:"apiAudience"`
	ConsoleURL  string             `json:"consoleUrl"`
	Users       map[string]devUser `json:"users"`
}

func newDev() *cobra.Command {
	var options devOptions
	command := &cobra.Command{
		Use:   "dev",
		Short: "Run everything on loopback, with users and tokens to try",
		Long: "Run everything on loopback with no configuration: an embedded store, http beside https with a CA of its own, the users alice,\n" +
			"bob and admin with a token each, and a demo service. Nothing of it is for production.",
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			return dev(command.Context(), &options, command.OutOrStdout())
		},
	}
	flags := command.Flags()
	flags.StringVar(&options.addr, "addr", "127.0.0.1:8080", "loopback address for http; port 0 picks a free one")
	flags.StringVar(&options.tlsAddr, "tls-addr", "127.0.0.1:8443", "loopback address for https")
	flags.StringVar(&options.adminAddr, "admin-addr", "127.0.0.1:0", "loopback address for health and profiles")
	flags.StringVar(&options.dataDir, "data-dir", "", "folder to keep the data in (default a temporary one, removed at exit)")
	flags.StringVar(&options.redis, "redis", "", "keep the data in this Redis server instead of a file, such as redis://127.0.0.1:6379")
	flags.BoolVar(&options.https, "https", false, "make the https address the issuer")
	flags.BoolVar(&options.json, "json", false, "print one line of JSON when ready, and nothing else")
	return command
}

func dev(ctx context.Context, options *devOptions, out io.Writer) error {
	if err := options.check(); err != nil {
		return err
	}
	dir, remove, err := devFolder(options.dataDir)
	if err != nil {
		return err
	}
	return errors.Join(devIn(ctx, options, dir, out), remove())
}

// devFolder is the data folder and what to do with it at exit.
func devFolder(dataDir string) (dir string, remove func() error, err error) {
	if dataDir == "" {
		dir, err = os.MkdirTemp("", "cambio-dev-")
		return dir, func() error { return os.RemoveAll(dir) }, err
	}
	dir, err = filepath.Abs(dataDir)
	if err == nil {
		err = os.MkdirAll(dir, 0o700)
	}
	return dir, func() error { return nil }, err
}

func devIn(ctx context.Context, options *devOptions, dir string, out io.Writer) error {
	listeners, err := devListeners(ctx, options)
	if err != nil {
		return err
	}
	settings, err := devConfig(options, dir, listeners)
	if err != nil {
		return err
	}
	certificates, caFile, err := devCertificate(dir)
	if err != nil {
		return err
	}
	logger, flush, err := newLogger(settings.Log.Level)
	if err != nil {
		return err
	}
	defer flush()
	n, err := openDomain(ctx, settings, opening{create: true}, logger)
	if err != nil {
		return describeDevStore(err)
	}
	n.dev = true
	users, consoleURL, err := n.prepareDev(ctx)
	if err != nil {
		return errors.Join(err, n.store.Close())
	}
	handler, err := n.openDoors() //nolint:contextcheck // a pool of connections has none of its own
	if err != nil {
		return errors.Join(err, n.store.Close())
	}
	servers := []httpx.ServerConfig{
		{Handler: handler, Logger: logger}, {Handler: handler, Logger: logger, TLS: certificates}, {Handler: n.adminHandler(), Logger: logger},
	}
	endpoints := make([]httpx.Endpoint, len(servers))
	for i, server := range servers {
		endpoints[i] = httpx.Endpoint{Server: httpx.NewServer(server), Listener: listeners[i]}
	}
	info := devInfo{
		Issuer: settings.Issuer, Addr: "http://" + listeners[0].Addr().String(), TLSAddr: "https://" + listeners[1].Addr().String(), CAFile: caFile,
		DataDir: dir, AdminAddr: "http://" + listeners[2].Addr().String(), Audience: devAudience, APIAudience: settings.Issuer + exchange.ManagementPath, ConsoleURL: consoleURL, Users: users,
	}
	return n.serve(ctx, func() error { return printDev(out, options, &info) }, endpoints...)
}

// devLinkLife is how long the link to the console works.
const devLinkLife = 24 * time.Hour

// prepareDev makes the users with their tokens, and a link that signs admin in once.
func (n *node) prepareDev(ctx context.Context) (users map[string]devUser, link string, err error) {
	organization, err := n.prepare(ctx)
	if err != nil {
		return nil, "", err
	}
	if users, err = n.seed(ctx, &organization); err != nil {
		return nil, "", err
	}
	link, err = n.link(ctx, console.LinkSignIn, string(users["admin"].ID), devLinkLife)
	return users, link, err
}

// devListeners opens http, https and admin, in this order.
func devListeners(ctx context.Context, options *devOptions) ([]net.Listener, error) {
	var listeners []net.Listener
	for _, addr := range []string{options.addr, options.tlsAddr, options.adminAddr} {
		listener, err := httpx.Listen(ctx, httpx.ListenConfig{Addr: addr})
		if err != nil {
			for _, open := range listeners {
				err = errors.Join(err, open.Close())
			}
			return nil, &cli.Error{Code: "listen", Cause: err.Error(), Fix: "choose another port with --addr, --tls-addr or --admin-addr; 0 picks a free one", Exit: cli.ExitRefused}
		}
		listeners = append(listeners, listener)
	}
	return listeners, nil
}

// devConfig is the configuration of dev: the defaults, and what the flags say.
// It writes the master key if the folder has none.
func devConfig(options *devOptions, dir string, listeners []net.Listener) (*config.Config, error) {
	master := filepath.Join(dir, "master.key")
	if _, err := writeOnce(master, keys.GenerateMaster().Reveal()); err != nil {
		return nil, err
	}
	issuer := "http://" + listeners[0].Addr().String()
	if options.https {
		issuer = "https://" + listeners[1].Addr().String()
	}
	store := (&url.URL{Scheme: "bolt", Path: filepath.Join(dir, "cambio.db")}).String()
	if options.redis != "" {
		store = options.redis
	}
	settings, _, err := config.Load(config.Sources{Env: []string{
		"CAMBIO_ISSUER=" + issuer, "CAMBIO_STORE_URL=" + store, "CAMBIO_STORE_DURABILITY=" + string(config.DurabilityBestEffort),
		"CAMBIO_MASTER_KEY_FILE=" + master, "CAMBIO_AUDIT_DIR=" + filepath.Join(dir, "audit"),
	}})
	if err != nil {
		return nil, describeDev(err)
	}
	settings.Services = []config.Service{{Audience: devAudience, Name: "Demo", Scopes: config.Scopes{Any: true}}}
	settings.Token.DefaultAudience = devAudience
	return settings, nil
}
