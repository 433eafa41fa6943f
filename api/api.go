package api

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"go.uber.org/zap"

	"github.com/cambio-sts/cambio/api/reference"
	"github.com/cambio-sts/cambio/exchange"
	"github.com/cambio-sts/cambio/manage"
	"github.com/cambio-sts/cambio/manage/door"
)

// Config is what an API needs; all of it but Catalogues.
type Config struct {
	Exchanger  *exchange.Exchanger
	Manager    *manage.Manager
	Issuer     string // byte-exact iss
	Requests   door.Limiter
	Now        func() time.Time
	Logger     *zap.Logger
	Catalogues []Catalogue // beside English and German; of different languages
}

// API is the management API. It is safe to share.
type API struct {
	door      *door.Door
	manager   *manage.Manager
	challenge string // what every WWW-Authenticate begins with
	now       func() time.Time
	log       *zap.Logger
	texts     catalogues
	queries   map[string][]string     // the query parameters of each route
	reference map[string]http.Handler // by path below the root
}

// New returns the API. It starts nothing.
func New(config Config) (*API, error) {
	if config.Exchanger == nil || config.Manager == nil || config.Issuer == "" || config.Requests == nil || config.Now == nil || config.Logger == nil {
		return nil, errors.New("api: every member of the config is needed")
	}
	if err := distinct(config.Catalogues); err != nil {
		return nil, err
	}
	queries, err := queryParameters()
	if err != nil {
		return nil, err
	}
	authenticating, err := door.New(door.Config{Exchanger: config.Exchanger, Requests: config.Requests, Now: config.Now})
	if err != nil {
		return nil, err
	}
	return &API{
		door: authenticating, manager: config.Manager, queries: queries,
		challenge: fmt.Sprintf(`Bearer realm="cambio", resource_metadata="%s/.well-known/oauth-protected-resource%s"`,
			config.Issuer, exchange.ManagementPath),
		now: config.Now, log: config.Logger, texts: newCatalogues(config.Catalogues...),
		reference: reference.Pages(contract),
	}, nil
}

// server is the handlers of the generated routes.
type server struct{ *API }

var _ ServerInterface = server{}

// Register adds the API's routes to mux: those under /api/v1, and the personal
// ones also where published clients look for them.
func (a *API) Register(mux *http.ServeMux) {
	a.registerReference(mux)
	for _, at := range mounts() {
		routes := &router{api: a, mux: mux, mount: at, methods: map[string][]string{}}
		HandlerWithOptions(server{a}, StdHTTPServerOptions{BaseRouter: routes, ErrorHandlerFunc: a.badParameter})
		routes.close()
	}
}
