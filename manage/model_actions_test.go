package manage_test

import (
	"maps"
	"time"

	"pgregory.net/rapid"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/id"
	"github.com/cambio-sts/cambio/manage"
	"github.com/cambio-sts/cambio/pat"
)

// action calls a use case with drawn things.
type action func(t *rapid.T, s *step, c *manage.Caller) error

func (m *model) actions() map[string]action {
	all := map[string]action{}
	for _, some := range []map[string]action{m.personalActions(), m.levelActions(), m.groupActions(), m.peopleActions(), m.roleActions(), m.listActions()} {
		maps.Copy(all, some)
	}
	return all
}

// showToken notes what a use case returned.
func (s *step) showToken(token *manage.Token, err error) error {
	if err == nil {
		s.shown = append(s.shown, token.Organization)
	}
	return err
}

func (s *step) showGroup(group *manage.Group, err error) error {
	if err == nil {
		s.shown = append(s.shown, group.Organization)
	}
	return err
}

func (s *step) showIdentity(identity *manage.Identity, err error) error {
	if err == nil {
		s.shown = append(s.shown, identity.Organization)
	}
	return err
}

// showAll notes where the entries of a page are from.
func showAll[T any](s *step, page manage.Page[T], err error, of func(T) directory.ID) error {
	for _, entry := range page.Entries {
		s.shown = append(s.shown, of(entry))
	}
	return err
}

func everything() manage.Input[*manage.Ask] {
	return manage.Given(&manage.Ask{Limit: manage.MaxPage, Count: true})
}

// rotation is one for a drawn reason.
func rotation(t *rapid.T) manage.Input[manage.Rotation] {
	how := manage.Rotation{Reason: rapid.SampledFrom([]pat.Reason{"", pat.Compromised}).Draw(t, "reason")}
	if none := time.Duration(0); rapid.Bool().Draw(t, "no grace") {
		how.Grace = &none
	}
	return manage.Given(how)
}

func end(t *rapid.T) manage.Input[pat.End] {
	return manage.Given(pat.End{
		Reason: rapid.SampledFrom([]pat.Reason{"", "", pat.Unused, pat.Compromised}).Draw(t, "reason"), Cascade: rapid.Bool().Draw(t, "cascade"),
	})
}

// change draws what of a token shall change.
func (m *model) change(t *rapid.T) manage.TokenChange {
	var change pat.Change
	switch rapid.IntRange(0, 4).Draw(t, "field") {
	case 0:
		change.Scope = new(scopes(t))
	case 1:
		change.Audience = new(audience(t))
	case 2:
		change.Networks = new(networks(t))
	case 3:
		change.Expiration = new(m.expiration(t))
	default:
		change.Name = new(m.name("token"))
	}
	return func(*manage.Token) (pat.Change, error) { return change, nil }
}

// someToken is mostly one of the caller's own.
func (m *model) someToken(t *rapid.T, s *step) string {
	if rapid.IntRange(0, 2).Draw(t, "somebody else's") == 0 {
		return string(m.tokenIn(t, m.where(t, s), "").ID)
	}
	return string(someIn(t, "own token", m.tokens, m.now.tokens, func(r pat.Record) bool { return r.Owner == s.by.ID }))
}

func (m *model) personalActions() map[string]action {
	ctx := m.Context()
	return map[string]action{
		"create token": func(t *rapid.T, s *step, c *manage.Caller) error {
			_, shown, err := m.manager.CreateToken(ctx, c, manage.Given(m.draft(t)))
			return s.showToken(shown, err)
		},
		"read token": func(t *rapid.T, s *step, c *manage.Caller) error {
			return s.showToken(m.manager.Token(ctx, c, m.someToken(t, s)))
		},
		"change token": func(t *rapid.T, s *step, c *manage.Caller) error {
			return s.showToken(m.manager.UpdateToken(ctx, c, m.someToken(t, s), nil, m.change(t)))
		},
		"rotate token": func(t *rapid.T, s *step, c *manage.Caller) error {
			_, shown, err := m.manager.RotateToken(ctx, c, m.someToken(t, s), nil, rotation(t))
			return s.showToken(shown, err)
		},
		"revoke token": func(t *rapid.T, s *step, c *manage.Caller) error {
			return s.showToken(m.manager.RevokeToken(ctx, c, m.someToken(t, s), nil, end(t)))
		},
		"delete token": func(t *rapid.T, s *step, c *manage.Caller) error {
			return m.manager.DeleteToken(ctx, c, m.someToken(t, s), nil)
		},
	}
}

// level draws a level, mostly one that the caller administers, and a token, mostly one
// of it.
func (m *model) level(t *rapid.T, s *step) (manage.Level, string) {
	s.levelToken = true
	organization := m.where(t, s)
	of := rapid.SampledFrom([]pat.Level{pat.Organization, pat.Group}).Draw(t, "level")
	level := manage.Level{Of: of, ID: string(organization)}
	if of == pat.Group {
		level.ID = string(m.groupIn(t, organization))
	}
	held := m.now.powersOf(s.by.ID)
	var administered []manage.Level
	if held[power{role: directory.OrganizationAdmin, at: directory.OnOrganization, of: organization}] {
		administered = append(administered, manage.Level{Of: pat.Organization, ID: string(organization)})
	}
	for _, group := range m.groups {
		if held[power{role: directory.GroupAdmin, at: directory.OnGroup, of: group}] {
			administered = append(administered, manage.Level{Of: pat.Group, ID: string(group)})
		}
	}
	if len(administered) > 0 && rapid.IntRange(0, 5).Draw(t, "another level") > 0 {
		level = rapid.SampledFrom(administered).Draw(t, "level that the caller administers")
	}
	if rapid.IntRange(0, 5).Draw(t, "of another level") == 0 {
		return level, string(m.tokenIn(t, organization, "").ID)
	}
	return level, string(someIn(t, "token of the level", m.tokens, m.now.tokens, func(r pat.Record) bool { return string(r.LevelID) == level.ID }))
}

// disabledIn draws a token that can be re-enabled; the zero record if there is none.
func (m *model) disabledIn(t *rapid.T, organization directory.ID) pat.Record {
	return m.now.tokens[someIn(t, "disabled token", m.tokens, m.now.tokens, func(r pat.Record) bool {
		return r.Organization == organization && r.State == pat.StateRevoked && r.Reversible
	})]
}

func (m *model) levelActions() map[string]action {
	ctx := m.Context()
	return map[string]action{
		"create level token": func(t *rapid.T, s *step, c *manage.Caller) error {
			level, _ := m.level(t, s)
			_, shown, err := m.manager.CreateLevelToken(ctx, c, level, manage.Given(m.draft(t)))
			return s.showToken(shown, err)
		},
		"read level token": func(t *rapid.T, s *step, c *manage.Caller) error {
			level, id := m.level(t, s)
			return s.showToken(m.manager.LevelToken(ctx, c, level, id))
		},
		"change level token": func(t *rapid.T, s *step, c *manage.Caller) error {
			level, id := m.level(t, s)
			return s.showToken(m.manager.UpdateLevelToken(ctx, c, level, id, nil, m.change(t)))
		},
		"rotate level token": func(t *rapid.T, s *step, c *manage.Caller) error {
			level, id := m.level(t, s)
			_, shown, err := m.manager.RotateLevelToken(ctx, c, level, id, nil, rotation(t))
			return s.showToken(shown, err)
		},
		"revoke level token": func(t *rapid.T, s *step, c *manage.Caller) error {
			level, id := m.level(t, s)
			return s.showToken(m.manager.RevokeLevelToken(ctx, c, level, id, nil, end(t)))
		},
		"reactivate level token": func(t *rapid.T, s *step, c *manage.Caller) error {
			level, id := m.level(t, s)
			if disabled := m.disabledIn(t, s.by.Organization); disabled.LevelID != "" {
				level, id = manage.Level{Of: disabled.Level, ID: string(disabled.LevelID)}, string(disabled.ID)
			}
			return s.showToken(m.manager.ReactivateLevelToken(ctx, c, level, id, nil))
		},
		"delete level token": func(t *rapid.T, s *step, c *manage.Caller) error {
			level, id := m.level(t, s)
			return m.manager.DeleteLevelToken(ctx, c, level, id, nil)
		},
	}
}

func (m *model) groupActions() map[string]action {
	ctx := m.Context()
	return map[string]action{
		"create group": func(t *rapid.T, s *step, c *manage.Caller) error {
			s.membership = true
			group := directory.Group{Name: m.name("group")}
			if rapid.Bool().Draw(t, "with a child") {
				group.ChildGroups = []directory.ID{m.groupIn(t, m.where(t, s))}
			}
			return s.showGroup(m.manager.CreateGroup(ctx, c, manage.Given(group)))
		},
		"rename group": func(t *rapid.T, s *step, c *manage.Caller) error {
			rename := func(group *directory.Group) error { group.Name = m.name("group"); return nil }
			return s.showGroup(m.manager.UpdateGroup(ctx, c, string(m.groupIn(t, m.where(t, s))), nil, rename))
		},
		"delete group": func(t *rapid.T, s *step, c *manage.Caller) error {
			return m.manager.DeleteGroup(ctx, c, string(m.groupIn(t, m.where(t, s))), nil)
		},
		"add member": func(t *rapid.T, s *step, c *manage.Caller) error {
			s.membership = true
			return m.manager.AddMember(ctx, c, string(m.groupIn(t, m.where(t, s))), string(m.personIn(t, m.where(t, s))))
		},
		"remove member": func(t *rapid.T, s *step, c *manage.Caller) error {
			return m.manager.RemoveMember(ctx, c, string(m.groupIn(t, m.where(t, s))), string(m.personIn(t, m.where(t, s))))
		},
		"add child": func(t *rapid.T, s *step, c *manage.Caller) error {
			s.membership = true
			return m.manager.AddChild(ctx, c, string(m.groupIn(t, m.where(t, s))), string(m.groupIn(t, m.where(t, s))))
		},
		"remove child": func(t *rapid.T, s *step, c *manage.Caller) error {
			return m.manager.RemoveChild(ctx, c, string(m.groupIn(t, m.where(t, s))), string(m.groupIn(t, m.where(t, s))))
		},
	}
}

func (m *model) peopleActions() map[string]action {
	ctx := m.Context()
	return map[string]action{
		"create identity": func(t *rapid.T, s *step, c *manage.Caller) error {
			draft := directory.Identity{Username: m.name("user"), Enabled: true, BuiltInAdministrator: true, Groups: []directory.ID{m.groupIn(t, s.by.Organization)}}
			return s.showIdentity(m.manager.CreateIdentity(ctx, c, manage.Given(draft)))
		},
		"change identity": func(t *rapid.T, s *step, c *manage.Caller) error {
			field := rapid.IntRange(0, 6).Draw(t, "field")
			return s.showIdentity(m.manager.UpdateIdentity(ctx, c, string(m.personIn(t, m.where(t, s))), nil, func(person *directory.Identity) error {
				switch field {
				case 0:
					person.Username = m.name("user")
				case 1:
					person.Issuer, person.Subject = "https://idp.example.com", id.New()
				case 2:
					person.Email = id.New() + "@example.com"
				case 3:
					person.ExternalID = id.New()
				case 4:
					person.DisplayName = m.name("user")
				default:
					person.Enabled = !person.Enabled
				}
				return nil
			}))
		},
		"delete identity": func(t *rapid.T, s *step, c *manage.Caller) error {
			return m.manager.DeleteIdentity(ctx, c, string(m.personIn(t, m.where(t, s))), nil)
		},
		"read identity": func(t *rapid.T, s *step, c *manage.Caller) error {
			return s.showIdentity(m.manager.Identity(ctx, c, string(m.personIn(t, m.where(t, s)))))
		},
		"record login": func(t *rapid.T, s *step, c *manage.Caller) error {
			return s.showIdentity(m.manager.RecordLogin(ctx, c, string(m.personIn(t, m.where(t, s))), manage.Given(time.Time{})))
		},
	}
}

func (m *model) roleActions() map[string]action {
	ctx := m.Context()
	return map[string]action{
		"assign": func(t *rapid.T, s *step, c *manage.Caller) error {
			s.platform = true
			shown, err := m.manager.Assign(ctx, c, manage.Given(m.assignment(t, m.where(t, s))))
			if err == nil && shown.Scope == directory.OnOrganization {
				s.shown = append(s.shown, shown.ScopeID)
			}
			return err
		},
		"unassign": func(t *rapid.T, s *step, c *manage.Caller) error {
			s.platform = true
			return m.manager.Unassign(ctx, c, string(someIn(t, "assignment", m.assignments, m.now.assignments, func(directory.Assignment) bool { return true })))
		},
		"set policy": func(t *rapid.T, s *step, c *manage.Caller) error {
			policy := directory.DefaultPolicy()
			policy.MaxTokensPerOwner = rapid.IntRange(1, 5).Draw(t, "limit")
			policy.MaxLifetimeSeconds = rapid.SampledFrom([]int64{0, 0, 600, 86400}).Draw(t, "longest life")
			policy.EnforceOnExisting = rapid.Bool().Draw(t, "enforced")
			_, err := m.manager.SetPolicy(ctx, c, string(m.where(t, s)), nil, rapid.Bool().Draw(t, "preview"), manage.Given(policy), everything())
			return err
		},
		"rename organization": func(t *rapid.T, s *step, c *manage.Caller) error {
			s.platform = true
			_, err := m.manager.RenameOrganization(ctx, c, string(m.where(t, s)), nil, func(string) (string, error) { return m.name("organization"), nil })
			return err
		},
		"import directory": func(t *rapid.T, s *step, c *manage.Caller) error {
			s.membership, s.partly = true, true
			organization := m.where(t, s)
			person, group, other := m.now.people[m.personIn(t, organization)], m.now.groups[m.groupIn(t, organization)], m.now.groups[m.groupIn(t, organization)]
			file := &manage.DirectoryFile{Version: manage.DirectoryFileVersion}
			if rapid.Bool().Draw(t, "people") {
				file.People = []manage.FilePerson{{Username: person.Username, Email: new(id.New() + "@example.com"), Groups: []string{group.Name}}}
			}
			if rapid.Bool().Draw(t, "groups") {
				file.Groups = []manage.FileGroup{{Name: group.Name, Children: []string{other.Name}}}
			}
			if rapid.Bool().Draw(t, "assignments") {
				file.Assignments = []manage.FileAssignment{{
					Role: directory.OrganizationAdmin, Scope: directory.OnOrganization, HolderGroup: true, Holder: group.Name,
				}}
			}
			_, err := m.manager.ImportDirectory(ctx, c, string(organization), manage.DirectoryImport{}, manage.Given(file))
			return err
		},
		"create organization": func(t *rapid.T, s *step, c *manage.Caller) error {
			s.platform = true
			_, err := m.manager.CreateOrganization(ctx, c, manage.Given(manage.OrganizationDraft{Name: m.name("organization"), Policy: directory.DefaultPolicy()}))
			return err
		},
	}
}

func (m *model) listActions() map[string]action {
	ctx := m.Context()
	organization := func(i *manage.Identity) directory.ID { return i.Organization }
	return map[string]action{
		"list tokens": func(t *rapid.T, s *step, c *manage.Caller) error {
			var owner directory.ID
			if rapid.Bool().Draw(t, "of one owner") {
				owner = m.personIn(t, m.where(t, s))
			}
			page, err := m.manager.Tokens(ctx, c, owner, everything())
			return showAll(s, page, err, func(token *manage.Token) directory.ID { return token.Organization })
		},
		"list level tokens": func(t *rapid.T, s *step, c *manage.Caller) error {
			level, _ := m.level(t, s)
			page, err := m.manager.LevelTokens(ctx, c, level, everything())
			return showAll(s, page, err, func(token *manage.Token) directory.ID { return token.Organization })
		},
		"list identities": func(_ *rapid.T, s *step, c *manage.Caller) error {
			page, err := m.manager.Identities(ctx, c, everything())
			return showAll(s, page, err, organization)
		},
		"list groups": func(_ *rapid.T, s *step, c *manage.Caller) error {
			page, err := m.manager.Groups(ctx, c, everything())
			return showAll(s, page, err, func(group *manage.Group) directory.ID { return group.Organization })
		},
		"list members": func(t *rapid.T, s *step, c *manage.Caller) error {
			page, err := m.manager.Members(ctx, c, string(m.groupIn(t, m.where(t, s))), everything())
			return showAll(s, page, err, organization)
		},
		"list assignments": func(_ *rapid.T, s *step, c *manage.Caller) error {
			s.platform = true
			page, err := m.manager.Assignments(ctx, c, everything())
			return showAll(s, page, err, func(assignment *manage.Assignment) directory.ID {
				return s.before.organizationOf(power{at: assignment.Scope, of: assignment.ScopeID})
			})
		},
		"list organizations": func(_ *rapid.T, s *step, c *manage.Caller) error {
			s.platform = true
			page, err := m.manager.Organizations(ctx, c, everything())
			return showAll(s, page, err, func(organization *manage.Organization) directory.ID { return organization.ID })
		},
	}
}
