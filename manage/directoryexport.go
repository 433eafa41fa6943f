package manage

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/cambio-sts/cambio/directory"
)

// DirectoryExport is an organization on its way into a file. The identities are read
// as they are asked for, so that it takes no more room for more of them.
type DirectoryExport struct {
	People      iter.Seq2[FilePerson, error] // oldest first
	Groups      []FileGroup                  // by name
	Assignments iter.Seq2[FileAssignment, error]
}

// exporter names what the directory keeps by ids.
type exporter struct {
	directory    *directory.Directory
	snapshot     *directory.Snapshot
	organization directory.ID
}

// ExportDirectory begins an export of an organization, the caller's own, as of now.
// The errors of its sequences are those of the store.
func (m *Manager) ExportDirectory(ctx context.Context, c *Caller, organization string) (*DirectoryExport, error) {
	t, err := m.tenant(ctx, c, known(organization), ExportDirectory)
	if err != nil {
		return nil, err
	}
	e := &exporter{directory: m.directory, snapshot: t.snapshot, organization: t.organization.ID}
	export := &DirectoryExport{People: e.people(ctx), Assignments: e.assignments(ctx)}
	for _, group := range t.snapshot.Groups(t.organization.ID) {
		export.Groups = append(export.Groups, FileGroup{
			Name: group.Name, Description: textOrNil(group.Description), Children: e.names(group.ChildGroups),
		})
	}
	return export, nil
}

// names are those of groups, sorted; of one that is gone there is none.
func (e *exporter) names(groups []directory.ID) []string {
	var names []string
	for _, id := range groups {
		if group, ok := e.snapshot.Group(id); ok && group.Organization == e.organization {
			names = append(names, group.Name)
		}
	}
	slices.Sort(names)
	return names
}

func (e *exporter) people(ctx context.Context) iter.Seq2[FilePerson, error] {
	return func(yield func(FilePerson, error) bool) {
		for identity, err := range e.directory.ListIdentities(ctx, e.organization) {
			if err != nil {
				yield(FilePerson{}, fmt.Errorf("export identities: %w", err))
				return
			}
			if identity.Type == directory.TechnicalUser {
				continue
			}
			if !yield(e.person(&identity), nil) {
				return
			}
		}
	}
}

func (e *exporter) person(identity *directory.Identity) FilePerson {
	return FilePerson{
		Username: identity.Username, DisplayName: textOrNil(identity.DisplayName), Email: textOrNil(identity.Email),
		ExternalID: textOrNil(identity.ExternalID), Issuer: textOrNil(identity.Issuer), Subject: textOrNil(identity.Subject),
		Enabled: &identity.Enabled, Groups: e.names(identity.Groups),
	}
}

// local returns the assignments of the organization and of its groups, by id.
func (e *exporter) local() []directory.Assignment {
	return slices.DeleteFunc(e.snapshot.Assignments(), func(a directory.Assignment) bool {
		organization, err := organizationOf(e.snapshot, &a)
		return err != nil || organization != e.organization
	})
}

// assignments are in an order that does not tell of ids.
func (e *exporter) assignments(ctx context.Context) iter.Seq2[FileAssignment, error] {
	return func(yield func(FileAssignment, error) bool) {
		named, err := e.named(ctx, e.local())
		if err != nil {
			yield(FileAssignment{}, err)
			return
		}
		all := make([]FileAssignment, 0, len(named))
		for _, one := range named {
			all = append(all, one.FileAssignment)
		}
		slices.SortFunc(all, compareAssignments)
		for _, one := range all {
			if !yield(one, nil) {
				return
			}
		}
	}
}

// namedAssignment is an assignment that a file can hold, with its ids.
type namedAssignment struct {
	FileAssignment

	id, holder, scope directory.ID
}

// named names what assignments refer to. Those of technical users, and of who is gone,
// are left out.
func (e *exporter) named(ctx context.Context, assignments []directory.Assignment) ([]namedAssignment, error) {
	var named []namedAssignment
	for part := range slices.Chunk(assignments, MaxPage) {
		var ids []directory.ID
		for i := range part {
			if _, isGroup := e.snapshot.Group(part[i].Holder); !isGroup {
				ids = append(ids, part[i].Holder)
			}
		}
		people, err := e.directory.FindAll(ctx, ids)
		if err != nil {
			return nil, fmt.Errorf("find the holders of roles: %w", err)
		}
		for i := range part {
			if one, ok := e.name(&part[i], people); ok {
				named = append(named, namedAssignment{FileAssignment: one, id: part[i].ID, holder: part[i].Holder, scope: part[i].ScopeID})
			}
		}
	}
	return named, nil
}

func (e *exporter) name(a *directory.Assignment, people map[directory.ID]directory.Identity) (FileAssignment, bool) {
	named := FileAssignment{Role: a.Role, Rights: a.Rights, Scope: a.Scope}
	if a.Scope == directory.OnGroup {
		group, ok := e.snapshot.Group(a.ScopeID)
		if !ok {
			return FileAssignment{}, false
		}
		named.Group = group.Name
	}
	if group, isGroup := e.snapshot.Group(a.Holder); isGroup {
		named.HolderGroup, named.Holder = true, group.Name
		return named, group.Organization == e.organization
	}
	person, ok := people[a.Holder]
	named.Holder = person.Username
	return named, ok && person.Type == directory.User && person.Organization == e.organization
}

func compareAssignments(a, b FileAssignment) int { return strings.Compare(a.key(), b.key()) }

// key tells assignments apart; no part of it can hold the separator.
func (a *FileAssignment) key() string {
	holder := "IDENTITY"
	if a.HolderGroup {
		holder = "GROUP"
	}
	rights := make([]string, len(a.Rights))
	for i, right := range a.Rights {
		rights[i] = string(right)
	}
	return strings.Join([]string{holder, a.Holder, string(a.Scope), a.Group, cmp.Or(string(a.Role), strings.Join(rights, " "))}, "\x00")
}

func textOrNil(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}
