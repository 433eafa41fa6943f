package exchange

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/fault"
	"github.com/cambio-sts/cambio/keys"
	"github.com/cambio-sts/cambio/pat"
)

// Introspection is what there is to tell of a token (RFC 7662 §2.2). The zero
// value is an inactive one, of which nothing is told.
type Introspection struct {
	Active bool
	// Own says, also of an inactive token, that it is the caller's PAT or a JWT
	// that was minted from it.
	Own bool
	// Claims of a JWT; nil for a PAT.
	Claims *keys.Claims
	// Token is the PAT itself, or the one behind the JWT.
	Token    pat.Record
	Owner    directory.Identity
	Subject  string // the JWT's sub, or what that of the PAT's JWTs would be; empty if the owner lacks it
	Scope    string
	Audience []string
	Expiry   time.Time // zero: never
}

// Introspect tells whether a token is active, to a caller who may know:
// one that holds cambio:introspect in the token's organization, or the PAT itself of itself and its
// JWTs. Whatever is not active, or not the caller's to know, is inactive alike. The
// network rule of a PAT counts only if the caller names the client's address.
// fault.ErrUnavailable when it cannot be told.
func (e *Exchanger) Introspect(ctx context.Context, caller *Principal, token Credential, clientIP string, origin audit.Origin) (Introspection, error) {
	ctx, use := e.observe(ctx, useIntrospect)
	var found Introspection
	var err error
	if e.Tokens.Format().LooksLike(token.text.Reveal()) {
		found, err = e.introspectPAT(ctx, token, clientIP, origin)
	} else {
		found, err = e.introspectJWT(ctx, token)
	}
	err = use.end(err)
	found.Own = found.Token.ID == caller.Token.ID
	switch {
	case errors.Is(err, fault.ErrUnavailable):
		return Introspection{}, err
	case err == nil && (found.Own || mayIntrospect(caller, &found.Token)):
		return found, nil
	default:
		return Introspection{Own: found.Own}, nil
	}
}

func mayIntrospect(caller *Principal, token *pat.Record) bool {
	return caller.May(directory.Introspect) && caller.Identity.Organization == token.Organization
}

func (e *Exchanger) introspectPAT(ctx context.Context, token Credential, clientIP string, origin audit.Origin) (Introspection, error) {
	p, err := e.use(ctx, token, nil, origin)
	if err != nil {
		return Introspection{}, err
	}
	err = permitRole(p)
	if err == nil && clientIP != "" {
		client, _ := netip.ParseAddr(clientIP) // an address that cannot be read lies in no network
		err = e.permit(p, client)
	}
	if err != nil {
		return Introspection{}, e.refuse(err, p, origin)
	}
	subject, _ := e.subject(&p.Owner)                      // an owner without one has no JWTs, yet the PAT is in order
	_ = e.Tokens.Touch(ctx, &p.Use, pat.Presented, origin) // telling does not fail for the time it was last seen
	event := p.event(audit.TokenUsed, origin)
	event.Reason = "introspection"
	if err := e.Audit.Record(event); err != nil {
		return Introspection{}, fmt.Errorf("record use: %w", notNow(err))
	}
	return Introspection{
		Active: true, Token: p.Record, Owner: p.Owner, Subject: subject, Scope: strings.Join(p.Record.Scope, " "),
		Audience: p.Record.Audience, Expiry: pat.EffectiveExpiration(&p.Record, p.policy),
	}, nil
}

func (e *Exchanger) introspectJWT(ctx context.Context, token Credential) (Introspection, error) {
	p, claims, err := e.liveJWT(ctx, token.text.Reveal(), nil)
	if err != nil {
		return Introspection{Token: pat.Record{ID: pat.ID(claims.PATID)}}, err
	}
	return Introspection{
		Active: true, Claims: claims, Token: p.Record, Owner: p.Owner, Subject: claims.Subject, Scope: claims.Scope, Audience: claims.Audience, Expiry: claims.Expiry,
	}, nil
}
