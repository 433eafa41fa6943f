package api

import (
	"net/http"

	"github.com/cambio-sts/cambio/exchange"
	"github.com/cambio-sts/cambio/internal/httpx"
)

// registerReference adds the public pages to mux. They are static and take GET and
// HEAD.
func (a *API) registerReference(mux *http.ServeMux) {
	refuse := func(w http.ResponseWriter, r *http.Request) { a.fail(w, r, errMethod) }
	for path, page := range a.reference {
		mux.Handle(exchange.ManagementPath+path, httpx.AllowMethods(page, refuse, http.MethodGet, http.MethodHead))
	}
}
