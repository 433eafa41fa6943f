package exchange

import (
	"context"
	"errors"
	"fmt"

	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/fault"
	"github.com/cambio-sts/cambio/keys"
	"github.com/cambio-sts/cambio/pat"
)

// Revoke ends a token for whoever presents it: possession is the right to do
// so (RFC 7009). A PAT ends for good, with all that was made by means of it; of
// a JWT only itself. A token that is unknown or has ended is no error.
// fault.ErrUnavailable: it must be assumed alive. *ThrottledError.
func (e *Exchanger) Revoke(ctx context.Context, token Credential, origin audit.Origin) error {
	if e.Tokens.Format().LooksLike(token.text.Reveal()) {
		return e.revokePAT(ctx, token, origin)
	}
	return e.revokeJWT(ctx, token, origin)
}

func (e *Exchanger) revokePAT(ctx context.Context, token Credential, origin audit.Origin) error {
	p, err := e.use(ctx, token, nil, origin)
	if _, throttled := errors.AsType[*ThrottledError](err); throttled || errors.Is(err, fault.ErrUnavailable) {
		return err
	}
	if p == nil {
		return nil
	}
	_, _, err = e.Tokens.Revoke(ctx, &p.Record, pat.End{Reason: pat.Compromised}, pat.Actor{Identity: p.Record.Owner, Origin: origin})
	if errors.Is(err, pat.ErrNotFound) {
		return nil
	}
	return err
}

func (e *Exchanger) revokeJWT(ctx context.Context, token Credential, origin audit.Origin) error {
	claims, err := e.Signer.Verify(token.text.Reveal(), keys.Expected{Issuer: e.Issuer, Now: e.Now()})
	switch {
	case errors.Is(err, keys.ErrInvalid), errors.Is(err, keys.ErrExpired):
		return nil // what is no token of ours, or has ended, has nothing to revoke (RFC 7009 §2.2)
	case err != nil:
		return fmt.Errorf("verify access token: %w", notNow(err))
	}
	tokenID, err := pat.ParseID(claims.PATID)
	if err != nil {
		return nil //nolint:nilerr // as above
	}
	record, err := e.Tokens.Find(ctx, tokenID)
	if err == nil {
		_, err = e.Tokens.RevokeAccessToken(ctx, &record, claims.ID, claims.Expiry, pat.Actor{Identity: record.Owner, Origin: origin})
	}
	if errors.Is(err, pat.ErrNotFound) {
		return nil
	}
	return err
}
