package api

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/pat"
)

// people looks up identities, each once in the life of a request.
type people struct {
	directory *directory.Directory
	known     map[directory.ID]*directory.Identity // nil: there is none
}

// people knows the caller from the start: who made a token is told its secret,
// whatever becomes of the store meanwhile.
func (a *API) people(who *caller) *people {
	return &people{directory: a.directory, known: map[directory.ID]*directory.Identity{who.Identity.ID: &who.Identity}}
}

// find returns nil for an identity that is gone.
func (p *people) find(ctx context.Context, id directory.ID) (*directory.Identity, error) {
	if identity, ok := p.known[id]; ok {
		return identity, nil
	}
	identity, err := p.directory.Find(ctx, id)
	switch {
	case errors.Is(err, directory.ErrNotFound):
		p.known[id] = nil
	case err != nil:
		return nil, fmt.Errorf("find identity: %w", err)
	default:
		p.known[id] = &identity
	}
	return p.known[id], nil
}

// refer returns the reference to an identity; nil for the platform, which has no
// id. The name of one in another organization is not told.
func (p *people) refer(ctx context.Context, id, organization directory.ID) (*IdentityReference, error) {
	if id == "" {
		return nil, nil
	}
	identity, err := p.find(ctx, id)
	if err != nil {
		return nil, err
	}
	reference := &IdentityReference{Type: "IDENTITY", ID: string(id)}
	if identity != nil && identity.Organization == organization {
		reference.Name = textPointer(identity.DisplayName)
	}
	return reference, nil
}

// lens is what a record is looked at with: the policy it is under, and the time.
type lens struct {
	policy *directory.Policy
	now    time.Time
}

func (a *API) lens(who *caller) lens { return lens{policy: who.Policy, now: a.now()} }

// expiration is when the token ends, by its own date or by the policy.
func (l lens) expiration(record *pat.Record) time.Time {
	return pat.EffectiveExpiration(record, l.policy)
}

func (l lens) expired(record *pat.Record) bool {
	end := l.expiration(record)
	return !end.IsZero() && !l.now.Before(end)
}

func (l lens) status(record *pat.Record) pat.Status {
	status := record.Status(l.now)
	if status == pat.Active && l.expired(record) {
		return pat.Expired
	}
	return status
}

func (l lens) accessTokenSeconds(record *pat.Record) int64 {
	if record.AccessTokenLife == 0 {
		return l.policy.DefaultAccessTokenSeconds
	}
	return int64(record.AccessTokenLife / time.Second)
}

// view returns a token as the API shows it.
func (p *people) view(ctx context.Context, l lens, record *pat.Record) (*PersonalAccessToken, error) {
	owner, err := p.find(ctx, record.Owner)
	if err != nil {
		return nil, err
	}
	ownerReference, err := p.refer(ctx, record.Owner, record.Organization)
	if err != nil {
		return nil, err
	}
	createdBy, err := p.refer(ctx, record.CreatedBy, record.Organization)
	if err != nil {
		return nil, err
	}
	revokedBy, err := p.refer(ctx, record.RevokedBy, record.Organization)
	if err != nil {
		return nil, err
	}
	shown := &PersonalAccessToken{
		ID: string(record.ID), Name: record.Name, Description: textPointer(record.Description), Scope: record.Scope,
		Level: record.Level, LevelID: textPointer(string(record.LevelID)), Owner: *ownerReference, AdminRole: record.AdminRole,
		Audience: listOrNil(record.Audience), AllowedNetworks: networkTexts(record), Managed: record.Managed,
		AccessTokenValiditySeconds: l.accessTokenSeconds(record), Created: Instant(record.Created), CreatedBy: createdBy,
		CreatedByPat: textPointer(string(record.CreatedByPAT)), Modified: instantOrNull(record.Modified),
		ExpirationDate: instantOrNull(l.expiration(record)), UserAwareTokenNeverExpires: record.NeverExpiresAcknowledged,
		LastUsed: instantOrNull(record.LastUsed), LastSeen: instantOrNull(record.LastSeen), Status: l.status(record),
		RevokedAt: instantOrNull(record.RevokedAt), RevokedBy: revokedBy, RevokeReason: textPointer(record.RevokeReason),
		Reactivatable: record.Reactivatable(l.now) && !l.expired(record),
	}
	if owner != nil {
		status := owner.Status(l.policy, l.now)
		shown.OwnerUsername, shown.OwnerStatus = &owner.Username, &status
	}
	if !record.Verifier.Previous.IsZero() {
		shown.OldSecretUntil, shown.OldSecretUses = instantOrNull(record.Verifier.PreviousUntil), oldSecretUses(record)
	}
	return shown, nil
}

func networkTexts(record *pat.Record) []string {
	var texts []string
	for _, network := range record.Networks {
		texts = append(texts, network.String())
	}
	return texts
}

func oldSecretUses(record *pat.Record) *[]OldSecretUse {
	uses := make([]OldSecretUse, len(record.OldUses))
	for i, use := range record.OldUses {
		uses[i] = OldSecretUse{Time: Instant(use.At), IP: use.IP, UserAgent: use.UserAgent}
	}
	return &uses
}

// listOrNil is nil for an empty list.
func listOrNil(list []string) []string {
	if len(list) == 0 {
		return nil
	}
	return list
}

// show returns one token as the API shows it to the caller.
func (a *API) show(ctx context.Context, who *caller, record *pat.Record) (*PersonalAccessToken, error) {
	return a.people(who).view(ctx, a.lens(who), record)
}
