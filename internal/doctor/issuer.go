package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/cambio-sts/cambio/keys"
)

// renewal is how long before its end a certificate should have been renewed.
const renewal = 14 * 24 * time.Hour

func checkTLS(_ context.Context, p *patient) outcome {
	if p.settings == nil {
		return skip(noConfig)
	}
	listen := p.settings.Listen
	if !listen.TLS() {
		return skip("the listener has none")
	}
	host := p.issuerHost()
	place := Fix{
		Text:  "the server reads it anew when the file changes",
		Place: &Place{File: listen.TLSCert, What: "the certificate chain, for " + host + ", of the key in " + listen.TLSKey},
	}
	text, err := os.ReadFile(listen.TLSCert)
	if err != nil {
		return seen(listen.TLSCert, fail(err.Error(), place))
	}
	key, err := os.ReadFile(listen.TLSKey)
	if err != nil {
		return seen(listen.TLSKey, fail(err.Error(), say("let the user that runs cambio read the key")))
	}
	pair, err := tls.X509KeyPair(text, key)
	if err != nil {
		return seen(listen.TLSCert, fail(strings.TrimPrefix(err.Error(), "tls: "), place))
	}
	leaf := pair.Leaf
	now := p.Now()
	looked := fmt.Sprintf("%s, until %s", listen.TLSCert, leaf.NotAfter.UTC().Format(time.RFC3339))
	switch {
	case now.Before(leaf.NotBefore):
		return seen(looked, fail("the certificate is not valid yet", place))
	case now.After(leaf.NotAfter):
		return seen(looked, fail("the certificate has expired", place))
	}
	var findings []Finding
	if err := leaf.VerifyHostname(host); err != nil {
		found := fail
		if len(listen.TrustedProxies) > 0 {
			found = warn // they may know it by another name
		}
		findings = append(findings, found("the certificate is not for the host of the issuer, "+host, place))
	} else if err := p.chain(&pair, now); err != nil {
		findings = append(findings, warn("clients that trust the authorities of this machine refuse it: "+err.Error(),
			Fix{Text: place.Text + "; the file needs the intermediate certificates too. If its authority is your own, name that with --ca-file", Place: place.Place}))
	}
	if left := leaf.NotAfter.Sub(now); left < renewal {
		findings = append(findings, warn("the certificate expires in "+days(left), place))
	}
	return seen(looked, findings...)
}

// chain verifies the certificate as a client does.
func (p *patient) chain(pair *tls.Certificate, now time.Time) error {
	roots, err := p.pool()
	if err != nil {
		return err
	}
	between := x509.NewCertPool()
	for _, der := range pair.Certificate[1:] {
		certificate, err := x509.ParseCertificate(der)
		if err != nil {
			return err
		}
		between.AddCert(certificate)
	}
	_, err = pair.Leaf.Verify(x509.VerifyOptions{Roots: roots, Intermediates: between, CurrentTime: now})
	return err
}

func (p *patient) issuerHost() string {
	u, err := url.Parse(p.settings.Issuer)
	if err != nil {
		return ""
	}
	return u.Hostname()
}

func (p *patient) newClient() (*http.Client, error) {
	pool, err := p.pool()
	if err != nil {
		return nil, err
	}
	return &http.Client{
		Transport:     &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: pool}, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}, nil
}

// issued is what is found at the issuer.
type issued struct {
	Issuer  string `json:"issuer"`
	JWKSURI string `json:"jwks_uri"`

	err error
}

const metadataPath = "/.well-known/oauth-authorization-server" // RFC 8414 §3

func (p *patient) discover(ctx context.Context) issued {
	var out issued
	if err := p.fetch(ctx, p.settings.Issuer+metadataPath, &out); err != nil {
		out.err = err
	}
	return out
}

// fetch reads a JSON document as a client does, which follows no redirect.
func (p *patient) fetch(ctx context.Context, from string, into any) error {
	client, err := p.client()
	if err != nil {
		return err
	}
	status, body, err := get(ctx, client, from)
	if err != nil {
		if wrong, ok := errors.AsType[*url.Error](err); ok {
			err = wrong.Err
		}
		return err
	}
	if status != http.StatusOK {
		return fmt.Errorf("it answers %d", status)
	}
	if err := json.Unmarshal(body, into); err != nil {
		return errors.New("the answer is no such document")
	}
	return nil
}

func checkIssuer(_ context.Context, p *patient) outcome {
	if p.settings == nil {
		return skip(noConfig)
	}
	found := p.issued()
	looked := p.settings.Issuer + metadataPath
	switch {
	case found.err != nil && !p.alive():
		return skip("no server of this configuration runs here, and the issuer cannot be read: %v", found.err)
	case found.err != nil:
		return seen(looked, fail("a server runs here, and clients cannot read it at the issuer: "+found.err.Error(),
			say("let the name of the issuer lead to the server, or to the proxy before it; a private authority is named with --ca-file")))
	case found.Issuer != p.settings.Issuer:
		return seen(looked, fail(fmt.Sprintf("the server there says that its issuer is %q: every client refuses it", found.Issuer),
			p.copied("restart the server if issuer was changed since it started; else write what it is", "issuer", found.Issuer)))
	case found.JWKSURI == "":
		return seen(looked, fail("the document names no jwks_uri", say("see which server answers there")))
	}
	return seen(looked)
}

func checkIssuerKeys(ctx context.Context, p *patient) outcome {
	// settled is how old a change of the ring is that each server knows of.
	const settled = time.Minute
	if p.settings == nil {
		return skip(noConfig)
	}
	found, ring := p.issued(), p.ring()
	switch {
	case found.err != nil || found.Issuer != p.settings.Issuer || found.JWKSURI == "":
		return skip("needs the metadata, see issuer")
	case ring.err != nil:
		return skip("needs the key ring, see key-ring")
	}
	var published struct {
		Keys []struct {
			KID string `json:"kid"`
		} `json:"keys"`
	}
	if err := p.fetch(ctx, found.JWKSURI, &published); err != nil {
		return seen(found.JWKSURI, fail("clients cannot read it: "+err.Error(), say("let it be reached as the metadata is")))
	}
	there := map[string]bool{}
	for _, key := range published.Keys {
		there[key.KID] = true
	}
	looked := fmt.Sprintf("%s has %d keys", found.JWKSURI, len(there))
	var findings []Finding
	old := p.Now().Add(-settled)
	restart := say("wait for copies to expire (keys.jwksMaxAge); then see whether the server there uses this store, and whether a cache is before it")
	for i := range ring.keys {
		key := &ring.keys[i]
		published := slices.Contains([]keys.State{keys.Published, keys.Active, keys.Retiring}, key.State)
		switch {
		case published && !there[key.KID] && key.Created.Before(old):
			findings = append(findings, fail("the key "+key.KID+" of the store is not published: what it signs is refused", restart))
		case key.State == keys.Revoked && there[key.KID] && key.RevokedAt.Before(old):
			findings = append(findings, fail("the key "+key.KID+" was revoked and is still published", restart))
		}
		delete(there, key.KID)
	}
	if len(there) > 0 {
		findings = append(findings, warn(fmt.Sprintf("%d published keys are none of this store's", len(there)), say("see whether another server answers at the issuer")))
	}
	return seen(looked, findings...)
}

func checkLogin(ctx context.Context, p *patient) outcome {
	if p.settings == nil {
		return skip(noConfig)
	}
	if !p.settings.Login.Enabled() {
		return skip("nobody logs in by a provider")
	}
	var found struct {
		Issuer        string `json:"issuer"`
		Authorization string `json:"authorization_endpoint"`
		Token         string `json:"token_endpoint"`
		JWKSURI       string `json:"jwks_uri"`
	}
	issuer := p.settings.Login.Issuer
	looked := strings.TrimSuffix(issuer, "/") + "/.well-known/openid-configuration" // OpenID Connect Discovery 1.0 §4
	if err := p.fetch(ctx, looked, &found); err != nil {
		return seen(looked, fail("the provider cannot be asked: "+err.Error(), say("mend login.issuer, or let this machine reach it")))
	}
	switch {
	case found.Issuer != issuer:
		return seen(looked, fail(fmt.Sprintf("the provider says that its issuer is %q: no login is accepted", found.Issuer), p.copied("write it byte for byte", "login.issuer", found.Issuer)))
	case found.Authorization == "" || found.Token == "" || found.JWKSURI == "":
		return seen(looked, fail("the document lacks an endpoint", say("see whether login.issuer is an OpenID provider")))
	}
	return seen(looked)
}

// networksOf are the addresses of a host as networks of one.
func networksOf(addrs []netip.Addr) []string {
	var out []string
	for _, addr := range addrs {
		addr = addr.Unmap()
		out = append(out, netip.PrefixFrom(addr, addr.BitLen()).String())
	}
	slices.Sort(out)
	return slices.Compact(out)
}
