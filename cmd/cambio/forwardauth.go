package main

import (
	"net/netip"
	"strings"
	"time"

	"github.com/cambio-sts/cambio/forwardauth"
)

// forwardAuth is the door for reverse proxies. They are asked for each request of theirs,
// so it counts failures, as every door does, and not requests.
func (n *node) forwardAuth() (*forwardauth.Door, error) {
	trusted, err := n.trustedProxies()
	if err != nil {
		return nil, err
	}
	routes := make([]forwardauth.Route, 0, len(n.config.ForwardAuth.Routes))
	for i := range n.config.ForwardAuth.Routes {
		from := &n.config.ForwardAuth.Routes[i]
		routes = append(routes, forwardauth.Route{Host: from.Host, Path: from.Path, Audience: from.Audience, Scope: strings.Join(from.Scope, " ")})
	}
	return forwardauth.New(forwardauth.Config{
		Exchanger: n.exchanger, Routes: routes,
		Trusted: func(peer netip.Addr) bool { return n.dev && peer.IsLoopback() || trusted.Contain(peer) },
		Now:     time.Now, Logger: n.logger,
	})
}
