package replay

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/id"
	"github.com/cambio-sts/cambio/keys"
	"github.com/cambio-sts/cambio/pat"
)

// other deals with an event that stands for itself.
func (r *run) other(ctx context.Context, e *audit.Event) (outcome, error) {
	switch e.Name {
	case audit.AccessTokenRevoked:
		return r.accessToken(ctx, e)
	case audit.IdentityDeleted:
		return r.identity(ctx, e)
	case audit.IdentityUpdated:
		return r.disabled(ctx, e)
	case audit.RoleUnassigned:
		err := r.directory.RemoveAssignment(ctx, directory.ID(e.Organization), directory.ID(e.Subject), directory.Actor{})
		return removed(err)
	case audit.GroupDeleted:
		return removed(r.directory.DeleteGroup(ctx, directory.ID(e.Subject), directory.Actor{}))
	case audit.KeyRevoked:
		return r.key(ctx, e.Subject)
	case audit.KeyResealed: // a server that has the newer master key does it again
		return already, nil
	default:
		held, err := r.holds(ctx, e)
		if err != nil || held || r.gone[e.Subject] {
			return already, err
		}
		return lost, nil
	}
}

func removed(err error) (outcome, error) {
	switch {
	case err == nil:
		return applied, nil
	case errors.Is(err, directory.ErrNotFound):
		return already, nil
	case errors.Is(err, directory.ErrReserved):
		return lost, nil
	default:
		return already, err
	}
}

// accessToken ends a JWT. The event does not say when it expires, so it is taken
// to live as long as any may.
func (r *run) accessToken(ctx context.Context, e *audit.Event) (outcome, error) {
	expiry := e.Time.Add(pat.MaxAccessTokenLife)
	if e.JTI == "" || !r.now().Before(expiry) {
		return already, nil
	}
	record, known, err := r.find(ctx, e.PATID)
	if err != nil || !known {
		return already, err
	}
	changed, err := r.tokens.RevokeAccessToken(ctx, &record, e.JTI, expiry, pat.Actor{})
	if changed {
		return applied, err
	}
	return already, err
}

// identity removes an identity with its tokens.
func (r *run) identity(ctx context.Context, e *audit.Event) (outcome, error) {
	if !id.Valid(e.Subject) {
		return already, nil
	}
	identity, err := r.directory.Find(ctx, directory.ID(e.Subject))
	if err == nil {
		err = r.directory.DeleteIdentity(ctx, &identity, directory.Actor{})
	}
	return removed(err)
}

// disabled disables an identity, if that is what it was after its last change. The
// rest of the change is lost.
func (r *run) disabled(ctx context.Context, e *audit.Event) (outcome, error) {
	if r.gone[e.Subject] || !id.Valid(e.Subject) {
		return already, nil
	}
	identity, err := r.directory.Find(ctx, directory.ID(e.Subject))
	switch {
	case errors.Is(err, directory.ErrNotFound):
		return lost, nil
	case err != nil:
		return already, err
	case !identity.Modified.Before(e.Time):
		return already, nil
	case e.Reason != directory.EventDisabled || !identity.Enabled || r.updated[e.Subject] != e.ID:
		return lost, nil
	}
	identity.Enabled = false
	return removed(r.directory.ReplaceIdentity(ctx, identity, directory.Actor{}))
}

// key ends a signing key.
func (r *run) key(ctx context.Context, kid string) (outcome, error) {
	ended := func(key keys.Info) bool { return key.KID == kid && key.State == keys.Revoked }
	if slices.ContainsFunc(r.keys.List(), ended) {
		return already, nil
	}
	err := r.keys.Revoke(ctx, kid, keys.Actor{})
	if errors.Is(err, keys.ErrUnknownKey) {
		return already, nil
	}
	return applied, err
}

// holds reports whether the store has what an event says was made. Of changes it
// cannot tell.
func (r *run) holds(ctx context.Context, e *audit.Event) (bool, error) {
	switch e.Name {
	case audit.IdentityCreated:
		if !id.Valid(e.Subject) {
			return false, nil
		}
		_, err := r.directory.Find(ctx, directory.ID(e.Subject))
		if errors.Is(err, directory.ErrNotFound) {
			return false, nil
		}
		return err == nil, err
	case audit.KeyCreated: // the first ones in one event
		for kid := range strings.FieldsSeq(e.Subject) {
			if !slices.ContainsFunc(r.keys.List(), func(key keys.Info) bool { return key.KID == kid }) {
				return false, nil
			}
		}
		return true, nil
	case audit.OrganizationCreated, audit.GroupCreated, audit.RoleAssigned:
		who, err := r.directory.Snapshot(ctx)
		if err != nil {
			return false, err
		}
		var held bool
		switch subject := directory.ID(e.Subject); e.Name {
		case audit.OrganizationCreated:
			_, held = who.Organization(subject)
		case audit.GroupCreated:
			_, held = who.Group(subject)
		default:
			_, held = who.Assignment(subject)
		}
		return held, nil
	default:
		return false, nil
	}
}
