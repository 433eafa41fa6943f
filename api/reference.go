package api

import (
	"net/http"
	"slices"

	"github.com/cambio-sts/cambio/api/reference"
	"github.com/cambio-sts/cambio/exchange"
	"github.com/cambio-sts/cambio/internal/httpx"
)

// PublicPaths lists the paths that need no credential: the OpenAPI document, and the
// pages made from it. Whatever else the API serves lies behind the gate.
func PublicPaths() []string {
	paths := []string{reference.PathYAML, reference.PathJSON, reference.PathDocs, reference.PathStyle}
	for i, path := range paths {
		paths[i] = exchange.ManagementPath + path
	}
	return slices.Sorted(slices.Values(paths))
}

// registerReference adds the public pages to mux. They are static and take GET and
// HEAD.
func (a *API) registerReference(mux *http.ServeMux) {
	refuse := func(w http.ResponseWriter, r *http.Request) { a.fail(w, r, errMethod) }
	for path, page := range a.reference {
		mux.Handle(exchange.ManagementPath+path, httpx.AllowMethods(page, refuse, http.MethodGet, http.MethodHead))
	}
}
