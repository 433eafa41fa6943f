package manage

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/cambio-sts/cambio/directory"
)

// person makes a person, or changes what the file says otherwise of one.
func (i *importer) person(ctx context.Context, n int) (DirectoryAction, error) {
	wanted := &i.file.People[n]
	groups, err := i.groupsOf(wanted)
	if err != nil {
		return "", err
	}
	t, err := i.m.tenant(ctx, i.c, "", WriteIdentity)
	if err != nil {
		return "", err
	}
	now, err := i.m.directory.FindByLogin(ctx, t.organization.ID, directory.ByUsername, wanted.Username)
	switch {
	case errors.Is(err, directory.ErrNotFound):
		return i.createPerson(ctx, t, wanted, groups)
	case err != nil:
		return "", fmt.Errorf("find by username: %w", err)
	}
	if err := alterable(&now); err != nil {
		return "", err
	}
	i.people[wanted.Username] = now.ID
	change := func(now *directory.Identity) error {
		before := *now
		wanted.apply(now, i.ask.Prune)
		now.Username = before.Username // by which it was found, however that is written
		now.Groups = i.joined(before.Groups, groups)
		if err := i.mayMove(t, &before, now); err != nil {
			return err
		}
		return i.m.mayChange(ctx, i.c, t, &before, now)
	}
	after := now
	after.Groups = slices.Clone(now.Groups)
	if i.ask.Preview {
		if err := change(&after); err != nil {
			return "", err
		}
		if after.Same(&now) {
			return "", nil
		}
		return DirectoryUpdate, after.ValidateChange(&now)
	}
	if after, err = i.m.directory.UpdateIdentity(ctx, now.ID, change, i.c.keeper()); err != nil {
		return "", err
	}
	if after.Revision == now.Revision {
		return "", nil
	}
	return DirectoryUpdate, nil
}

func (i *importer) createPerson(ctx context.Context, t *tenant, wanted *FilePerson, groups []directory.ID) (DirectoryAction, error) {
	draft := directory.Identity{Organization: t.organization.ID, Type: directory.User, Enabled: true}
	wanted.apply(&draft, true)
	draft.Groups = groups
	if err := i.mayMove(t, &directory.Identity{}, &draft); err != nil {
		return "", err
	}
	if err := i.m.mayLink(i.c, t, &directory.Identity{}, &draft); err != nil {
		return "", err
	}
	if i.ask.Preview {
		i.people[wanted.Username] = ""
		return DirectoryCreate, nil
	}
	made, err := i.m.directory.CreateIdentity(ctx, draft, i.c.keeper())
	if err != nil {
		return "", err
	}
	i.people[wanted.Username] = made.ID
	return DirectoryCreate, nil
}

// groupsOf returns the ids of a person's groups; directory.ErrNotFound for one that
// could not be made.
func (i *importer) groupsOf(person *FilePerson) ([]directory.ID, error) {
	var ids []directory.ID
	for _, name := range person.Groups {
		id, ok := i.groups[name]
		switch {
		case !ok:
			return nil, directory.ErrNotFound
		case name == directory.Nobody, name == directory.Everyone:
			return nil, directory.ErrReserved
		default:
			ids = append(ids, id)
		}
	}
	return ids, nil
}

// joined are the groups before and those of the file; only those, in a pruning import.
func (i *importer) joined(before, wanted []directory.ID) []directory.ID {
	var all []directory.ID
	for _, id := range before {
		if !i.ask.Prune || slices.Contains(wanted, id) {
			all = append(all, id)
		}
	}
	for _, id := range wanted {
		if !slices.Contains(all, id) {
			all = append(all, id)
		}
	}
	return all
}

// mayMove refuses to put somebody into groups, or take them out, by the rules of a
// single change of a group's members.
func (i *importer) mayMove(t *tenant, before, after *directory.Identity) error {
	for _, group := range after.Groups {
		if slices.Contains(before.Groups, group) {
			continue
		}
		if err := i.c.mayGive(t.snapshot, t.snapshot.Given(group)); err != nil {
			return err
		}
	}
	for _, group := range before.Groups {
		if slices.Contains(after.Groups, group) {
			continue
		}
		if err := i.c.mayTake(t.snapshot, group, before); err != nil {
			return err
		}
	}
	return nil
}
