package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"
)

// probeTimeout bounds one look at an address of this machine.
const probeTimeout = 2 * time.Second

// mostBody is how much of an answer is read, in bytes.
const mostBody = 1 << 20

// dialable is a listen address as something to connect to.
func dialable(addr string) string {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return addr
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}

// probe asks a listener of this machine, whose certificate may be for another name.
func probe(ctx context.Context, addr, path string, secure bool) (status int, body []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	scheme := "http"
	if secure {
		scheme = "https"
	}
	client := &http.Client{
		Transport: &http.Transport{
			TLSClientConfig:   &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: true}, //nolint:gosec // nothing secret is sent; checkTLS looks at the certificate
			DisableKeepAlives: true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return get(ctx, client, scheme+"://"+dialable(addr)+path)
}

func get(ctx context.Context, client *http.Client, url string) (status int, body []byte, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return 0, nil, err
	}
	response, err := client.Do(request)
	if err != nil {
		return 0, nil, err
	}
	body, err = io.ReadAll(io.LimitReader(response.Body, mostBody))
	return response.StatusCode, body, errors.Join(err, response.Body.Close())
}

// isCambio reports whether a Cambio answers at one of our addresses.
func (p *patient) isCambio(ctx context.Context, addr string, secure bool) bool {
	_, body, err := probe(ctx, addr, "/livez", secure)
	var health struct {
		Status string `json:"status"`
	}
	return err == nil && json.Unmarshal(body, &health) == nil && health.Status == "alive"
}

// answers reports whether a server of this configuration runs here.
func (p *patient) answers(ctx context.Context) bool {
	listen := p.settings.Listen
	return p.isCambio(ctx, listen.Addr, listen.TLS()) || listen.AdminAddr != "" && p.isCambio(ctx, listen.AdminAddr, false)
}

func checkListen(ctx context.Context, p *patient) outcome {
	if p.settings == nil {
		return skip(noConfig)
	}
	listen := p.settings.Listen
	var findings []Finding
	var looked []string
	for _, one := range []struct {
		key, addr string
		secure    bool
	}{{"listen.addr", listen.Addr, listen.TLS()}, {"listen.adminAddr", listen.AdminAddr, false}} {
		if one.addr == "" {
			continue
		}
		state, err := tryListen(ctx, one.addr)
		switch {
		case err == nil:
		case errors.Is(err, syscall.EADDRINUSE) && p.isCambio(ctx, one.addr, one.secure):
			state = "served by a Cambio"
		case errors.Is(err, syscall.EADDRINUSE):
			state = "taken"
			findings = append(findings, fail(one.key+": another program listens at "+one.addr, p.set("end that program, or take another address", one.key, freeAddr(ctx, one.addr))))
		default:
			state = "not possible"
			findings = append(findings, fail(fmt.Sprintf("%s: %v", one.key, err), p.set("take an address of this machine and a port that this user may use", one.key, freeAddr(ctx, "127.0.0.1:0"))))
		}
		looked = append(looked, one.addr+" "+state)
	}
	return seen(strings.Join(looked, ", "), findings...)
}

// tryListen listens for a moment.
func tryListen(ctx context.Context, addr string) (string, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", addr)
	if err != nil {
		return "", err
	}
	return "free", listener.Close()
}

// freeAddr is addr with a port that is free.
func freeAddr(ctx context.Context, addr string) string {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return addr
	}
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		return addr
	}
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	_ = listener.Close()
	return net.JoinHostPort(host, port)
}

func isLoopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return false
	}
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

func checkAdmin(_ context.Context, p *patient) outcome {
	if p.settings == nil {
		return skip(noConfig)
	}
	addr := p.settings.Listen.AdminAddr
	if addr == "" {
		return skip("there is none")
	}
	if isLoopback(addr) {
		return seen(addr)
	}
	_, port, _ := net.SplitHostPort(addr)
	return seen(addr, warn("others reach it, and it asks for no credential", p.set("listen on loopback, or see to it that the network is closed", "listen.adminAddr", net.JoinHostPort("127.0.0.1", port))))
}

func checkProxies(_ context.Context, p *patient) outcome {
	if p.settings == nil {
		return skip(noConfig)
	}
	listen := p.settings.Listen
	var names []string
	believes := false
	var findings []Finding
	for _, network := range listen.TrustedProxies {
		names = append(names, network.String())
		believes = believes || network.Contains(netip.MustParseAddr("127.0.0.1")) || network.Contains(netip.MustParseAddr("::1"))
	}
	looked := fmt.Sprintf("%d networks", len(names))
	if isLoopback(listen.Addr) && !listen.TLS() && strings.HasPrefix(p.settings.Issuer, "https://") && !believes {
		findings = append(findings, warn("the proxy that ends TLS for the issuer is on this machine and is not believed: all clients have its address, and share its limits",
			p.set("trust it", "listen.trustedProxies", append(slices.Clone(names), "127.0.0.1/32", "::1/128"))))
	}
	for _, network := range listen.TrustedProxies {
		if addr := network.Addr(); network.Bits() < 8 || addr.Is6() && network.Bits() < 16 {
			findings = append(findings, warn(network.String()+" is a great part of the internet, of which anybody may say who the client is", say("name the networks of your proxies in listen.trustedProxies")))
		}
	}
	return seen(looked, findings...)
}

func checkServer(ctx context.Context, p *patient) outcome {
	if p.settings == nil {
		return skip(noConfig)
	}
	if !p.alive() {
		return skip("none of this configuration runs here")
	}
	listen := p.settings.Listen
	status, body, err := probe(ctx, listen.Addr, "/readyz", listen.TLS())
	if err != nil && listen.AdminAddr != "" {
		status, body, err = probe(ctx, listen.AdminAddr, "/readyz", false)
	}
	var health struct {
		Failing []string `json:"failing"`
	}
	if err != nil || json.Unmarshal(body, &health) != nil {
		return seen("/readyz", fail("it does not answer as it should", say("see its log")))
	}
	looked := fmt.Sprintf("/readyz says %d", status)
	if status != http.StatusOK {
		return seen(looked, fail("it is not ready: "+strings.Join(health.Failing, ", "), say("see the other checks, and check_… in its log")))
	}
	return seen(looked)
}

// pool are the certificate authorities that clients of this deployment trust.
func (p *patient) pool() (*x509.CertPool, error) {
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if p.CAFile == "" {
		return pool, nil
	}
	text, err := os.ReadFile(p.CAFile)
	if err != nil {
		return nil, err
	}
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s: no certificate in PEM form", p.CAFile)
	}
	return pool, nil
}
