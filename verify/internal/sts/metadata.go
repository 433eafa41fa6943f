package sts

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// wellKnown is inserted between host and path of an issuer (RFC 8414 §3.1).
const wellKnown = "/.well-known/oauth-authorization-server"

// ErrIssuer says that a text is no issuer identifier (RFC 8414 §2).
var ErrIssuer = errors.New("an issuer is an https URL without query and fragment; http is taken on loopback only")

// Metadata is what the SDK uses of an authorization server's description.
type Metadata struct {
	Issuer         string `json:"issuer"`
	JWKSURI        string `json:"jwks_uri"`
	TokenEndpoint  string `json:"token_endpoint"`  // may be empty
	RevocationsURI string `json:"revocations_uri"` // Cambio's own; may be empty
}

// metadataURL returns where the description of issuer is.
func metadataURL(issuer string) (string, error) {
	parsed, err := url.Parse(issuer)
	if err != nil || parsed.Host == "" || parsed.User != nil || strings.ContainsAny(issuer, "?#") || !private(parsed) {
		return "", fmt.Errorf("%w, not %q", ErrIssuer, issuer)
	}
	return parsed.Scheme + "://" + parsed.Host + wellKnown + strings.TrimSuffix(parsed.EscapedPath(), "/"), nil
}

// private reports whether nobody on the way can change what comes from an
// address.
func private(address *url.URL) bool {
	switch host := address.Hostname(); address.Scheme {
	case "https":
		return true
	case "http":
		ip := net.ParseIP(host)
		return host == "localhost" || ip != nil && ip.IsLoopback()
	default:
		return false
	}
}

func checkEndpoint(name, address string) error {
	parsed, err := url.Parse(address)
	if err != nil || parsed.Host == "" || parsed.Fragment != "" || !private(parsed) {
		return fmt.Errorf("%w: %s is no https URL", ErrUnavailable, name)
	}
	return nil
}

// Discover fetches the description of issuer (RFC 8414 §3). It must name the
// issuer byte for byte (§3.3). It fails with ErrIssuer or ErrUnavailable.
func (c *Client) Discover(ctx context.Context, issuer string) (Metadata, error) {
	address, err := metadataURL(issuer)
	if err != nil {
		return Metadata{}, err
	}
	got, err := c.get(ctx, address)
	if err != nil {
		return Metadata{}, err
	}
	body, err := got.found(address)
	if err != nil {
		return Metadata{}, err
	}
	var found Metadata
	if err := json.Unmarshal(body, &found); err != nil {
		return Metadata{}, fmt.Errorf("%w: %s is not JSON: %w", ErrUnavailable, address, err)
	}
	if found.Issuer != issuer {
		return Metadata{}, fmt.Errorf("%w: %s is of the issuer %q, not of %q", ErrUnavailable, address, found.Issuer, issuer)
	}
	if err := checkEndpoint("jwks_uri", found.JWKSURI); err != nil {
		return Metadata{}, err
	}
	if found.TokenEndpoint != "" {
		err = checkEndpoint("token_endpoint", found.TokenEndpoint)
	}
	if found.RevocationsURI != "" && err == nil {
		err = checkEndpoint("revocations_uri", found.RevocationsURI)
	}
	return found, err
}

// Keys fetches a JWK Set (RFC 7517 §5) and tells for how long it may be kept:
// the max-age of its Cache-Control (RFC 9111 §5.2.2.1) less its Age, zero if
// there is none. It fails with ErrUnavailable.
func (c *Client) Keys(ctx context.Context, address string) (body []byte, maxAge time.Duration, err error) {
	got, err := c.get(ctx, address)
	if err != nil {
		return nil, 0, err
	}
	if body, err = got.found(address); err != nil {
		return nil, 0, err
	}
	age := seconds(got.header.Get("Age"))
	for directive := range strings.SplitSeq(strings.Join(got.header.Values("Cache-Control"), ","), ",") {
		if value, ok := strings.CutPrefix(strings.ToLower(strings.TrimSpace(directive)), "max-age="); ok {
			maxAge = max(0, seconds(strings.Trim(value, `"`))-age)
		}
	}
	return body, maxAge, nil
}

// seconds reads delta-seconds (RFC 9111 §1.2.2); what is none is zero.
func seconds(text string) time.Duration {
	count, err := strconv.ParseUint(text, 10, 31)
	if err != nil {
		return 0
	}
	return time.Duration(count) * time.Second
}
