package console

import (
	"embed"
	"errors"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/cambio-sts/cambio/api"
	"github.com/cambio-sts/cambio/console/session"
	"github.com/cambio-sts/cambio/console/ui"
	"github.com/cambio-sts/cambio/manage"
)

//go:embed pages/*.html texts/*.json
var files embed.FS

// Config is what a Console needs; all of it but Audience, Login and Dev.
type Config struct {
	Manager *manage.Manager
	Words   *api.Words // of errors
	Issuer  string
	// Audience that tokens are exchanged for if none is asked for; empty: there is none.
	Audience string
	Now      func() time.Time
	Logger   *zap.Logger
	// Kept is where sessions and links that work once lie.
	Kept session.Store
	// Idle is how long a session lasts without a request, Lifetime how long at most.
	Idle, Lifetime time.Duration
	Failures       Throttle // of who tries links and answers of a provider
	// Login is by an OpenID provider; nil: people come in by links that work once.
	Login *Login
	// Dev adds a page of every component in every state.
	Dev bool
}

// Throttle counts what clients do that none does often: failures, and logins begun.
type Throttle interface {
	// Failed counts one, and says how long the client has to wait if it had too many.
	Failed(network netip.Addr, key string) (retryAfter time.Duration, limited bool)
}

// Console serves the pages. It is safe to share.
type Console struct {
	manager   *manage.Manager
	words     *api.Words
	ui        *ui.Renderer
	issuer    string
	audience  string
	now       func() time.Time
	logger    *zap.Logger
	sessions  *session.Sessions
	links     session.Links
	failures  Throttle
	provider  *Login
	guard     *http.CrossOriginProtection
	secure    bool // browsers come by https
	dev       bool
	settingUp sync.Mutex // one at a time makes the first administrator here; of replicas the link is what one has
}

// New returns a Console.
func New(config Config) (*Console, error) {
	if config.Manager == nil || config.Words == nil || config.Kept == nil || config.Failures == nil || config.Issuer == "" || config.Now == nil || config.Logger == nil {
		return nil, errors.New("console: every member of the config but audience, login and dev is needed")
	}
	if config.Login != nil && (config.Login.Provider == nil || config.Login.Begun == nil) {
		return nil, errors.New("console: a login needs a provider and a throttle")
	}
	renderer, err := ui.New(ui.Config{Pages: files, Now: config.Now})
	if err != nil {
		return nil, err
	}
	c := &Console{
		manager: config.Manager, words: config.Words, ui: renderer, issuer: config.Issuer, audience: config.Audience, now: config.Now,
		logger: config.Logger, links: session.NewLinks(config.Kept), provider: config.Login, failures: config.Failures, guard: http.NewCrossOriginProtection(), dev: config.Dev,
		secure: strings.HasPrefix(config.Issuer, "https:"),
	}
	c.sessions, err = session.New(session.Config{
		Store: config.Kept, Idle: config.Idle, Lifetime: config.Lifetime, Secure: c.secure, Now: config.Now, Failed: c.failed,
	})
	return c, err
}

// failed answers a request whose session cannot be read or written.
func (c *Console) failed(w http.ResponseWriter, r *http.Request, err error) {
	c.setHeaders(w.Header())
	(&visit{Console: c, w: w, r: r, view: c.ui.View(r)}).fail(err)
}

// ServeFault answers a request whose page panicked.
func (c *Console) ServeFault(w http.ResponseWriter, r *http.Request) {
	c.setHeaders(w.Header())
	(&visit{Console: c, w: w, r: r, view: c.ui.View(r)}).fail(errFault) //nolint:contextcheck // it is the request's
}
