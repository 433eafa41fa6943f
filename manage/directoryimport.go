package manage

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/cambio-sts/cambio/directory"
)

// DirectoryImport is what is asked of an import.
type DirectoryImport struct {
	Preview bool // only tell what it would do
	Prune   bool // take away what the file does not have
}

// importer brings an organization to what a file says, thing by thing, each by the
// rules of a single change of it and with its own audit event.
type importer struct {
	m      *Manager
	c      *Caller
	ask    DirectoryImport
	file   *DirectoryFile
	report *DirectoryReport

	// By name, what there is; without an id what a preview would make.
	groups map[string]directory.ID
	people map[string]directory.ID
	made   map[string]bool       // groups, by this import
	gone   map[directory.ID]bool // by this import

	checked time.Time // when it was last known that the caller may do this
}

// ImportDirectory brings an organization, the caller's own, to what a file says.
// Without Prune it only adds and updates. It is no one step: it goes on past what
// cannot be done, and reports it; done again it does what is left. An error of it says
// that nothing was done: *directory.FieldError, with the position, for a file that
// cannot be meant.
func (m *Manager) ImportDirectory(ctx context.Context, c *Caller, organization string, ask DirectoryImport, input Input[*DirectoryFile]) (*DirectoryReport, error) {
	t, err := m.tenant(ctx, c, known(organization), ImportDirectory)
	if err != nil {
		return nil, err
	}
	file, err := input()
	if err != nil {
		return nil, err
	}
	i := &importer{
		m: m, c: c, ask: ask, file: file, report: newDirectoryReport(ask.Preview),
		groups: make(map[string]directory.ID), people: make(map[string]directory.ID), made: make(map[string]bool), gone: make(map[directory.ID]bool),
	}
	for _, group := range t.snapshot.Groups(t.organization.ID) {
		i.groups[group.Name] = group.ID
	}
	checked, err := file.check(i.groups)
	if err == nil {
		err = i.findHolders(ctx, checked)
	}
	if err != nil {
		return nil, err
	}
	if err := i.run(ctx); err != nil && !errors.Is(err, errStopped) {
		return nil, err
	}
	return i.report, nil
}

// findHolders looks for the people who hold roles by the file, but are not in it.
func (i *importer) findHolders(ctx context.Context, checked *fileCheck) error {
	for n := range i.file.Assignments {
		a := &i.file.Assignments[n]
		if a.HolderGroup || checked.people[a.Holder] {
			continue
		}
		if _, known := i.people[a.Holder]; known {
			continue
		}
		identity, err := i.m.directory.FindByLogin(ctx, i.c.Identity.Organization, directory.ByUsername, a.Holder)
		switch {
		case errors.Is(err, directory.ErrNotFound), err == nil && identity.Type != directory.User:
			checked.broken(at("roleAssignments", n)+".holder.name", directory.RuleUnknownName)
		case err != nil:
			return err
		default:
			i.people[a.Holder] = identity.ID
		}
	}
	return errors.Join(checked.errs...)
}

// run makes the changes: what others refer to first, and what is taken away last.
func (i *importer) run(ctx context.Context) error {
	for _, step := range []struct {
		kind  DirectoryKind
		count int
		name  func(n int) string
		do    func(ctx context.Context, n int) (DirectoryAction, error)
	}{
		{KindGroup, len(i.file.Groups), func(n int) string { return i.file.Groups[n].Name }, i.group},
		{KindGroup, len(i.file.Groups), func(n int) string { return i.file.Groups[n].Name }, i.nesting},
		{KindIdentity, len(i.file.People), func(n int) string { return i.file.People[n].Username }, i.person},
		{KindRoleAssignment, len(i.file.Assignments), func(n int) string { return i.file.Assignments[n].title() }, i.assignment},
	} {
		for n := range step.count {
			change := DirectoryChange{Kind: step.kind, Index: n, Name: step.name(n)}
			if err := i.try(ctx, change, func() (DirectoryAction, error) { return step.do(ctx, n) }); err != nil {
				return err
			}
		}
	}
	if !i.ask.Prune {
		return nil
	}
	return i.prune(ctx)
}

// group makes a group, or gives it the description that it has in the file.
func (i *importer) group(ctx context.Context, n int) (DirectoryAction, error) {
	wanted := &i.file.Groups[n]
	id, there := i.groups[wanted.Name]
	if !there {
		if directory.Role(wanted.Name).Known() {
			return "", directory.ErrReserved
		}
		i.groups[wanted.Name], i.made[wanted.Name] = "", true
		if i.ask.Preview {
			return DirectoryCreate, nil
		}
		made, err := i.m.CreateGroup(ctx, i.c, Given(directory.Group{Name: wanted.Name, Description: orEmpty(wanted.Description)}))
		if err != nil {
			delete(i.groups, wanted.Name)
			return "", err
		}
		i.groups[wanted.Name] = made.ID
		return DirectoryCreate, nil
	}
	if wanted.Description == nil && !i.ask.Prune {
		return "", nil
	}
	now, _, err := i.m.group(ctx, i.c, string(id), WriteGroup)
	if err != nil || now.Description == orEmpty(wanted.Description) {
		return "", err
	}
	if i.ask.Preview {
		return DirectoryUpdate, nil
	}
	_, err = i.m.UpdateGroup(ctx, i.c, string(id), nil, func(now *directory.Group) error {
		now.Description = orEmpty(wanted.Description)
		return nil
	})
	return DirectoryUpdate, err
}

// nesting nests in a group those that the file nests in it.
func (i *importer) nesting(ctx context.Context, n int) (DirectoryAction, error) {
	wanted := &i.file.Groups[n]
	id, ok := i.groups[wanted.Name]
	if !ok || len(wanted.Children) == 0 && !i.ask.Prune {
		return "", nil // it failed before; nothing is nested
	}
	if id == "" {
		return "", nil // a preview has told of it
	}
	now, snapshot, err := i.m.group(ctx, i.c, string(id), WriteGroup)
	if err != nil {
		return "", err
	}
	children := make(map[directory.ID]bool, len(wanted.Children))
	for _, name := range wanted.Children {
		child, ok := i.groups[name]
		if !ok {
			return "", directory.ErrNotFound
		}
		children[child] = true
	}
	nested, err := i.nest(ctx, now, snapshot, children)
	if err != nil {
		return "", err
	}
	unnested, err := i.unnest(ctx, now, children)
	if err != nil || !nested && !unnested || i.made[wanted.Name] {
		return "", err
	}
	return DirectoryUpdate, nil
}

// nest nests what is not nested yet, and reports whether there was any.
func (i *importer) nest(ctx context.Context, into *directory.Group, snapshot *directory.Snapshot, children map[directory.ID]bool) (changed bool, err error) {
	for child := range children {
		if slices.Contains(into.ChildGroups, child) {
			continue
		}
		if i.ask.Preview {
			err = i.c.mayGive(snapshot, snapshot.Given(into.ID))
		} else {
			err = i.m.AddChild(ctx, i.c, string(into.ID), string(child))
		}
		if err != nil {
			return false, err
		}
		changed = true
	}
	return changed, nil
}

// unnest is the opposite of nest, in an import that prunes.
func (i *importer) unnest(ctx context.Context, from *directory.Group, children map[directory.ID]bool) (changed bool, err error) {
	for _, child := range from.ChildGroups {
		if !i.ask.Prune || children[child] {
			continue
		}
		if !i.ask.Preview {
			if err := i.m.RemoveChild(ctx, i.c, string(from.ID), string(child)); err != nil {
				return false, err
			}
		}
		changed = true
	}
	return changed, nil
}

// assignment gives a role or rights.
func (i *importer) assignment(ctx context.Context, n int) (DirectoryAction, error) {
	wanted, found := i.resolve(&i.file.Assignments[n])
	if !found {
		return "", directory.ErrNotFound
	}
	snapshot, err := i.m.snapshot(ctx, AssignRoles)
	if err != nil {
		return "", err
	}
	if snapshot.Held(&wanted) {
		return "", nil
	}
	if i.ask.Preview {
		if wanted.ScopeID == "" {
			return DirectoryCreate, nil // on a group that there would be
		}
		return DirectoryCreate, i.c.mayAssign(snapshot, &wanted)
	}
	_, err = i.m.Assign(ctx, i.c, Given(wanted))
	return DirectoryCreate, err
}

// resolve names by ids what an assignment refers to, if that is there or, in a preview,
// would be.
func (i *importer) resolve(a *FileAssignment) (directory.Assignment, bool) {
	wanted := directory.Assignment{Role: a.Role, Rights: a.Rights, Scope: a.Scope, ScopeID: i.c.Identity.Organization}
	scoped := true
	if a.Scope == directory.OnGroup {
		wanted.ScopeID, scoped = i.groups[a.Group]
	}
	holders := i.people
	if a.HolderGroup {
		holders = i.groups
	}
	holder, held := holders[a.Holder]
	wanted.Holder = holder
	return wanted, scoped && held
}
