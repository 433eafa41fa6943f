package directory

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"reflect"
	"slices"
	"time"

	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/fault"
	"github.com/cambio-sts/cambio/internal/id"
)

// CreateIdentity makes an identity, under the id that it brings if that is one: a
// technical user lies in the shard of its group or organization. *FieldError,
// ErrNameTaken if one of its logins is used, its issuer with its subject in whatever
// organization; ErrNotFound and ErrReserved for a group that it cannot be a member of.
func (d *Directory) CreateIdentity(ctx context.Context, identity Identity, actor Actor) (Identity, error) {
	identity.Type, identity.Groups = cmp.Or(identity.Type, User), distinct(identity.Groups)
	if err := d.checkIdentity(ctx, &Identity{}, &identity); err != nil {
		return Identity{}, err
	}
	if !id.Valid(string(identity.ID)) {
		identity.ID = ID(id.New())
	}
	identity.Created = d.now().UTC().Truncate(time.Millisecond)
	identity.Revision = 1
	event := d.event(audit.IdentityCreated, identity.Organization, identity.ID, actor)
	if err := d.identities.Create(ctx, identity, event); err != nil {
		return Identity{}, fmt.Errorf("create identity %q: %w", identity.Username, err)
	}
	return identity, nil
}

// ListIdentities yields the identities of an organization, oldest first.
func (d *Directory) ListIdentities(ctx context.Context, organization ID) iter.Seq2[Identity, error] {
	return d.identities.List(ctx, organization)
}

// EventDisabled is the reason of an event of an identity that is disabled after its
// change: that has to be evident from the trail alone.
const EventDisabled = "disabled"

// updated marks an identity as changed now and returns the event of that: the trail
// and the record tell of one moment.
func (d *Directory) updated(identity *Identity, actor Actor) audit.Event {
	event := d.event(audit.IdentityUpdated, identity.Organization, identity.ID, actor)
	identity.Modified = event.Time
	if !identity.Enabled {
		event.Reason = EventDisabled
	}
	return event
}

// ReplaceIdentity stores a changed identity as it is given; ErrConflict if it changed
// since it was read.
func (d *Directory) ReplaceIdentity(ctx context.Context, identity Identity, actor Actor) error {
	event := d.updated(&identity, actor)
	if err := d.identities.Replace(ctx, identity, event); err != nil {
		return fmt.Errorf("replace identity: %w", err)
	}
	return nil
}

// UpdateIdentity changes an identity, but for its id, its organization and the time
// of its creation, and returns it as it is stored then; where change leaves it as it
// was, nothing is written. change is called again if others write in between, and an
// error of it is returned as it is. *FieldError, ErrNotFound, ErrNameTaken;
// ErrNotFound and ErrReserved for a group that it cannot become a member of.
func (d *Directory) UpdateIdentity(ctx context.Context, id ID, change func(*Identity) error, actor Actor) (Identity, error) {
	return d.rewrite(ctx, id, func(before, after *Identity) (audit.Event, error) {
		if err := change(after); err != nil {
			return audit.Event{}, err
		}
		after.ID, after.Organization, after.Groups = before.ID, before.Organization, distinct(after.Groups)
		after.Created, after.Modified, after.Revision = before.Created, before.Modified, before.Revision
		if after.Same(before) {
			return audit.Event{}, errUnchanged
		}
		if err := d.checkIdentity(ctx, before, after); err != nil {
			return audit.Event{}, err
		}
		return d.updated(after, actor), nil
	})
}

// RecordLogin keeps that an identity logged in interactively at some time, unless a
// later login is known. That is no modification of it. ErrNotFound.
func (d *Directory) RecordLogin(ctx context.Context, id ID, at time.Time, actor Actor) (Identity, error) {
	at = at.UTC().Truncate(time.Millisecond)
	return d.rewrite(ctx, id, func(before, after *Identity) (audit.Event, error) {
		if !at.After(before.LastLogin) {
			return audit.Event{}, errUnchanged
		}
		after.LastLogin = at
		return d.event(audit.LoginRecorded, after.Organization, id, actor), nil
	})
}

// errUnchanged says that there is nothing to write.
var errUnchanged = errors.New("unchanged")

// rewrite reads an identity, lets decide change it, and stores that if nobody wrote
// in between; else it starts anew.
func (d *Directory) rewrite(ctx context.Context, id ID, decide func(before, after *Identity) (audit.Event, error)) (Identity, error) {
	for range writeAttempts {
		before, err := d.identities.Find(ctx, id)
		if err != nil {
			return Identity{}, fmt.Errorf("change identity: %w", err)
		}
		after := before
		after.Groups = slices.Clone(before.Groups)
		event, err := decide(&before, &after)
		if errors.Is(err, errUnchanged) {
			return before, nil
		}
		if err != nil {
			return Identity{}, err
		}
		err = d.identities.Replace(ctx, after, event)
		if errors.Is(err, ErrConflict) {
			continue
		}
		if err != nil {
			return Identity{}, fmt.Errorf("change identity: %w", err)
		}
		after.Revision++
		return after, nil
	}
	return Identity{}, fmt.Errorf("change identity: too many others write: %w", fault.ErrUnavailable)
}

// DeleteIdentity removes an identity and every token it owns.
func (d *Directory) DeleteIdentity(ctx context.Context, identity *Identity, actor Actor) error {
	event := d.event(audit.IdentityDeleted, identity.Organization, identity.ID, actor)
	if err := d.identities.Delete(ctx, identity.ID, event); err != nil {
		return fmt.Errorf("delete identity: %w", err)
	}
	return nil
}

// RemoveIdentity is DeleteIdentity and takes away what the identity held by itself.
// First it and its tokens end; a crash before the rest leaves assignments to nobody,
// as no id is given twice. Whoever calls again, with its id and organization, removes
// those, and is told ErrNotFound.
func (d *Directory) RemoveIdentity(ctx context.Context, identity *Identity, actor Actor) error {
	err := d.DeleteIdentity(ctx, identity, actor)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	all := func(*Assignment) bool { return true }
	return cmp.Or(d.unassign(ctx, identity.Organization, identity.ID, all, actor), err)
}

// checkIdentity refuses what before must not become.
func (d *Directory) checkIdentity(ctx context.Context, before, after *Identity) error {
	if err := after.ValidateChange(before); err != nil {
		return err
	}
	for _, group := range after.Groups {
		if slices.Contains(before.Groups, group) {
			continue
		}
		if err := d.checkMembership(ctx, after.Organization, group); err != nil {
			return err
		}
	}
	return d.checkLink(ctx, before, after)
}

// maxGroups bounds the groups that an identity is a direct member of.
const maxGroups = 1000

// Validate returns a *FieldError for each member that no identity may have, joined.
func (i *Identity) Validate() error { return i.ValidateChange(&Identity{}) }

// ValidateChange is Validate for what before becomes. Names that stay are fine.
func (i *Identity) ValidateChange(before *Identity) error {
	errs := []error{
		validRename("username", before.Username, i.Username), validEmail(i.Email),
		validText("externalId", i.ExternalID, maxText), validProvider(i.Issuer, i.Subject),
	}
	if i.DisplayName != before.DisplayName {
		errs = append(errs, validLabel("displayName", i.DisplayName))
	}
	if i.Type != User && i.Type != TechnicalUser {
		errs = append(errs, Broken("type", RuleOneOfTwo, User, TechnicalUser))
	}
	if len(i.Groups) > maxGroups {
		errs = append(errs, Broken("groups", RuleMaxEntries, maxGroups))
	}
	return errors.Join(errs...)
}

// Same reports whether the two are the same in every member.
func (i *Identity) Same(other *Identity) bool {
	a, b := *i, *other
	a.Groups, b.Groups = nil, nil
	return slices.Equal(i.Groups, other.Groups) && reflect.DeepEqual(a, b)
}
