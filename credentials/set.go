package credentials

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"sync"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/id"
)

// setKey stands for all that decides what a set opens.
type setKey [sha256.Size]byte

// keyOf is taken over the token, the providers, what is known of the owner, and the
// magnitude of the life that is wished for. What else a request asks for, scopes and
// audiences, is not in it: one token has one set, or few.
func keyOf(r *Request, offered []*Registered) setKey {
	c := r.Claims
	seconds := (r.Expiry.Sub(r.Now) + time.Second - 1) / time.Second
	to := binary.AppendVarint(nil, r.Holder.Generation)
	to = binary.AppendVarint(to, int64(bits.Len64(uint64(max(0, seconds))))) // powers of two
	lists := [][]string{
		{r.Holder.PAT, c.Subject, c.Owner, c.Username, c.ExternalID, c.Organization, c.OrganizationName, c.PAT, c.Level, c.LevelID, c.LevelRole},
		c.Groups, c.Roles, nil,
	}
	for _, p := range offered {
		lists[3] = append(lists[3], p.Name)
	}
	for _, list := range lists {
		to = binary.AppendUvarint(to, uint64(len(list)))
		for _, text := range list {
			to = binary.AppendUvarint(to, uint64(len(text)))
			to = append(to, text...)
		}
	}
	return sha256.Sum256(to)
}

// issuedSet is a set with what revokes it.
type issuedSet struct {
	holder Holder
	claims *Claims // whose it is, for the audit trail
	set    *Set
	made   []made
	until  time.Time     // the last of them has expired
	life   time.Duration // of the set, when it was issued
	doomed bool          // it is to be revoked, whoever lives
	failed int           // how often it was not revoked
}

// made is what one provider made.
type made struct {
	by     *Registered
	handle string
}

// issue has each provider issue, and keeps the set. What was made is revoked if any of
// them fails, or if it cannot be audited.
func (i *Issuer) issue(ctx context.Context, key setKey, r *Request, offered []*Registered) (*Set, error) {
	if err := i.room(); err != nil {
		return nil, err
	}
	grants := make([]*Grant, len(offered))
	for n, p := range offered { // before anything is made
		var err error
		if grants[n], err = i.grant(r, p); err != nil {
			return nil, err
		}
	}
	parts := make([]*Issued, len(offered))
	// One that fails does not interrupt the others: what a provider makes while nobody
	// listens any more could not be revoked.
	var all errgroup.Group
	for n, p := range offered {
		all.Go(func() error {
			issued, err := p.issue(ctx, grants[n])
			if err != nil {
				return fmt.Errorf("provider %s: %w", p.Name, err)
			}
			parts[n] = &issued
			if err := p.check(&issued, r.Now); err != nil {
				return fmt.Errorf("provider %s issued %w", p.Name, err)
			}
			return nil
		})
	}
	err := all.Wait()
	got := together(r, offered, parts)
	if err == nil {
		err = i.recordIssued(r, got)
	}
	if err != nil {
		i.drop(context.WithoutCancel(ctx), got)
		return nil, err
	}
	i.keep(key, got)
	return got.set, nil
}

// issue is Provider.Issue, with a panic for an error: others wait, and the process serves
// more than this.
func (p *Registered) issue(ctx context.Context, grant *Grant) (issued Issued, err error) {
	defer func() {
		if recover() != nil {
			err = errors.New("it panicked")
		}
	}()
	return p.Provider.Issue(ctx, grant)
}

// together makes a set of what was issued.
func together(r *Request, offered []*Registered, parts []*Issued) *issuedSet {
	out := &issuedSet{holder: r.Holder, claims: r.Claims, set: &Set{}}
	for n, part := range parts {
		if part == nil {
			continue
		}
		for _, member := range part.Members {
			out.set.Members = append(out.set.Members, Member{Name: offered[n].Prefix + member.Name, Value: member.Value})
		}
		out.made = append(out.made, made{offered[n], part.Handle})
		if out.set.Expiry.IsZero() || part.Expiry.Before(out.set.Expiry) {
			out.set.Expiry = part.Expiry
		}
		if part.Expiry.After(out.until) {
			out.until = part.Expiry
		}
	}
	out.life = out.set.Expiry.Sub(r.Now)
	return out
}

// room forgets what has expired, and fails if too much is left.
func (i *Issuer) room() error {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.forgetExpired()
	if len(i.all) >= maxOutstanding {
		return errors.New("this process has issued as many credentials as it can watch over")
	}
	return nil
}

// forgetExpired needs the lock.
func (i *Issuer) forgetExpired() {
	now := i.Now()
	for set := range i.all {
		if !now.Before(set.until) {
			delete(i.all, set)
		}
	}
	for key, set := range i.kept {
		if !now.Before(set.set.Expiry) {
			delete(i.kept, key)
		}
	}
}

func (i *Issuer) keep(key setKey, set *issuedSet) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.kept[key], i.all[set] = set, struct{}{}
}

// drop revokes a set that nobody was given. What cannot be revoked now is revoked by
// Run.
func (i *Issuer) drop(ctx context.Context, set *issuedSet) {
	set.doomed = true
	if !i.revoke(ctx, set, map[*Registered]bool{}) {
		i.mu.Lock()
		defer i.mu.Unlock()
		i.all[set] = struct{}{}
	}
}

// slowFailure is how long a revocation takes that keeps others waiting.
const slowFailure = time.Second

// errLater is what is not tried now.
var errLater = errors.New("its provider failed a moment ago")

// revoke revokes what can be revoked of a set, each provider's at the same time, and
// reports whether nothing is left to do. Providers that are failing are not asked, and
// those that take their time to fail are noted there: one that hangs must not keep others
// from what is theirs.
func (i *Issuer) revoke(ctx context.Context, set *issuedSet, failing map[*Registered]bool) (done bool) {
	ctx, cancel := context.WithTimeout(ctx, revokeTimeout)
	defer cancel()
	errs, slow := make([]error, len(set.made)), make([]bool, len(set.made))
	var all sync.WaitGroup
	for n, m := range set.made {
		if errs[n] = errLater; !failing[m.by] {
			all.Go(func() {
				began := i.Now()
				errs[n] = m.by.revoke(ctx, m.handle)
				slow[n] = i.Now().Sub(began) >= slowFailure
			})
		}
	}
	all.Wait()
	var left []made
	for n, m := range set.made {
		switch err := errs[n]; {
		case err == nil:
			i.recordRevoked(m.by.Name, m.handle, set.holder, set.claims, "token_ended")
		case errors.Is(err, errLater):
			left = append(left, m)
		case !errors.Is(err, ErrIrrevocable):
			left = append(left, m)
			failing[m.by] = failing[m.by] || slow[n]
			set.failed++
			i.Logger.Warn("credentials were not revoked", zap.String("provider", m.by.Name), zap.String("handle", public(m.handle)), zap.Error(err))
		}
	}
	set.made = left
	return len(left) == 0
}

// revoke is Provider.Revoke, with a panic for an error.
func (p *Registered) revoke(ctx context.Context, handle string) (err error) {
	if handle == "" {
		return ErrIrrevocable
	}
	defer func() {
		if recover() != nil {
			err = errors.New("it panicked")
		}
	}()
	return p.Provider.Revoke(ctx, handle)
}

// public is a handle as audit trail and log may show it. What is none may be anything.
func public(handle string) string {
	if !handleText.MatchString(handle) {
		return ""
	}
	return handle
}

// recordIssued records what each provider made, by its public name.
func (i *Issuer) recordIssued(r *Request, set *issuedSet) error {
	for _, m := range set.made {
		if err := i.Audit.Record(i.event(audit.CredentialsIssued, m.by.Name, m.handle, r.Holder, r.Claims).From(r.Origin)); err != nil {
			return fmt.Errorf("record what was issued: %w", err)
		}
	}
	return nil
}

func (i *Issuer) recordRevoked(provider, handle string, holder Holder, claims *Claims, reason string) {
	event := i.event(audit.CredentialsRevoked, provider, handle, holder, claims)
	event.Reason, event.Actor = reason, ""
	if err := i.Audit.Record(event); err != nil { // it is revoked either way
		i.Logger.Error("a revocation of credentials was not recorded", zap.String("provider", provider), zap.String("handle", public(handle)), zap.Error(err))
	}
}

func (i *Issuer) event(name audit.Name, provider, handle string, holder Holder, claims *Claims) audit.Event {
	subject := provider
	if handle = public(handle); handle != "" {
		subject += "/" + handle
	}
	return audit.Event{
		ID: id.New(), Time: i.Now().UTC().Truncate(time.Millisecond), Name: name, Organization: claims.Organization, Actor: claims.Owner,
		PATID: holder.PAT, Owner: claims.Owner, Subject: subject, Outcome: audit.Success,
	}
}
