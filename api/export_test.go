package api

import (
	"net/http"
	"slices"
)

// QueryParameters lists the query parameters of a route of openapi.yaml, as
// "METHOD path".
func QueryParameters(route string) []string {
	all, err := queryParameters()
	if err != nil {
		panic(err)
	}
	return all[route]
}

// Routes lists every route that Register adds, as "METHOD path".
func Routes(a *API) []string {
	var all []string
	for _, at := range mounts() {
		routes := &router{api: a, mux: http.NewServeMux(), mount: at, methods: map[string][]string{}}
		HandlerWithOptions(server{a}, StdHTTPServerOptions{BaseRouter: routes})
		for path, methods := range routes.methods {
			for _, method := range methods {
				all = append(all, method+" "+path)
			}
		}
	}
	slices.Sort(all)
	return all
}
