package scim

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"go.uber.org/zap"

	"github.com/cambio-sts/cambio/exchange"
	"github.com/cambio-sts/cambio/manage"
	"github.com/cambio-sts/cambio/manage/door"
)

// Path is what the paths of all routes begin with.
const Path = "/scim/v2"

// Config is what a Server needs; all of it.
type Config struct {
	Exchanger *exchange.Exchanger
	Manager   *manage.Manager
	Issuer    string // what locations begin with
	Requests  door.Limiter
	Now       func() time.Time
	Logger    *zap.Logger
}

// Server is the provisioning door. It is safe to share.
type Server struct {
	door      *door.Door
	manager   *manage.Manager
	base      string // URL of Path
	challenge string // what every WWW-Authenticate begins with
	log       *zap.Logger
}

// New returns a Server. It starts nothing.
func New(config Config) (*Server, error) {
	if config.Exchanger == nil || config.Manager == nil || config.Issuer == "" || config.Requests == nil || config.Now == nil || config.Logger == nil {
		return nil, errors.New("scim: every member of the config is needed")
	}
	authenticating, err := door.New(door.Config{Exchanger: config.Exchanger, Requests: config.Requests, Now: config.Now})
	if err != nil {
		return nil, err
	}
	return &Server{
		door: authenticating, manager: config.Manager, base: config.Issuer + Path, log: config.Logger,
		challenge: fmt.Sprintf(`Bearer realm="cambio", resource_metadata="%s/.well-known/oauth-protected-resource%s"`,
			config.Issuer, exchange.ManagementPath),
	}, nil
}

// route is a handler of an authenticated request. Its error is answered.
type route func(w http.ResponseWriter, r *http.Request, who *manage.Caller) error

// routes are all there are, by path below Path and by method.
func (s *Server) routes() map[string]map[string]route {
	return map[string]map[string]route{
		"/Users": {http.MethodGet: s.listUsers, http.MethodPost: s.createUser},
		"/Users/{id}": {
			http.MethodGet: s.getUser, http.MethodPut: s.replaceUser, http.MethodPatch: s.patchUser, http.MethodDelete: s.deleteUser,
		},
		"/Users/.search": {http.MethodPost: s.searchUsers},
		"/Groups":        {http.MethodGet: s.listGroups, http.MethodPost: s.createGroup},
		"/Groups/{id}": {
			http.MethodGet: s.getGroup, http.MethodPut: s.replaceGroup, http.MethodPatch: s.patchGroup, http.MethodDelete: s.deleteGroup,
		},
		"/Groups/.search":        {http.MethodPost: s.searchGroups},
		"/ServiceProviderConfig": {http.MethodGet: s.getConfig},
		"/ResourceTypes":         {http.MethodGet: s.listResourceTypes},
		"/ResourceTypes/{id}":    {http.MethodGet: s.getResourceType},
		"/Schemas":               {http.MethodGet: s.listSchemas},
		"/Schemas/{id}":          {http.MethodGet: s.getSchema},
	}
}

// Register adds the routes to mux, each behind the gate. Whatever else lies below
// Path does not exist.
func (s *Server) Register(mux *http.ServeMux) {
	for path, methods := range s.routes() {
		mux.HandleFunc(Path+path, s.dispatch(methods))
	}
	unknown := func(w http.ResponseWriter, r *http.Request) { s.fail(w, r, errNoRoute) }
	mux.HandleFunc(Path, unknown)
	mux.HandleFunc(Path+"/", unknown)
}

// ServeFault answers a request whose handler failed without an answer, with nothing of
// the cause.
func (s *Server) ServeFault(w http.ResponseWriter, r *http.Request) { s.fail(w, r, errPanic) }
