package exchange

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/keys"
	"github.com/cambio-sts/cambio/pat"
)

// Reuse keeps minted JWTs for those who ask for the same again. What it loses is minted
// anew. It is safe to share.
type Reuse interface {
	Find(key ReuseKey) (Kept, bool)
	Keep(key ReuseKey, kept Kept)
}

// ReuseKey stands for all that a JWT says but when and by which id: two uses with one
// key would be answered alike. It is keyed by a secret of the process.
type ReuseKey [sha256.Size]byte

// reuseSecretLen is the length of that secret in bytes.
const reuseSecretLen = 32

// Kept is a JWT that was minted for an earlier use.
type Kept struct {
	AccessToken, JTI string
	IssuedAt, Expiry time.Time
}

// reusable reports whether a JWT is still in the first 70 % of its life, and does not
// outlive one that would be minted now.
func (k *Kept) reusable(now, expiry time.Time) bool {
	const tenths = 7
	end := k.IssuedAt.Add(k.Expiry.Sub(k.IssuedAt) / 10 * tenths)
	return !now.Before(k.IssuedAt) && now.Before(end) && !k.Expiry.After(expiry)
}

// reasonReused tells in the audit trail that a use was answered with the JWT of an
// earlier one, whose id the event has.
const reasonReused = "reused"

// issue is step 4: it mints the JWT that claims say, or takes one that says the same. Then
// it puts the times and the id of that into claims.
//
// The decision has been made anew, so a JWT that is taken gives what a fresh one would.
// Its key was not revoked, or the ring would sign with another; and that neither it nor
// its PAT was revoked meanwhile the store says.
func (e *Exchanger) issue(ctx context.Context, reuse Reuse, d *Decision, claims *keys.Claims, p *presented) (token string, reused bool, err error) {
	alg := e.alg(*d)
	if reuse == nil {
		token, err = e.Signer.Mint(alg, *claims)
		return token, false, err
	}
	key, err := e.reuseKey(alg, claims)
	if err != nil {
		return "", false, err
	}
	if kept, ok := reuse.Find(key); ok && kept.reusable(p.Now, d.Expiry) {
		alive, err := e.alive(ctx, &kept, p)
		if err != nil {
			return "", false, err
		}
		if alive {
			claims.ID, claims.IssuedAt, claims.Expiry = kept.JTI, kept.IssuedAt, kept.Expiry
			d.ExpiresIn = int64(kept.Expiry.Sub(p.Now) / time.Second)
			return kept.AccessToken, true, nil
		}
	}
	if token, err = e.Signer.Mint(alg, *claims); err != nil {
		return "", false, err
	}
	reuse.Keep(key, Kept{AccessToken: token, JTI: claims.ID, IssuedAt: claims.IssuedAt, Expiry: claims.Expiry})
	return token, false, nil
}

// reuseKey is taken over the claims and the key that signs now.
func (e *Exchanger) reuseKey(alg keys.Alg, claims *keys.Claims) (key ReuseKey, err error) {
	kid, err := e.Signer.KeyID(alg)
	if err != nil {
		return key, err
	}
	// The secret has a fixed length and the sum never leaves the process, so it needs no HMAC.
	return sha256.Sum256(appendClaims(appendTexts(slices.Clone(e.reuseSecret), kid), claims)), nil
}

// appendClaims appends all that claims say but when and by which id, so that no two ways to
// say something look alike. encoding/json would cost more than the rest of the key.
func appendClaims(to []byte, c *keys.Claims) []byte {
	to = binary.AppendVarint(to, c.PATGeneration)
	for _, list := range [][]string{c.Audience, c.Groups, c.Roles} {
		to = binary.AppendUvarint(to, uint64(len(list)))
		to = appendTexts(to, list...)
	}
	return appendTexts(to, c.Issuer, c.Subject, c.ClientID, c.AuthorizedParty, c.Scope, c.PATID, c.PATLevel, c.PATLevelID, c.PATRole,
		c.Organization, c.Name, c.PreferredUsername, c.Email)
}

// appendTexts appends each text after its length.
func appendTexts(to []byte, texts ...string) []byte {
	for _, text := range texts {
		to = binary.AppendUvarint(to, uint64(len(text)))
		to = append(to, text...)
	}
	return to
}

// alive reports whether a JWT was not revoked by itself. An error refuses the use:
// its PAT ended after it was proved, or nobody can tell.
func (e *Exchanger) alive(ctx context.Context, kept *Kept, p *presented) (bool, error) {
	who, err := e.Directory.Snapshot(ctx)
	if err != nil {
		return false, err
	}
	_, err = e.Tokens.UseJWT(ctx, p.Record.ID, p.Record.Generation, kept.JTI, who)
	if refusal, ok := errors.AsType[*pat.RefusedError](err); ok && refusal.Cause == pat.CauseTokenRevoked {
		return false, nil
	}
	return err == nil, err
}

// finish runs steps 5 and 6: a JWT that was minted is a use, one that was taken a sighting.
func (e *Exchanger) finish(ctx context.Context, claims *keys.Claims, reused bool, p *presented, origin audit.Origin) error {
	kind := pat.Minted
	event := p.event(audit.TokenUsed, origin)
	event.Audience, event.Scope, event.JTI = claims.Audience, claims.Scope, claims.ID
	if reused {
		kind, event.Reason = pat.Presented, reasonReused
	}
	_ = e.Tokens.Touch(ctx, &p.Use, kind, origin) // a use never fails for the time it was last used
	if err := e.Audit.Record(event); err != nil {
		return fmt.Errorf("record use: %w", notNow(err))
	}
	return nil
}
