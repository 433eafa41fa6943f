package exchange

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/id"
	"github.com/cambio-sts/cambio/keys"
	"github.com/cambio-sts/cambio/pat"
)

// Principal is who acts at a door, and what they may do there: what their
// owner may do, and what the token or JWT they act by covers.
type Principal struct {
	Identity directory.Identity
	Access   directory.Access
	Policy   *directory.Policy // of the identity's organization; must not be changed
	Token    pat.Record        // the PAT presented, or the one behind the JWT
	Scope    []string          // of the PAT, or of the JWT
	JWT      *keys.Claims      // nil if the PAT itself was presented
	// OldSecret says that the PAT was presented by the secret before its last rotation,
	// within the grace period.
	OldSecret bool
}

// Acting is the token by means of which a principal acts at the management API, as far
// as they may pass it on: by a JWT that was asked for less than its PAT holds they pass
// on no more than that. Nil for who acts by no token.
func (r *Services) Acting(p *Principal) *pat.Record {
	if p.Token.ID == "" {
		return nil
	}
	acting := p.Token
	if p.JWT != nil && !r.whole(p) {
		acting.Scope = p.Scope
	}
	return &acting
}

// whole reports whether a JWT holds all that its PAT is exchanged for if nothing less
// is asked for.
func (r *Services) whole(p *Principal) bool {
	all, err := decideScope(nil, false, false, p.Token.Scope, []*Service{r.byAudience[r.management]}, &p.Access)
	return err == nil && !slices.ContainsFunc(all, func(scope string) bool { return !slices.Contains(p.Scope, scope) })
}

// May reports whether the principal has a right and acts by a token that
// covers it.
func (p *Principal) May(right directory.Right) bool {
	return p.Covers(right) && p.Access.HasRight(right)
}

// Covers reports whether the token that the principal acts by covers a right,
// whoever holds it.
func (p *Principal) Covers(right directory.Right) bool { return pat.Covers(p.Scope, string(right)) }

// Authenticate runs the checks of a PAT that is presented to act with, at the
// service named by audience: 1 to 9, without a JWT. An empty audience is the
// authorization server itself, for which every token is meant. Errors:
// ErrUnproved, *ThrottledError, *DeniedError, fault.ErrUnavailable.
func (e *Exchanger) Authenticate(ctx context.Context, credential Credential, audience string, origin audit.Origin) (*Principal, error) {
	ctx, use := e.observe(ctx, useAuthenticate)
	principal, err := e.authenticate(ctx, credential, audience, origin)
	return principal, use.end(err)
}

func (e *Exchanger) authenticate(ctx context.Context, credential Credential, audience string, origin audit.Origin) (*Principal, error) {
	p, err := e.prove(ctx, credential, origin)
	if err != nil {
		return nil, err
	}
	var audiences []string
	if audience != "" {
		audiences = []string{audience}
	}
	if err := permitAudience(&p.Record, audiences); err != nil {
		return nil, e.refuse(err, p, origin)
	}
	_ = e.Tokens.Touch(ctx, &p.Use, pat.Presented, origin) // a use never fails for the time it was last seen
	event := p.event(audit.TokenUsed, origin)
	event.Audience = audiences
	_ = e.Audit.Record(event) // nothing is minted, and a change that follows commits with its own event
	return p.principal(p.Record.Scope, nil), nil
}

func (p *presented) principal(scope []string, claims *keys.Claims) *Principal {
	return &Principal{
		Identity: p.Owner, Access: p.access, Policy: p.policy, Token: p.Record, Scope: scope, JWT: claims, OldSecret: p.OldSecret,
	}
}

// AuthenticateJWT verifies a JWT of this issuer for one of the audiences (nil:
// any), then the PAT behind it and its owner, as of now. Errors:
// keys.ErrExpired, keys.ErrInvalid, *DeniedError, fault.ErrUnavailable.
func (e *Exchanger) AuthenticateJWT(ctx context.Context, token string, audiences []string, origin audit.Origin) (*Principal, error) {
	ctx, use := e.observe(ctx, useAccessToken)
	principal, err := e.authenticateJWT(ctx, token, audiences, origin)
	return principal, use.end(err)
}

func (e *Exchanger) authenticateJWT(ctx context.Context, token string, audiences []string, origin audit.Origin) (*Principal, error) {
	p, claims, err := e.liveJWT(ctx, token, audiences)
	if err == nil {
		peer, _ := netip.ParseAddr(origin.IP) // an address that cannot be read lies in no network
		err = e.permit(p, peer)
	}
	if err == nil {
		err = permitAudience(&p.Record, claims.Audience)
	}
	if err != nil {
		return nil, e.refuseJWT(err, p, origin)
	}
	// What the PAT has lost since, its JWT has lost too; and one that another
	// service holds as well gives no right here.
	shared := len(claims.Audience) > 1
	scope := slices.DeleteFunc(strings.Fields(claims.Scope), func(scope string) bool {
		return !pat.Covers(p.Record.Scope, scope) || shared && pat.ReservedScope(scope)
	})
	event := p.event(audit.TokenUsed, origin)
	event.Audience, event.Scope, event.JTI, event.Reason = claims.Audience, claims.Scope, claims.ID, reasonJWT
	_ = e.Audit.Record(event) // as in Authenticate
	return p.principal(scope, claims), nil
}

// reasonJWT tells in the audit trail that a JWT was presented, not its PAT.
const reasonJWT = "access_token"

// permitAudience refuses an audience that the token is not meant for, by now.
func permitAudience(record *pat.Record, audiences []string) error {
	for _, audience := range audiences {
		if len(record.Audience) > 0 && !slices.Contains(record.Audience, audience) {
			return &DeniedError{Cause: CauseAudience, Description: "the token is not meant for this service"}
		}
	}
	return nil
}

// refuseJWT records the refusal of a JWT. Who only sends ones that are not ours
// is recorded as far as the throttle lets it, so that a flood does not fill the trail.
func (e *Exchanger) refuseJWT(err error, p *presented, origin audit.Origin) error {
	if p != nil {
		return e.refuse(err, p, origin)
	}
	if !errors.Is(err, keys.ErrInvalid) && !errors.Is(err, keys.ErrExpired) {
		return err // nothing was decided
	}
	peer, _ := netip.ParseAddr(origin.IP) // the zero address has a count of its own
	if _, limited := e.Throttle.Failed(peer, ""); limited {
		return err
	}
	reason := reasonInvalid
	if errors.Is(err, keys.ErrExpired) {
		reason = reasonExpired
	}
	_ = e.Audit.Record(audit.Event{ // refused either way
		ID: id.New(), Time: pat.Milliseconds(e.Now()), Name: audit.TokenUseFailed, Outcome: audit.Failure, Reason: reason,
	}.From(origin))
	return err
}

// liveJWT verifies a JWT and the PAT behind it, but no network. With an error it
// still returns what was found: the claims if the signature was right, and the
// PAT if it was looked up.
func (e *Exchanger) liveJWT(ctx context.Context, token string, audiences []string) (*presented, *keys.Claims, error) {
	claims, err := e.Signer.Verify(token, keys.Expected{Issuer: e.Issuer, Audiences: audiences, Now: e.Now()})
	if err != nil {
		if !errors.Is(err, keys.ErrInvalid) && !errors.Is(err, keys.ErrExpired) {
			err = notNow(err)
		}
		return nil, &claims, fmt.Errorf("verify access token: %w", err)
	}
	who, err := e.Directory.Snapshot(ctx)
	if err != nil {
		return nil, &claims, err
	}
	tokenID, err := pat.ParseID(claims.PATID)
	if err != nil {
		return nil, &claims, keys.ErrInvalid
	}
	use, err := e.Tokens.UseJWT(ctx, tokenID, claims.PATGeneration, claims.ID, who)
	if use.Used == nil {
		use.Used = &pat.Used{Record: pat.Record{ID: tokenID}}
	}
	p := &presented{Use: use}
	if err != nil {
		return p, &claims, err
	}
	organization, _ := who.Organization(use.Record.Organization) // pat.Service.UseJWT found it
	p.policy, p.access = &organization.Policy, who.AccessOf(&p.Owner)
	return p, &claims, permitRole(p)
}
