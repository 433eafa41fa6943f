package api

import (
	"net/http"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/cambio-sts/cambio/api/reference"
	"github.com/cambio-sts/cambio/exchange"
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

// Conditional lists the routes of openapi.yaml that take If-Match, as "METHOD path".
func Conditional() []string {
	var document struct {
		Paths map[string]map[string]yaml.Node `yaml:"paths"`
	}
	if err := yaml.Unmarshal(contract, &document); err != nil {
		panic(err)
	}
	var all []string
	for path, operations := range document.Paths {
		for method := range operations {
			var operation struct {
				Parameters []parameter `yaml:"parameters"`
			}
			node := operations[method]
			if method != "parameters" && node.Decode(&operation) == nil && slices.Contains(operation.Parameters, parameter{Ref: "#/components/parameters/ifMatch"}) {
				all = append(all, strings.ToUpper(method)+" "+path)
			}
		}
	}
	slices.Sort(all)
	return all
}

// PublicPaths lists the paths that need no credential: the OpenAPI document, and the
// pages made from it. Whatever else the API serves lies behind the gate.
func PublicPaths() []string {
	paths := []string{reference.PathYAML, reference.PathJSON, reference.PathDocs, reference.PathStyle}
	for i, path := range paths {
		paths[i] = exchange.ManagementPath + path
	}
	return slices.Sorted(slices.Values(paths))
}
