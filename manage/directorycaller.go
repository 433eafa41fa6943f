package manage

import (
	"context"
	"fmt"
	"time"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/pat"
)

// recheckEvery is for how long an import rests on what was true of its caller. It may
// take minutes; a single change is decided by what is true now.
const recheckEvery = time.Second

// try makes one change, if the caller still may, and records how it ended.
func (i *importer) try(ctx context.Context, change DirectoryChange, do func() (DirectoryAction, error)) error {
	if err := i.still(ctx); err != nil {
		i.report.Complete = false
		i.report.fail(change, err)
		return errStopped
	}
	action, err := do()
	change.Action = action
	return i.report.note(ctx, change, err)
}

// still refuses to go on for a caller whose token or identity has ended, or who may do
// this no more, and from then on goes by what the caller holds now.
func (i *importer) still(ctx context.Context) error {
	now := i.m.now()
	if now.Sub(i.checked) < recheckEvery {
		return nil
	}
	if i.c.Token.ID != "" {
		record, err := i.m.tokens.Find(ctx, i.c.Token.ID)
		if err != nil {
			return fmt.Errorf("find the caller's token: %w", err)
		}
		if record.Status(now) != pat.Active || record.Generation != i.c.Token.Generation {
			return pat.ErrParentEnded
		}
	}
	identity, err := i.m.directory.Find(ctx, i.c.Identity.ID)
	if err != nil {
		return fmt.Errorf("find the caller: %w", err)
	}
	t, err := i.m.tenant(ctx, i.c, "", ImportDirectory)
	if err != nil {
		return err
	}
	if identity.Status(&t.organization.Policy, now) != directory.Active {
		return pat.ErrParentEnded
	}
	principal, caller := *i.c.Principal, *i.c
	principal.Identity, principal.Access = identity, t.snapshot.AccessOf(&identity)
	caller.Principal = &principal
	if err := caller.need(ImportDirectory, inOrganization(t.organization.ID)); err != nil {
		return err
	}
	i.c, i.checked = &caller, now
	return nil
}
