package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/KimMachineGun/automemlimit/memlimit"
	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"github.com/cambio-sts/cambio/api"
	"github.com/cambio-sts/cambio/authz"
	"github.com/cambio-sts/cambio/credentials"
	"github.com/cambio-sts/cambio/credentials/postgres"
	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/exchange"
	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/cli"
	"github.com/cambio-sts/cambio/internal/config"
	"github.com/cambio-sts/cambio/internal/httpx"
	"github.com/cambio-sts/cambio/internal/metrics"
	"github.com/cambio-sts/cambio/internal/throttle"
	"github.com/cambio-sts/cambio/internal/tracing"
	"github.com/cambio-sts/cambio/internal/webhook"
	"github.com/cambio-sts/cambio/keys"
	"github.com/cambio-sts/cambio/manage"
	"github.com/cambio-sts/cambio/manage/door"
	"github.com/cambio-sts/cambio/pat"
	"github.com/cambio-sts/cambio/revocations"
	"github.com/cambio-sts/cambio/scim"
	"github.com/cambio-sts/cambio/storage/redis"
)

const (
	keyPoll     = 5 * time.Second        // how soon a replica learns of a key that another revoked
	drainNotice = 300 * time.Millisecond // still served after the order to end, not ready any more
	drainGrace  = 20 * time.Second
)

// node is one process of the service: a store, the domain over it, the use case
// and the doors.
type node struct {
	config    *config.Config
	logger    *zap.Logger
	store     store
	ports     ports            // of the store, observed
	metrics   *metrics.Metrics // nil: nobody counts
	tracer    *tracing.Tracer  // nil: nobody traces
	directory *directory.Directory
	master    *keys.Master
	ring      *keys.Ring
	// Files that may change while the server runs, and who asks to look at them at
	// once: nobody, or SIGHUP. No certificates: it has no TLS of its own. No authorities:
	// the store trusts those of the system, or needs none.
	masterFile   *masterFile
	certificates *certificateFiles
	authorities  *authorityFile
	asked        <-chan os.Signal

	tokens   *pat.Service
	sink     *audit.Sink
	shipper  *audit.Shipper
	webhooks *webhook.Sender

	credentials *credentials.Issuer
	databases   []*postgres.Provider // some of its providers
	exchanger   *exchange.Exchanger
	group       *httpx.Group
	dev         bool // shows what only its makers look at
}

// openDomain opens what needs no audit sink and no door: the store, the
// directory, the key ring (not yet prepared or opened) and the tokens.
func openDomain(ctx context.Context, settings *config.Config, how opening, logger *zap.Logger) (*node, error) {
	n := &node{config: settings, logger: logger}
	var err error
	if n.masterFile, err = openMasterFile(settings.MasterKey.File, logger); err != nil {
		return nil, err
	}
	asks := live{note: n.masterFile.note}
	if n.authorities, err = openAuthorities(&settings.Store, logger); err != nil {
		return nil, err
	}
	if n.authorities != nil {
		asks.roots = n.authorities.get
	}
	if n.store, err = openStore(ctx, &settings.Store, how, logger, asks); err != nil {
		return nil, err
	}
	if err := errors.Join(n.openTelemetry(ctx), n.wireDomain()); err != nil {
		return nil, errors.Join(err, n.store.Close())
	}
	return n, nil
}

func readMaster(file string) (*keys.Master, error) {
	text, err := readMasterFile(file)
	if err != nil {
		return nil, err
	}
	return parseMaster(text)
}

func readMasterFile(file string) ([]byte, error) {
	text, err := os.ReadFile(file) //nolint:gosec // the operator names it
	if err != nil {
		return nil, &cli.Error{Code: codeMasterKey, Cause: err.Error(), Fix: "run `cambio init`, or point masterKey.file at the master key of this store", Exit: cli.ExitRefused}
	}
	return text, nil
}

// codeMasterKey says that the file of the master key is of no use.
const codeMasterKey = "master_key"

func parseMaster(text []byte) (*keys.Master, error) {
	master, err := keys.ParseMaster(text)
	if err != nil {
		return nil, &cli.Error{Code: codeMasterKey, Cause: err.Error(), Fix: "restore the file from where you keep it safe; without it no token and no key of this store can be read", Exit: cli.ExitRefused}
	}
	return master, nil
}

func (n *node) wireDomain() error {
	var err error
	n.master, n.ports = n.masterFile.master, n.observe()
	if n.directory, err = directory.New(directory.Config{Identities: n.ports.Identities(), Catalog: n.ports.Catalog(), Now: time.Now}); err != nil {
		return err
	}
	n.ring, err = keys.NewRing(keys.Config{
		Store: n.ports.Keys(), Master: n.master, Algs: algorithms(n.config), RotateEvery: n.config.Keys.RotateEvery,
		JWKSMaxAge: n.config.Keys.JWKSMaxAge, Poll: keyPoll, MaxTokenLife: pat.MaxAccessTokenLife, Now: time.Now, Logger: n.logger,
	})
	if err != nil {
		return err
	}
	n.masterFile.ring = n.ring
	format, err := pat.NewFormat(n.config.Token.Prefixes...)
	if err != nil {
		return err
	}
	n.tokens, err = pat.NewService(pat.Config{Store: n.ports.PATs(), Uses: n.ports.Uses(), Format: format, Peppers: n.masterFile.peppers, Now: time.Now})
	return err
}

// openDoors opens the audit sink and builds the use case and the routes.
func (n *node) openDoors() (http.Handler, error) {
	registry, err := services(n.config)
	if err != nil {
		return nil, err
	}
	if n.sink, err = audit.OpenSink(audit.Config{Dir: n.config.Audit.Dir, Retention: n.config.Audit.Retention, Now: time.Now, Logger: n.logger}); err != nil {
		return nil, err
	}
	n.shipper = audit.NewShipper(n.ports.Outbox(), n.sink, n.logger)
	if err := n.openWebhooks(); err != nil {
		return nil, err
	}
	if err := n.openCredentials(); err != nil {
		return nil, err
	}
	failures, err := throttle.New(throttle.Config{Now: time.Now})
	if err != nil {
		return nil, err
	}
	n.exchanger, err = exchange.New(exchange.Config{
		Issuer: n.config.Issuer, Tokens: n.tokens, Directory: n.directory, Signer: n.ring, Services: registry, Audit: n.sink, Throttle: countedThrottle{failures, n.metrics, limitFailures},
		Now: time.Now, Alg: keys.Alg(n.config.Keys.Alg), Subject: exchange.SubjectKind(n.config.Token.Subject),
		Credentials: n.associated(), Observer: n.useObserver(),
	})
	if err != nil {
		return nil, err
	}
	oauth, err := authz.New(authz.Config{Exchanger: n.exchanger, Keys: n.ring, Logger: n.logger, Revocations: revocations.Path})
	if err != nil {
		return nil, err
	}
	requests, err := n.limiter()
	if err != nil {
		return nil, err
	}
	manager, err := manage.New(manage.Config{
		Tokens: n.tokens, Directory: n.directory, Keys: n.ring, Services: registry, Trail: audit.NewArchive(n.config.Audit.Dir), Audit: n.sink, Now: time.Now,
		Subject: exchange.SubjectKind(n.config.Token.Subject), LoginOrganization: n.loginOrganization(),
	})
	if err != nil {
		return nil, err
	}
	texts, err := catalogues(n.config.Catalogues)
	if err != nil {
		return nil, err
	}
	management, err := api.New(api.Config{
		Exchanger: n.exchanger, Manager: manager, Issuer: n.config.Issuer,
		Requests: requests, Now: time.Now, Logger: n.logger, Catalogues: texts,
	})
	if err != nil {
		return nil, err
	}
	pages, err := n.console(manager, texts)
	if err != nil {
		return nil, err
	}
	provisioning, err := scim.New(scim.Config{
		Exchanger: n.exchanger, Manager: manager, Issuer: n.config.Issuer,
		Requests: requests, Now: time.Now, Logger: n.logger,
	})
	if err != nil {
		return nil, err
	}
	proxied, err := n.forwardAuth()
	if err != nil {
		return nil, err
	}
	return n.routes(oauth, management, provisioning, pages, proxied)
}

// limiter counts the requests to the management doors: where several processes may
// share a store, in the store.
func (n *node) limiter() (door.Limiter, error) {
	const window = 10 * time.Second
	if db, shared := n.store.(*redis.DB); shared {
		return countedLimiter{db.Requests(n.config.Limits.RequestsPer10s, window), n.metrics}, nil
	}
	limiter, err := throttle.NewLimiter(throttle.LimiterConfig{Window: throttle.Window{Most: n.config.Limits.RequestsPer10s, Length: window}, Now: time.Now})
	return countedLimiter{limiter, n.metrics}, err
}

// serve runs the endpoints and all background work until ctx ends, and calls
// ready once requests are answered. It ends in order: first the doors, then what
// they used, the audit sink last but the store.
func (n *node) serve(ctx context.Context, ready func() error, endpoints ...httpx.Endpoint) error {
	boundMemory(memlimit.FromCgroup, n.logger)
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	sinking, sink := context.WithCancel(context.WithoutCancel(ctx))
	defer sink()
	var work, last errgroup.Group
	work.Go(func() error { return n.directory.Run(background) })
	work.Go(func() error { return n.ring.Run(background) })
	work.Go(func() error { return n.shipper.Run(background) })
	work.Go(func() error { return n.watchFiles(background) })
	if runner, ok := n.store.(interface {
		Run(ctx context.Context) error
	}); ok {
		work.Go(func() error { return runner.Run(background) })
	}
	work.Go(func() error { return n.webhooks.Run(background) })
	work.Go(func() error { return n.credentials.Run(background) })
	work.Go(func() error { return n.runDatabases(background) })
	last.Go(func() error { return n.sink.Run(sinking) })
	work.Go(func() error {
		runner, err := n.runner()
		if err != nil {
			return err
		}
		return runner.Run(background)
	})

	<-n.sink.Started()
	err := ready() // the listeners are open: who comes now is answered in a moment
	if err == nil {
		err = n.group.Serve(ctx, endpoints...)
	}
	stop()
	err = errors.Join(err, work.Wait())
	n.closeDatabases()
	sink()
	n.endTracing(ctx)
	return errors.Join(err, last.Wait(), n.store.Close())
}

// open checks that the store was prepared and that the master key is its own.
func (n *node) open(ctx context.Context) error {
	if err := n.ring.Open(ctx); err != nil {
		return describeRing(err)
	}
	if _, err := n.directory.Snapshot(ctx); err != nil {
		return err
	}
	return nil
}

// prepare makes a fresh store ready: canary, first keys, and the organization a
// deployment starts with. It may be repeated.
func (n *node) prepare(ctx context.Context) (directory.Organization, error) {
	if err := n.ring.Prepare(ctx); err != nil {
		return directory.Organization{}, describeRing(err)
	}
	organization, err := n.directory.CreateOrganization(ctx, directory.DefaultOrganizationName, policy(&n.config.Policy), directory.Actor{})
	if err != nil {
		return directory.Organization{}, fmt.Errorf("make the first organization: %w", err)
	}
	return organization, n.open(ctx)
}

const codeWrongMasterKey = "wrong_master_key"

// describeRing adds the fix to what a key ring finds at the start.
func describeRing(err error) error {
	switch {
	case errors.Is(err, keys.ErrNoCanary):
		return &cli.Error{
			Code: "store_not_prepared", Cause: "the store was never prepared, or has lost its state",
			Fix: "run `cambio init` for a new one; if it held tokens before, restore its backup instead", Exit: cli.ExitRefused,
		}
	case errors.Is(err, keys.ErrWrongMasterKey):
		return &cli.Error{
			Code: codeWrongMasterKey, Cause: "the master key is not the one this store was prepared with",
			Fix: "restore the master key file of this store, or point masterKey.file at it", Exit: cli.ExitRefused,
		}
	default:
		return err
	}
}
