package config

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// ForwardAuth rules the door for reverse proxies.
type ForwardAuth struct {
	// Routes say what requests are for whose proxy does not say it itself; never nil.
	Routes []ForwardRoute `yaml:"routes"`
}

// ForwardRoute says what requests to a part of a site are for.
type ForwardRoute struct {
	// Host in lower case, without port; empty is any.
	Host string `yaml:"host,omitempty"`
	// Path is a clean path: the route has it and what lies below; "/" is all.
	Path string `yaml:"path"`
	// Audience is that of a service, or the management API's.
	Audience string `yaml:"audience"`
	// Scope is what is asked for; nil is all that the token holds.
	Scope []string `yaml:"scope,omitempty"`
}

// routesKey is a key that is no row, like servicesKey.
const routesKey = "forwardAuth.routes"

// routeSettings are the keys of one route.
func routeSettings() []setting {
	return []setting{
		{path: "host", kind: kindText, meaning: "Host of the original request, in lower case and without port. Without it any; a route with a host goes before one without."},
		{path: "path", kind: kindText, meaning: "Path of the original request: the route has it and what lies below, so that `/api` has `/api/x` and not `/apis`. Without it `/`, which is all. The longest goes first. A path that servers may read in two ways, as `/x/..%2fapi`, has a route only if it is the same either way."},
		{path: "audience", kind: kindText, required: true, meaning: "Audience of the JWT: that of a service."},
		{path: "scope", kind: kindList, meaning: "Scopes that are asked for. Without it all that the token holds and the service grants."},
	}
}

// readRoutes reads the list of routes.
func (l *loader) readRoutes(node *yaml.Node) {
	if node.Kind != yaml.SequenceNode {
		l.problems.add(routesKey, &fault{"is not a list", "begin each route with - audience:"})
		return
	}
	for i, item := range node.Content {
		at := fmt.Sprintf("%s[%d]", routesKey, i)
		l.problems.where[at] = l.at(item)
		l.routes = append(l.routes, l.readRoute(at, item))
	}
}

func (l *loader) readRoute(at string, node *yaml.Node) ForwardRoute {
	route := ForwardRoute{Path: "/"}
	var names []string
	for _, s := range routeSettings() {
		names = append(names, s.path)
	}
	l.eachKey(at, node, under(at, names...), func(key string, value *yaml.Node) {
		switch lastPart(key) {
		case "host":
			route.Host = l.text(key, value)
		case "path":
			route.Path = l.text(key, value)
		case "audience":
			route.Audience = l.text(key, value)
		case "scope":
			route.Scope = l.texts(key, value, kindList)
		default:
		}
	})
	return route
}

func (l *loader) validateRoutes(cfg *Config) {
	seen := map[[2]string]bool{}
	for i := range cfg.ForwardAuth.Routes {
		route := &cfg.ForwardAuth.Routes[i]
		at := fmt.Sprintf("%s[%d]", routesKey, i)
		l.locate(at, "host", "path", "audience", "scope")
		l.problems.add(join(at, "host"), checkRouteHost(route.Host))
		l.problems.add(join(at, "path"), checkRoutePath(route.Path))
		known := func(s Service) bool { return s.Audience == route.Audience }
		switch {
		case route.Audience == "":
			l.problems.add(join(at, "audience"), &fault{causeMissing, "name the audience of a service"})
		case route.Audience != cfg.Issuer+apiPath && !slices.ContainsFunc(cfg.Services, known):
			l.problems.add(join(at, "audience"), &fault{"is none of the services", "add it to services, or name the audience of one of them"})
		}
		if !allScopes(route.Scope) {
			l.problems.add(join(at, "scope"), badScope())
		}
		same := [2]string{route.Host, route.Path}
		if seen[same] {
			l.problems.add(join(at, "path"), &fault{"is there twice for the same host", "remove one"})
		}
		seen[same] = true
	}
}

func checkRouteHost(host string) *fault {
	if host != "" && (!hostName.MatchString(host) || strings.ToLower(host) != host) {
		return &fault{"is not a host name", "write it in lower case and without port, such as git.example.com"}
	}
	return nil
}

func checkRoutePath(at string) *fault {
	if !strings.HasPrefix(at, "/") || path.Clean(at) != at || strings.ContainsAny(at, `\;?#%`) || checkPrintable(at) != nil {
		return &fault{"is not a clean path", `begin with /, without a slash at the end, dots to resolve, escapes, or \ ; ? #`}
	}
	return nil
}
