package exchange

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/keys"
	"github.com/cambio-sts/cambio/pat"
)

// Reuse keeps minted JWTs for those who ask for the same again. What it loses is minted
// anew. It is safe to share.
type Reuse interface {
	Find(request ReuseKey) (Kept, bool)
	Keep(request ReuseKey, kept Kept)
}

// ReuseKey stands for something that is compared, or looked for, and not told. It is
// keyed by a secret of the process.
type ReuseKey [sha256.Size]byte

// reuseSecretLen is the length of that secret in bytes.
const reuseSecretLen = 32

// Kept is a JWT that was minted for an earlier use.
type Kept struct {
	AccessToken, JTI string
	IssuedAt, Expiry time.Time
	// Says stands for all that it says but when and by which id, for the owner as it was,
	// and for the key that signed: two uses alike in that would be answered alike.
	Says ReuseKey
}

// earlier is a request that may have been answered before: nil if the door keeps nothing.
type earlier struct {
	reuse     Reuse
	exchanger *Exchanger
	request   *Request
	key       ReuseKey
	kept      Kept
	found     bool
}

func (e *Exchanger) earlier(r *Request) *earlier {
	if r.Reuse == nil {
		return nil
	}
	return &earlier{reuse: r.Reuse, exchanger: e, request: r}
}

// find looks for what the request was answered with when that token asked, and returns
// the id of that JWT; empty if there is none.
func (b *earlier) find(token pat.ID) (jti string) {
	if b == nil {
		return ""
	}
	r := b.request
	asked := appendTexts(nil, string(token), r.Fallback, r.Scope)
	asked = appendLists(asked, r.Audience, r.Resource)
	b.key = b.exchanger.key(asked)
	b.kept, b.found = b.reuse.Find(b.key)
	return b.kept.JTI
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
// its PAT was revoked the store has said in this very use.
func (e *Exchanger) issue(before *earlier, d *Decision, claims *keys.Claims, p *presented) (token string, reused bool, err error) {
	alg := e.alg(*d)
	if before == nil {
		token, err = e.Signer.Mint(alg, *claims)
		return token, false, err
	}
	says, err := e.says(alg, claims, &p.Owner)
	if err != nil {
		return "", false, err
	}
	if kept := &before.kept; before.found && kept.Says == says && !p.JTIRevoked && kept.reusable(p.Now, d.Expiry) {
		claims.ID, claims.IssuedAt, claims.Expiry = kept.JTI, kept.IssuedAt, kept.Expiry
		d.ExpiresIn = int64(kept.Expiry.Sub(p.Now) / time.Second)
		return kept.AccessToken, true, nil
	}
	if token, err = e.Signer.Mint(alg, *claims); err != nil {
		return "", false, err
	}
	before.reuse.Keep(before.key, Kept{AccessToken: token, JTI: claims.ID, IssuedAt: claims.IssuedAt, Expiry: claims.Expiry, Says: says})
	return token, false, nil
}

// says is Kept.Says of the JWT that would be minted now. The owner's revision is in it as
// whoever was disabled and enabled again has no JWT of before (see pat.Ended).
func (e *Exchanger) says(alg keys.Alg, claims *keys.Claims, owner *directory.Identity) (ReuseKey, error) {
	kid, err := e.Signer.KeyID(alg)
	if err != nil {
		return ReuseKey{}, err
	}
	return e.key(appendClaims(binary.AppendVarint(appendTexts(nil, kid), owner.Revision), claims)), nil
}

// key hides what it is taken over. The secret has a fixed length and the sum never leaves
// the process, so it needs no HMAC.
func (e *Exchanger) key(text []byte) ReuseKey {
	return sha256.Sum256(append(slices.Clone(e.reuseSecret), text...))
}

// appendClaims appends all that claims say but when and by which id, so that no two ways to
// say something look alike. encoding/json would cost more than the rest of the key.
func appendClaims(to []byte, c *keys.Claims) []byte {
	to = binary.AppendVarint(to, c.PATGeneration)
	var extra []string
	for _, name := range slices.Sorted(maps.Keys(c.Extra)) {
		extra = append(extra, name, c.Extra[name])
	}
	to = appendLists(to, c.Audience, c.Groups, c.Roles, extra)
	return appendTexts(to, c.Issuer, c.Subject, c.ClientID, c.AuthorizedParty, c.Scope, c.PATID, c.PATLevel, c.PATLevelID, c.PATRole,
		c.Organization, c.Name, c.PreferredUsername, c.Email)
}

// appendLists appends each list after its length.
func appendLists(to []byte, lists ...[]string) []byte {
	for _, list := range lists {
		to = binary.AppendUvarint(to, uint64(len(list)))
		to = appendTexts(to, list...)
	}
	return to
}

// appendTexts appends each text after its length.
func appendTexts(to []byte, texts ...string) []byte {
	for _, text := range texts {
		to = binary.AppendUvarint(to, uint64(len(text)))
		to = append(to, text...)
	}
	return to
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
