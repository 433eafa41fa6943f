package api

import (
	"net/http"
	"slices"
	"strings"

	"github.com/cambio-sts/cambio/exchange"
)

// personalTokens is the path of the personal routes in openapi.yaml.
const personalTokens = "/personal-access-tokens"

// mount is a place under which routes are served. Each counts requests by
// itself.
type mount struct {
	root   string // of everything; empty: only tokens are served
	tokens string // of the personal routes
}

// mounts are the API's own place and those of published clients, which know
// the personal routes only.
func mounts() []mount {
	all := []mount{{root: exchange.ManagementPath, tokens: exchange.ManagementPath + personalTokens}}
	for _, version := range []string{"/v3", "/beta", "/v2024", "/v2025", "/v2026"} {
		all = append(all, mount{tokens: version + personalTokens})
	}
	return append(all, mount{tokens: personalTokens + "/v1"})
}

// path returns where a path of openapi.yaml is served, if it is.
func (m mount) path(path string) (string, bool) {
	if rest, ok := strings.CutPrefix(path, personalTokens); ok {
		return m.tokens + rest, true
	}
	return m.root + path, m.root != ""
}

// base is the path below which there is nothing but the mount's routes.
func (m mount) base() string {
	if m.root != "" {
		return m.root
	}
	return m.tokens
}

// router takes the generated registration and puts each route behind the gate.
// It remembers the methods of each path, to refuse all others.
type router struct {
	api     *API
	mux     *http.ServeMux
	mount   mount
	methods map[string][]string // by path
}

var _ ServeMux = (*router)(nil)

// HandleFunc registers a route of openapi.yaml, if the mount serves it.
func (r *router) HandleFunc(pattern string, handler func(http.ResponseWriter, *http.Request)) {
	parameters := r.api.queries[pattern]
	method, path, _ := strings.Cut(pattern, " ")
	path, served := r.mount.path(path)
	if !served {
		return
	}
	r.methods[path] = append(r.methods[path], method)
	r.mux.Handle(method+" "+path, r.api.gate(r.mount.base(), parameters, handler))
}

// ServeHTTP is what the generated code asks of a router.
func (r *router) ServeHTTP(w http.ResponseWriter, request *http.Request) { r.mux.ServeHTTP(w, request) }

// close answers whatever is not a route: another method, another path.
func (r *router) close() {
	for path, methods := range r.methods {
		if slices.Contains(methods, http.MethodGet) {
			methods = append(methods, http.MethodHead) // the mux serves it beside GET
		}
		slices.Sort(methods)
		allow := strings.Join(methods, ", ")
		r.mux.HandleFunc(path, func(w http.ResponseWriter, request *http.Request) {
			w.Header().Set("Allow", allow)
			r.api.fail(w, request, errMethod)
		})
	}
	unknown := func(w http.ResponseWriter, request *http.Request) { r.api.fail(w, request, errNoRoute) }
	r.mux.HandleFunc(r.mount.base()+"/", unknown)
	if _, taken := r.methods[r.mount.base()]; !taken {
		r.mux.HandleFunc(r.mount.base(), unknown)
	}
}
