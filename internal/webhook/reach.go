package webhook

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"

	"github.com/cambio-sts/cambio/internal/egress"
)

// Reach reports whether a receiver could be sent to, and sends nothing: its secrets are
// some (ErrSecret), it may be called (egress.ErrForbidden), and it takes a connection, with a
// certificate of its own where that is https. No error repeats the URL.
func Reach(ctx context.Context, r *Receiver) error {
	text, err := r.Secrets()
	if err != nil {
		return err
	}
	if _, err := parseSecrets(text); err != nil {
		return err
	}
	to, err := url.Parse(r.URL)
	if err != nil {
		return errors.New("the URL is none")
	}
	port := to.Port()
	if port == "" {
		port = map[string]string{"https": "443", "http": "80"}[to.Scheme]
	}
	guard := &egress.Guard{Allowed: r.Allowed, Only: to.Scheme == "http"}
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
	if err := tls.Client(conn, &tls.Config{MinVersion: tls.VersionTLS12, ServerName: to.Hostname()}).HandshakeContext(ctx); err != nil {
		return fmt.Errorf("begin TLS: %w", err)
	}
	return nil
}
