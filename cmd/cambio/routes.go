package main

import (
	"context"
	"io"
	"net/http"
	"net/http/pprof"
	"strings"
	"time"

	"github.com/cambio-sts/cambio/api"
	"github.com/cambio-sts/cambio/authz"
	"github.com/cambio-sts/cambio/console"
	"github.com/cambio-sts/cambio/forwardauth"
	"github.com/cambio-sts/cambio/internal/httpx"
	"github.com/cambio-sts/cambio/keys"
	"github.com/cambio-sts/cambio/revocations"
	"github.com/cambio-sts/cambio/scim"
	"github.com/cambio-sts/cambio/storage/bolt"
)

// routes is the public handler: every door, health, and the shell around them.
func (n *node) routes(
	oauth *authz.Server, management *api.API, provisioning *scim.Server, pages *console.Console, proxied *forwardauth.Door,
) (http.Handler, error) {
	n.group = httpx.NewGroup(httpx.GroupConfig{Notice: drainNotice, Grace: drainGrace})
	feed, err := revocations.New(revocations.Config{
		Log: n.store.Ended(), Signer: n.ring, Alg: keys.Alg(n.config.Keys.Alg),
		Issuer: n.config.Issuer, Now: time.Now, Logger: n.logger, Draining: n.group.Draining(),
	})
	if err != nil {
		return nil, err
	}
	n.readDoors(proxied, feed)
	mux := http.NewServeMux()
	oauth.Register(mux)
	feed.Register(mux)
	management.Register(mux)
	provisioning.Register(mux)
	pages.Register(mux)
	n.registerHealth(mux)
	mux.HandleFunc("/", notFound)
	trusted, err := n.trustedProxies()
	if err != nil {
		return nil, err
	}
	return httpx.NewShell(httpx.ShellConfig{
		Next: proxied.Before(mux), Logger: n.logger, Now: time.Now, Trusted: trusted, Draining: n.group.Draining(),
		Observer: n.requestObserver(), Tracer: n.tracer, Lines: httpx.Lines(n.config.Log.Requests),
		Fault: faultByDoor(oauth.ServeFault, management.ServeFault, provisioning.ServeFault, pages.ServeFault, proxied.ServeFault),
	}), nil
}

// faultByDoor answers a panic as the door of its path does. Clients of the
// management API know it under many paths, so all but the other doors are its.
func faultByDoor(oauth, management, provisioning, pages, proxied http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		switch first, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/"); first {
		case "oauth", "oauth2", ".well-known", strings.TrimPrefix(revocations.Path, "/"):
			oauth(w, r)
		case "scim":
			provisioning(w, r)
		case "console":
			pages(w, r)
		case strings.TrimPrefix(forwardauth.Path, "/"):
			proxied(w, r)
		default:
			management(w, r)
		}
	}
}

func (n *node) trustedProxies() (httpx.TrustedProxies, error) {
	proxies := make([]string, 0, len(n.config.Listen.TrustedProxies))
	for _, network := range n.config.Listen.TrustedProxies {
		proxies = append(proxies, network.String())
	}
	return httpx.ParseTrustedProxies(proxies)
}

func notFound(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusNotFound)
	_, _ = io.WriteString(w, `{"error":"not_found","error_description":"nothing is here; the endpoints are listed at `+authz.PathServer+`"}`)
}

// refuseMethod answers a method that a probe does not take; Allow is set.
func refuseMethod(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusMethodNotAllowed)
	_, _ = io.WriteString(w, `{"error":"method_not_allowed","error_description":"use GET"}`)
}

func (n *node) registerHealth(mux *http.ServeMux) {
	probe := func(handler http.Handler) http.Handler {
		return httpx.AllowMethods(handler, refuseMethod, http.MethodGet, http.MethodHead)
	}
	mux.Handle("/livez", probe(httpx.Livez()))
	mux.Handle("/readyz", probe(httpx.Readyz(
		httpx.Check{Name: "serving", Run: n.group.Ready},
		httpx.Check{Name: "store", Run: n.store.Ping},
		httpx.Check{Name: "directory", Run: func(ctx context.Context) error { _, err := n.directory.Snapshot(ctx); return err }},
		httpx.Check{Name: "keys", Run: func(context.Context) error { return n.ring.Ready(time.Now()) }},
		httpx.Check{Name: "audit", Run: func(context.Context) error { return n.sink.Ready() }},
	)))
}

// adminHandler is what the admin listener serves: health, metrics and profiles, to
// whoever reaches it, and to who has the master key a backup of an embedded store,
// links to the console and what doctor asks.
func (n *node) adminHandler() http.Handler {
	mux := http.NewServeMux()
	n.registerHealth(mux)
	if n.metrics != nil {
		mux.Handle("GET "+pathMetrics, n.metrics.Handler())
	}
	if embedded, ok := n.store.(*bolt.DB); ok {
		mux.Handle("GET "+pathBackup, &backupDoor{store: embedded, master: n.master, log: n.logger})
	}
	mux.HandleFunc("GET "+pathDoctor, n.serveDoctor)
	mux.HandleFunc("POST "+pathLink, n.serveLink)
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	return mux
}
