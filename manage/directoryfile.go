package manage

import (
	"errors"

	"github.com/cambio-sts/cambio/directory"
)

const (
	// DirectoryFileVersion is the only one there is.
	DirectoryFileVersion = 1
	// maxFileErrors is how many things wrong with a file are told at once.
	maxFileErrors = 100
)

// DirectoryFile is the people, groups and role assignments of an organization, which
// name one another, so that they can be carried to another deployment. It holds no
// token, no secret, no technical user and nothing of the platform.
type DirectoryFile struct {
	Version     int
	People      []FilePerson
	Groups      []FileGroup
	Assignments []FileAssignment
}

// FilePerson is a person. What is nil is left as it is.
type FilePerson struct {
	Username                                        string
	DisplayName, Email, ExternalID, Issuer, Subject *string
	Enabled                                         *bool
	Groups                                          []string // direct membership
}

// FileGroup is a group. A description that is nil is left as it is.
type FileGroup struct {
	Name        string
	Description *string
	Children    []string
}

// FileAssignment is a role, or rights, held in the organization or in one group.
type FileAssignment struct {
	Role   directory.Role
	Rights []directory.Right
	Scope  directory.ScopeKind
	Group  string // of the scope; empty for the organization

	HolderGroup bool   // the holder is a group, not a person
	Holder      string // the name of the group, or the username
}

// apply writes what the file says of somebody over what there is. With all, what it
// does not say is taken away.
func (p *FilePerson) apply(to *directory.Identity, all bool) {
	to.Username = p.Username
	for _, text := range []struct {
		to   *string
		from *string
	}{{&to.DisplayName, p.DisplayName}, {&to.Email, p.Email}, {&to.ExternalID, p.ExternalID}, {&to.Issuer, p.Issuer}, {&to.Subject, p.Subject}} {
		switch {
		case text.from != nil:
			*text.to = *text.from
		case all:
			*text.to = ""
		}
	}
	if p.Enabled != nil {
		to.Enabled = *p.Enabled
	}
}

// fileCheck collects what is wrong with a file, each with its position.
type fileCheck struct {
	errs   []error
	groups map[string]bool // of the file and of the organization
	people map[string]bool // of the file
}

// check refuses a file that cannot be meant, before anything of it is done. known are
// the groups that there are. Any error is made of *directory.FieldError.
func (f *DirectoryFile) check(known map[string]directory.ID) (*fileCheck, error) {
	c := &fileCheck{groups: make(map[string]bool), people: make(map[string]bool)}
	for name := range known {
		c.groups[name] = true
	}
	if f.Version != DirectoryFileVersion {
		c.broken("version", directory.RuleFileVersion, DirectoryFileVersion)
	}
	listed := make(map[string]bool)
	for i := range f.Groups {
		place, group := at("groups", i), &f.Groups[i]
		c.located(place, (&directory.Group{Name: group.Name, Description: orEmpty(group.Description)}).Validate())
		if listed[group.Name] {
			c.broken(place+".name", directory.RuleRepeated)
		}
		listed[group.Name], c.groups[group.Name] = true, true
	}
	for i := range f.Groups {
		c.members(at("groups", i)+".childGroups", f.Groups[i].Children)
	}
	for i := range f.People {
		place, person := at("identities", i), &f.People[i]
		identity := directory.Identity{Type: directory.User}
		person.apply(&identity, true)
		c.located(place, identity.Validate())
		if c.people[person.Username] {
			c.broken(place+".username", directory.RuleRepeated)
		}
		c.people[person.Username] = true
		c.members(place+".groups", person.Groups)
	}
	for i := range f.Assignments {
		c.assignment(at("roleAssignments", i), &f.Assignments[i])
	}
	return c, errors.Join(c.errs...)
}

// members refuses names of groups that there are none of, or that are repeated.
func (c *fileCheck) members(list string, names []string) {
	seen := make(map[string]bool, len(names))
	for i, name := range names {
		switch {
		case !c.groups[name]:
			c.broken(at(list, i), directory.RuleUnknownName)
		case seen[name]:
			c.broken(at(list, i), directory.RuleRepeated)
		}
		seen[name] = true
	}
}

func (c *fileCheck) assignment(at string, a *FileAssignment) {
	stand := directory.Assignment{Role: a.Role, Rights: a.Rights, Scope: a.Scope, ScopeID: directory.ID(a.Group)}
	switch a.Scope {
	case directory.OnOrganization:
		if a.Group != "" {
			c.broken(at+".scopeName", directory.RuleUnknownName)
			return
		}
		stand.ScopeID = "the organization"
	case directory.OnGroup:
		if !c.groups[a.Group] {
			c.broken(at+".scopeName", directory.RuleUnknownName)
			return
		}
	default:
		c.broken(at+".scope", directory.RuleOneOfTwo, directory.OnOrganization, directory.OnGroup)
		return
	}
	c.located(at, checkAssignment(&stand))
	if a.HolderGroup && !c.groups[a.Holder] {
		c.broken(at+".holder.name", directory.RuleUnknownName)
	}
}

func (c *fileCheck) broken(field string, rule directory.Rule, args ...any) {
	c.add(directory.Broken(field, rule, args...))
}

func (c *fileCheck) add(err error) {
	if len(c.errs) < maxFileErrors {
		c.errs = append(c.errs, err)
	}
}

// located adds the errors of fields of the thing at a position.
func (c *fileCheck) located(at string, err error) {
	if several, ok := err.(interface{ Unwrap() []error }); ok {
		for _, one := range several.Unwrap() {
			c.located(at, one)
		}
		return
	}
	if field, ok := errors.AsType[*directory.FieldError](err); ok {
		located := *field
		located.Field = at + "." + field.Field
		c.add(&located)
	}
}

func orEmpty(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}
