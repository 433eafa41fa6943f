package login

import (
	"context"
	"crypto/subtle"
	"errors"
	"net/url"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/cambio-sts/cambio/internal/secret"
)

const (
	// clockSkew is how far the provider's clock may be ahead.
	clockSkew = 2 * time.Minute
	// maxIDToken bounds the ID token, in bytes.
	maxIDToken = 64 << 10
	// maxCode bounds the code, in bytes.
	maxCode = 8 << 10
)

// Person is who logged in, as the provider tells.
type Person struct {
	Issuer  string
	Subject string // with Issuer what the person is known by
	// Key is the value of the configured claim; never empty.
	Key         string
	Username    string   // preferred_username; this and the rest may be empty
	DisplayName string   // name
	Email       string   // never one that the provider says is not verified
	Groups      []string // as the groups claim has them, each once
	// IDToken is what LogoutURL takes to end this person's session at the provider.
	IDToken secret.Text
}

// Finish reads the answer of the provider to an attempt. Errors: ErrState,
// *RefusedError, ErrToken, ErrOverage, ErrProvider, fault.ErrUnavailable. Whatever it
// is, the attempt is used up.
func (p *Provider) Finish(ctx context.Context, attempt Attempt, query url.Values) (Person, error) {
	if err := checkState(attempt, query); err != nil {
		return Person{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, finishTimeout)
	defer cancel()
	known, err := p.discover(ctx)
	if err != nil {
		return Person{}, err
	}
	// RFC 9207 §2.4: before anything else of the answer, a refusal too, is believed.
	if query.Has("iss") && query.Get("iss") != p.config.Issuer {
		return Person{}, foreign("another provider answered")
	}
	if known.saysIssuer && !query.Has("iss") {
		return Person{}, foreign("the answer lacks the issuer")
	}
	if query.Has("error") {
		return Person{}, refused(query.Get("error"))
	}
	code := query.Get("code")
	if code == "" || len(code) > maxCode {
		return Person{}, invalid("the callback has no code, or one that is too long")
	}
	token, err := p.redeem(ctx, known, code, attempt.Verifier)
	if err != nil {
		return Person{}, err
	}
	return p.person(ctx, known, token, attempt.Nonce)
}

// checkState proves that the callback is the answer to the attempt.
func checkState(attempt Attempt, query url.Values) error {
	if attempt.State == "" || attempt.Nonce == "" || attempt.Verifier == "" {
		return foreign("no login is under way")
	}
	for _, name := range []string{"state", "code", "iss", "error"} {
		if len(query[name]) > 1 { // RFC 6749 §3.1
			return foreign(name + " is there twice")
		}
	}
	if subtle.ConstantTimeCompare([]byte(query.Get("state")), []byte(attempt.State)) != 1 {
		return foreign("the state is another")
	}
	return nil
}

// redeem exchanges the code at the token endpoint.
func (p *Provider) redeem(ctx context.Context, known *metadata, code, verifier string) (*oauth2.Token, error) {
	token, err := known.oauth.Exchange(oidc.ClientContext(ctx, p.client), code, oauth2.VerifierOption(verifier))
	if refusal, ok := errors.AsType[*oauth2.RetrieveError](err); ok {
		return nil, refused(refusal.ErrorCode)
	}
	if notReached(err) {
		return nil, unreachable(err)
	}
	if err != nil {
		return nil, because(ErrToken, err)
	}
	return token, nil
}

// notReached tells what went wrong under way from an answer that is wrong.
func notReached(err error) bool {
	_, underway := errors.AsType[*url.Error](err)
	return underway || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}

// person verifies the ID token and reads who it is about, with the help of the
// userinfo endpoint where the token tells less than is asked for.
func (p *Provider) person(ctx context.Context, known *metadata, token *oauth2.Token, nonce string) (Person, error) {
	raw, ok := token.Extra("id_token").(string)
	if !ok || raw == "" || len(raw) > maxIDToken {
		return Person{}, invalid("there is no ID token, or it is too long")
	}
	told, err := p.verify(ctx, known, raw, token.AccessToken, nonce)
	if err != nil {
		return Person{}, err
	}
	if err := p.complete(ctx, known, token, told); err != nil {
		return Person{}, err
	}
	person, err := told.person(p.config.Claim, p.config.GroupsClaim)
	person.Issuer, person.IDToken = p.config.Issuer, secret.New(raw)
	if err != nil {
		return Person{}, err
	}
	return person, nil
}

// verify checks the ID token (OpenID Connect Core 1.0 §3.1.3.7).
func (p *Provider) verify(ctx context.Context, known *metadata, raw, accessToken, nonce string) (claims, error) {
	keys := &keySet{KeySet: known.keys}
	verifier := oidc.NewVerifier(p.config.Issuer, keys, &oidc.Config{
		ClientID: p.config.ClientID, SupportedSigningAlgs: known.algorithms, Now: p.config.Now,
	})
	idToken, err := verifier.Verify(oidc.ClientContext(ctx, p.client), raw)
	if keys.unread != nil {
		return nil, unreachable(keys.unread)
	}
	if err != nil {
		return nil, because(ErrToken, err)
	}
	told, err := claimsOf(idToken.Claims)
	if err != nil {
		return nil, err
	}
	// Again by names that are exact: the library takes "SUB" for "sub".
	if err := told.check(p.config.Issuer, p.config.ClientID, nonce, p.config.Now()); err != nil {
		return nil, err
	}
	if told.has("at_hash") {
		if err := idToken.VerifyAccessToken(accessToken); err != nil {
			return nil, because(ErrToken, err)
		}
	}
	return told, nil
}

// keySet remembers that the keys could not be read, which the verifier does not tell
// from a signature that is wrong.
type keySet struct {
	oidc.KeySet

	unread error
}

// VerifySignature implements oidc.KeySet. The only error of the remote key set that
// wraps another is that of reading the keys.
func (k *keySet) VerifySignature(ctx context.Context, jwt string) ([]byte, error) {
	payload, err := k.KeySet.VerifySignature(ctx, jwt)
	if err != nil {
		k.unread = errors.Unwrap(err)
	}
	return payload, err
}

// complete takes what the ID token lacks from the userinfo endpoint (OpenID Connect
// Core 1.0 §5.3), if there is one. That it fails matters only for what is needed.
func (p *Provider) complete(ctx context.Context, known *metadata, token *oauth2.Token, told claims) error {
	needed := !told.has(p.config.Claim) || p.config.GroupsClaim != "" && !told.has(p.config.GroupsClaim)
	complete := !needed && told.has(claimUsername) && told.has(claimName) && told.has(claimEmail)
	if complete || known.provider.UserInfoEndpoint() == "" {
		return nil
	}
	info, err := known.provider.UserInfo(oidc.ClientContext(ctx, p.client), oauth2.StaticTokenSource(token))
	switch {
	case err != nil && !needed:
		return nil
	case notReached(err):
		return unreachable(err)
	case err != nil:
		return because(ErrToken, err)
	}
	more, err := claimsOf(info.Claims)
	if err != nil {
		return err
	}
	return told.add(more)
}
