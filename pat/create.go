package pat

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/audit"
)

// ErrLineage says that a token would be made by means of one that was made by
// means of one, and so on, MaxLineage times.
var ErrLineage = errors.New("too many tokens were made by means of one another")

// Draft is a token as somebody wants it.
type Draft struct {
	Name        string
	Description string
	Scope       []string // nil: the policy's default; empty: ScopeDefault
	Level       Level
	LevelID     directory.ID
	AdminRole   bool
	Audience    []string
	Networks    []netip.Prefix
	Managed     bool
	// AccessTokenLife of its JWTs, whole seconds; 0: the organization's default.
	AccessTokenLife time.Duration
	Expiration      time.Time // zero: the policy's default lifetime, or never
	// NeverExpiresAcknowledged asks, with a zero Expiration, for a token that never expires.
	NeverExpiresAcknowledged bool
}

// Create makes a token for owner under the policy of its organization, and
// returns it with its secret, which nothing returns again. Errors: *FieldError,
// ErrNameTaken, ErrLimit, ErrNoOwner, ErrLineage, *WiderError, ErrParentEnded,
// fault.ErrUnavailable.
func (s *Service) Create(ctx context.Context, owner *directory.Identity, draft *Draft, policy *directory.Policy, actor Actor) (Token, Record, error) {
	record, err := s.draftRecord(owner, draft, policy, &actor)
	if err != nil {
		return Token{}, Record{}, err
	}
	record.ID = NewID(record.Holder())
	token := s.format.New(record.ID)
	record.Verifier = Verifier{Current: s.peppers.Newest(token)}
	err = s.store.Create(ctx, record, policy.MaxTokensPerOwner, s.event(audit.TokenCreated, &record, &actor, ""))
	if err != nil {
		if errors.Is(err, ErrConflict) { // the parent ended meanwhile
			return Token{}, Record{}, ErrParentEnded
		}
		return Token{}, Record{}, fmt.Errorf("create token: %w", err)
	}
	if err := s.recheckParent(ctx, &record, &actor); err != nil {
		return Token{}, Record{}, err
	}
	return token, record, nil
}

// Check refuses a draft that Create would refuse for what it says; names and limits
// only show when it is stored.
func (s *Service) Check(owner *directory.Identity, draft *Draft, policy *directory.Policy, actor Actor) error {
	_, err := s.draftRecord(owner, draft, policy, &actor)
	return err
}

func (s *Service) draftRecord(owner *directory.Identity, draft *Draft, policy *directory.Policy, actor *Actor) (Record, error) {
	now := s.clock()
	scope := draft.Scope
	if scope == nil {
		scope = policy.DefaultScopes
	}
	if len(scope) == 0 {
		scope = []string{ScopeDefault}
	}
	expiration, err := expiry(Milliseconds(draft.Expiration), draft.NeverExpiresAcknowledged, policy, now, now)
	err = errors.Join(
		validName(draft.Name), validText("description", draft.Description, maxDescription), validScopes(scope),
		validAudiences(draft.Audience), validAccessTokenLife(draft.AccessTokenLife), err,
	)
	if err != nil {
		return Record{}, err
	}
	record := Record{
		Organization: owner.Organization, Owner: owner.ID, Name: draft.Name, Description: draft.Description, Scope: slices.Clone(scope),
		Level: draft.Level, LevelID: draft.LevelID, AdminRole: draft.AdminRole, Audience: draft.Audience, Networks: draft.Networks,
		Managed: draft.Managed, AccessTokenLife: draft.AccessTokenLife, Created: now, CreatedBy: actor.Identity,
		Expiration: expiration, NeverExpiresAcknowledged: draft.NeverExpiresAcknowledged, State: StateActive, Generation: 1, Revision: 1,
	}
	if actor.Parent != nil {
		record.CreatedByPAT = actor.Parent.ID
		record.Lineage = append(slices.Clone(actor.Parent.Lineage), actor.Parent.ID)
		if len(record.Lineage) > MaxLineage {
			return Record{}, ErrLineage
		}
	}
	inherit(&record, actor.Parent)
	return record, within(&record, actor.Parent, policy)
}

// recheckParent closes the gap between a parent's end, or the end of the secret
// that it was presented by, and a child: whoever ends a parent lists its children
// after the parent changed, so a child is either in that list or sees the change
// here.
func (s *Service) recheckParent(ctx context.Context, record *Record, actor *Actor) error {
	if record.CreatedByPAT == "" {
		return nil
	}
	parent, err := s.store.Find(ctx, record.CreatedByPAT)
	if err == nil && parent.State == StateActive && parent.Generation == actor.Parent.Generation {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), afterwardsTimeout)
	defer cancel()
	if deleteErr := s.store.Delete(ctx, record.ID, s.event(audit.TokenDeleted, record, actor, "")); deleteErr != nil {
		return fmt.Errorf("withdraw a token whose parent ended: %w", deleteErr)
	}
	if err != nil && !errors.Is(err, ErrNotFound) {
		return fmt.Errorf("find parent token: %w", err)
	}
	return ErrParentEnded
}
