package exchange

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/cambio-sts/cambio/credentials"
	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/fault"
	"github.com/cambio-sts/cambio/internal/id"
	"github.com/cambio-sts/cambio/internal/secret"
	"github.com/cambio-sts/cambio/internal/tracing"
	"github.com/cambio-sts/cambio/keys"
	"github.com/cambio-sts/cambio/pat"
)

// offersCredentials reports whether there are credentials of other systems for an owner.
func (e *Exchanger) offersCredentials(p *presented) bool {
	return e.Credentials != nil && e.Credentials.Offers(credentialClaims(p, ""))
}

// credentialClaims is what the templates of providers may name.
func credentialClaims(p *presented, subject string) *credentials.Claims {
	record := &p.Record
	return &credentials.Claims{
		Subject: subject, Owner: string(record.Owner), Username: p.Owner.Username, ExternalID: p.Owner.ExternalID,
		Organization: string(record.Organization), OrganizationName: p.access.OrganizationName(), PAT: string(record.ID), Level: string(record.Level),
		LevelID: string(record.LevelID), LevelRole: string(levelRole(record, &p.access)), Groups: p.access.Groups(), Roles: roleNames(&p.access),
	}
}

// associate issues what the scope credentials stands for. The JWT that is minted
// already is not handed out if that fails.
func (e *Exchanger) associate(ctx context.Context, d *Decision, claims *keys.Claims, p *presented, origin audit.Origin) ([]credentials.Member, error) {
	if !d.Credentials {
		return nil, nil
	}
	ctx, issuing := tracing.Start(ctx, "credentials")
	set, err := e.Credentials.Issue(ctx, &credentials.Request{
		Holder: credentials.Holder{PAT: string(p.Record.ID), Generation: p.Record.Generation},
		Claims: credentialClaims(p, claims.Subject), Now: p.Now, Expiry: claims.Expiry, Origin: origin,
		Mint: func(assertion credentials.Assertion) (secret.Text, error) { return e.assert(&assertion, claims) },
	})
	issuing.End(errors.Is(err, fault.ErrUnavailable))
	if refused, ok := errors.AsType[*credentials.ClaimError](err); ok {
		return nil, e.refuse(&DeniedError{Cause: CauseCredentials, Description: refused.Error()}, p, origin)
	}
	if err != nil {
		return nil, err
	}
	return set.Members, nil
}

// assert mints the JWT that tells a provider who the owner is. It has no scope, and its
// audience is none of a service. Some providers take azp for the audience where it is
// there, so it is the same.
func (e *Exchanger) assert(assertion *credentials.Assertion, of *keys.Claims) (secret.Text, error) {
	alg := e.Alg
	if assertion.Alg != "" {
		alg = keys.Alg(assertion.Alg)
	}
	token, err := e.Signer.Mint(alg, keys.Claims{
		Issuer: of.Issuer, Subject: of.Subject, Audience: []string{assertion.Audience}, IssuedAt: of.IssuedAt, Expiry: of.Expiry, ID: id.New(),
		ClientID: of.ClientID, AuthorizedParty: assertion.Audience, PATID: of.PATID, PATGeneration: of.PATGeneration, PATLevel: of.PATLevel,
		PATLevelID: of.PATLevelID, PATRole: of.PATRole, Organization: of.Organization, Extra: assertion.Claims,
	})
	if err != nil {
		return secret.Text{}, fmt.Errorf("mint an assertion: %w", err)
	}
	return secret.New(token), nil
}

// CredentialsAlive reports whether credentials that were issued to a token may live on:
// the token is in order and of that generation, its owner too, and it holds the
// scope credentials. fault.ErrUnavailable when nobody can tell.
func (e *Exchanger) CredentialsAlive(ctx context.Context, holder credentials.Holder) (bool, error) {
	who, err := e.Directory.Snapshot(ctx)
	if err != nil {
		return false, err
	}
	// No JWT has this id, so none can have been revoked.
	use, err := e.Tokens.UseJWT(ctx, pat.ID(holder.PAT), holder.Generation, strings.Repeat("0", id.Len), who)
	if _, ended := errors.AsType[*pat.RefusedError](err); ended {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	p := &presented{Use: use, access: who.AccessOf(&use.Owner)}
	return permitRole(p) == nil && pat.Covers(use.Record.Scope, pat.ScopeCredentials), nil
}
