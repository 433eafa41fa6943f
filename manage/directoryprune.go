package manage

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/cambio-sts/cambio/directory"
)

// prune takes away what the file does not have: people, groups, role assignments.
// Technical users, the reserved groups and the platform's assignments stay.
func (i *importer) prune(ctx context.Context) error {
	for _, step := range []struct {
		kind   DirectoryKind
		listed bool // a list that is absent says nothing
		prune  func(context.Context) error
	}{
		{KindIdentity, i.file.People != nil, i.prunePeople},
		{KindGroup, i.file.Groups != nil, i.pruneGroups},
		{KindRoleAssignment, i.file.Assignments != nil, i.pruneAssignments},
	} {
		if !step.listed {
			continue
		}
		err := step.prune(ctx)
		if err != nil && !errors.Is(err, errStopped) {
			err = i.report.note(ctx, DirectoryChange{Kind: step.kind, Index: -1}, err)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// remove removes one thing, unless only a preview is asked for.
func (i *importer) remove(ctx context.Context, kind DirectoryKind, id directory.ID, name string, may error, remove func() error) error {
	return i.try(ctx, DirectoryChange{Kind: kind, Index: -1, Name: name}, func() (DirectoryAction, error) {
		if may == nil && !i.ask.Preview {
			may = remove()
		}
		if may == nil {
			i.gone[id] = true
		}
		return DirectoryRemove, may
	})
}

// prunePeople looks for them first: a list that loses what it has shown is no list.
func (i *importer) prunePeople(ctx context.Context) error {
	kept := make(map[directory.ID]bool, len(i.people))
	for _, id := range i.people {
		kept[id] = true
	}
	listed := make(map[string]bool, len(i.file.People)) // also those that failed
	for n := range i.file.People {
		listed[i.file.People[n].Username] = true
	}
	var gone []directory.Identity
	for identity, err := range i.m.directory.ListIdentities(ctx, i.c.Identity.Organization) {
		if err != nil {
			return fmt.Errorf("list identities: %w", err)
		}
		if identity.Type == directory.User && !kept[identity.ID] && !listed[identity.Username] {
			gone = append(gone, identity)
		}
	}
	for n := range gone {
		identity := &gone[n]
		err := i.remove(ctx, KindIdentity, identity.ID, identity.Username, i.c.mayEnd(identity), func() error {
			return i.m.DeleteIdentity(ctx, i.c, string(identity.ID), nil)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (i *importer) pruneGroups(ctx context.Context) error {
	listed := make(map[string]bool, len(i.file.Groups))
	for n := range i.file.Groups {
		listed[i.file.Groups[n].Name] = true
	}
	snapshot, err := i.m.snapshot(ctx, WriteGroup)
	if err != nil {
		return err
	}
	for _, group := range snapshot.Groups(i.c.Identity.Organization) {
		if reserved(group) || listed[group.Name] {
			continue
		}
		err := i.remove(ctx, KindGroup, group.ID, group.Name, nil, func() error { return i.m.DeleteGroup(ctx, i.c, string(group.ID), nil) })
		if err != nil {
			return err
		}
	}
	return nil
}

func (i *importer) pruneAssignments(ctx context.Context) error {
	listed := make(map[string]bool, len(i.file.Assignments))
	for n := range i.file.Assignments {
		listed[i.file.Assignments[n].key()] = true
	}
	snapshot, err := i.m.snapshot(ctx, AssignRoles)
	if err != nil {
		return err
	}
	e := &exporter{directory: i.m.directory, snapshot: snapshot, organization: i.c.Identity.Organization}
	named, err := e.named(ctx, e.local())
	if err != nil {
		return err
	}
	for n := range named {
		one := &named[n]
		if listed[one.key()] || i.gone[one.holder] || i.gone[one.scope] {
			continue // or it goes with what it belongs to
		}
		err := i.remove(ctx, KindRoleAssignment, one.id, one.title(), nil, func() error { return i.m.Unassign(ctx, i.c, string(one.id)) })
		if err != nil {
			return err
		}
	}
	return nil
}

// title says what an assignment gives to whom.
func (a *FileAssignment) title() string {
	return nameOf(&directory.Assignment{Role: a.Role, Rights: a.Rights}) + ": " + a.Holder
}

// at is a position in a list of a file.
func at(list string, index int) string { return list + "[" + strconv.Itoa(index) + "]" }
