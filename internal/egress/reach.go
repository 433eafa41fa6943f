package egress

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
)

// Reach reports whether a URL could be called, and sends nothing: its address may be called
// (ErrForbidden) and takes a connection, with a certificate of its own where that is
// https. roots sign that; nil: those of the system. Only is set for a URL of http. No error
// repeats the URL.
func (g *Guard) Reach(ctx context.Context, text string, roots *x509.CertPool) error {
	to, err := url.Parse(text)
	if err != nil {
		return errors.New("the URL is none")
	}
	port := to.Port()
	if port == "" {
		port = map[string]string{"https": "443", "http": "80"}[to.Scheme]
	}
	guard := &Guard{Allowed: g.Allowed, Only: to.Scheme == "http"}
	if addr, err := netip.ParseAddr(to.Hostname()); err == nil {
		if err := guard.Check(addr); err != nil {
			return err
		}
	}
	conn, err := guard.Transport().DialContext(ctx, "tcp", net.JoinHostPort(to.Hostname(), port))
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer func() { _ = conn.Close() }()
	if to.Scheme != "https" {
		return nil
	}
	if err := tls.Client(conn, &tls.Config{MinVersion: tls.VersionTLS12, ServerName: to.Hostname(), RootCAs: roots}).HandshakeContext(ctx); err != nil {
		return fmt.Errorf("begin TLS: %w", err)
	}
	return nil
}
