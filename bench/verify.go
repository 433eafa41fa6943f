package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"

	"github.com/golang-jwt/jwt/v5"
)

// verifier checks what a server answered by the keys that it publishes.
type verifier struct {
	server *server
	keys   map[string]*ecdsa.PublicKey // by kid
	seen   map[string]bool             // ids of JWTs
}

func newVerifier(ctx context.Context, s *server) (*verifier, error) {
	answer, err := s.keys(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = answer.Body.Close() }()
	var set struct {
		Keys []struct{ Kid, X, Y string }
	}
	if err := json.NewDecoder(answer.Body).Decode(&set); err != nil {
		return nil, fmt.Errorf("keys of %s: %w", s.name, err)
	}
	v := &verifier{server: s, keys: map[string]*ecdsa.PublicKey{}, seen: map[string]bool{}}
	for _, key := range set.Keys {
		x, err := base64.RawURLEncoding.DecodeString(key.X)
		y, err2 := base64.RawURLEncoding.DecodeString(key.Y)
		if err := errors.Join(err, err2); err != nil {
			return nil, fmt.Errorf("key %s: %w", key.Kid, err)
		}
		if v.keys[key.Kid], err = ecdsa.ParseUncompressedPublicKey(elliptic.P256(), slices.Concat([]byte{4}, x, y)); err != nil {
			return nil, fmt.Errorf("key %s: %w", key.Kid, err)
		}
	}
	return v, nil
}

// keys asks the server for its keys.
func (s *server) keys(ctx context.Context) (*http.Response, error) {
	const path = "/.well-known/jwks.json"
	if s.tls == nil {
		return get(ctx, "http://"+s.addr+path)
	}
	trusts := &tls.Config{RootCAs: s.tls.RootCAs, MinVersion: s.tls.MinVersion}
	return getBy(ctx, &http.Client{Transport: &http.Transport{TLSClientConfig: trusts}, Timeout: readyTimeout}, "https://"+s.addr+path)
}

// shape is which members an answer has, the header of its JWT, and its claims.
type shape struct{ answer, header, claims []string }

func (s shape) equal(other shape) bool {
	return slices.Equal(s.answer, other.answer) && slices.Equal(s.header, other.header) && slices.Equal(s.claims, other.claims)
}

// check verifies an answer's JWT (RFC 9068 §4) and returns the shape of both.
func (v *verifier) check(body []byte) (shape, error) {
	var answer map[string]any
	if err := json.Unmarshal(body, &answer); err != nil {
		return shape{}, fmt.Errorf("answer of %s: %w", v.server.name, err)
	}
	text, _ := answer["access_token"].(string)
	claims := jwt.MapClaims{}
	token, err := jwt.ParseWithClaims(text, claims, v.key, jwt.WithValidMethods([]string{"ES256"}), jwt.WithExpirationRequired(), jwt.WithIssuedAt(),
		jwt.WithIssuer(v.server.issuer))
	if err != nil {
		return shape{}, fmt.Errorf("token of %s: %w", v.server.name, err)
	}
	if token.Header["typ"] != "at+jwt" {
		return shape{}, fmt.Errorf("token of %s: typ is %v", v.server.name, token.Header["typ"])
	}
	id, _ := claims["jti"].(string)
	if len(id) < 32 || v.seen[id] {
		return shape{}, fmt.Errorf("token of %s: jti %q is short, or was there before", v.server.name, id)
	}
	v.seen[id] = true
	return shape{slices.Sorted(maps.Keys(answer)), slices.Sorted(maps.Keys(token.Header)), slices.Sorted(maps.Keys(claims))}, nil
}

func (v *verifier) key(token *jwt.Token) (any, error) {
	kid, _ := token.Header["kid"].(string)
	if key := v.keys[kid]; key != nil {
		return key, nil
	}
	return nil, fmt.Errorf("no key %q", kid)
}

// checkAll verifies the first and the last answer that each connection had in
// its latest turn. All have the same shape, which is returned.
func (v *verifier) checkAll(l *load) (shape, error) {
	var first shape
	for _, conn := range l.conns {
		for _, body := range [][]byte{conn.first, conn.last} {
			if len(conn.latencies) == 1 && &body[0] == &conn.last[0] {
				continue // it is the first
			}
			found, err := v.check(body)
			if err != nil {
				return shape{}, err
			}
			if first.answer != nil && !found.equal(first) {
				return shape{}, fmt.Errorf("answers of %s differ: %v and %v", v.server.name, first, found)
			}
			first = found
		}
	}
	return first, nil
}
