package manage_test

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/id"
	"github.com/cambio-sts/cambio/manage"
	"github.com/cambio-sts/cambio/pat"
)

// errTold is what an input or a match answers: the use case has let the caller through.
var errTold = errors.New("let through")

func stop[T any]() (T, error) {
	var none T
	return none, errTold
}

// unlike is what no caller has read.
func unlike(string) bool { return false }

// attempt is an action on something, what was told of it before, and the use case.
type attempt struct {
	on   string
	told bool
	do   func() error
}

// rightsStage is what there is to act on.
type rightsStage struct {
	*world
	of, elsewhere directory.Organization
	home, other   *manage.Group // groups of the organization
	foreign       *manage.Group
	tokens        map[string]*manage.Token
}

func newRightsStage(w *world) *rightsStage {
	w.Helper()
	s := &rightsStage{world: w, of: w.organization(directory.DefaultPolicy()), elsewhere: w.organization(directory.DefaultPolicy()), tokens: map[string]*manage.Token{}}
	group := func(organization directory.ID, name string) *manage.Group {
		made, err := w.people.CreateGroup(w.Context(), directory.Group{Organization: organization, Name: name}, directory.Actor{})
		require.NoError(w, err)
		return &manage.Group{Group: made}
	}
	s.home, s.other, s.foreign = group(s.of.ID, "home"), group(s.of.ID, "other"), group(s.elsewhere.ID, "foreign")
	for _, managed := range []bool{false, true} {
		kind := ""
		if managed {
			kind = "managed "
		}
		for name, organization := range map[string]directory.ID{"": s.of.ID, "foreign ": s.elsewhere.ID} {
			owner := w.person(organization)
			s.tokens[name+kind+"personal"] = s.add(&pat.Record{Organization: organization, Owner: owner.ID, Level: pat.Personal, Managed: managed})
			s.tokens[name+kind+"organization"] = s.add(&pat.Record{
				Organization: organization, Owner: w.technicalUser(organization, organization), Level: pat.Organization, LevelID: organization, Managed: managed,
			})
		}
		for _, g := range []*manage.Group{s.home, s.other, s.foreign} {
			s.tokens[g.Name+" "+kind+"group"] = s.add(&pat.Record{
				Organization: g.Organization, Owner: w.technicalUser(g.Organization, g.ID), Level: pat.Group, LevelID: g.ID, Managed: managed,
			})
		}
	}
	return s
}

func (s *rightsStage) add(record *pat.Record) *manage.Token {
	s.Helper()
	s.store(record)
	return &manage.Token{Record: *record}
}

// callers differ in one thing each, by name, with a token of their own.
func (s *rightsStage) callers() map[string]*manage.Caller {
	s.Helper()
	callers := map[string]*manage.Caller{}
	add := func(name string, who *directory.Identity, scope ...string) {
		callers[name] = s.session(who, scope...)
	}
	person := func(name string, held ...directory.Role) *directory.Identity {
		who := s.person(s.of.ID, held...)
		s.tokens[name] = s.add(&pat.Record{Organization: s.of.ID, Owner: who.ID, Level: pat.Personal})
		return &who
	}
	one := []directory.Role{
		"", directory.AccessAsNonInteractiveUser, directory.AdministerNonInteractiveUser, directory.ManageSystemSecurityRoles,
		directory.ManageSystemSecurityGroups, directory.OrganizationAdmin, directory.OrganizationUser,
	}
	for _, right := range directory.Rights() {
		one = append(one, directory.Role(right))
	}
	for _, role := range one {
		if role == "" {
			add("nobody", person("nobody"))
			continue
		}
		add(string(role), person(string(role), role))
	}
	platform := person("platform_admin")
	require.NoError(s, s.people.Assign(s.Context(), s.of.ID, directory.Assignment{Role: directory.PlatformAdmin, Scope: directory.OnPlatform, Holder: platform.ID}, directory.Actor{}))
	add("platform_admin", platform)
	for _, role := range []directory.Role{directory.GroupAdmin, directory.GroupUser} {
		of := person(string(role))
		s.onGroup(of.ID, role)
		add(string(role), of)
	}
	all := person("all", one[1:]...)
	s.onGroup(all.ID, directory.GroupAdmin)
	require.NoError(s, s.people.Assign(s.Context(), s.of.ID, directory.Assignment{Role: directory.PlatformAdmin, Scope: directory.OnPlatform, Holder: all.ID}, directory.Actor{}))
	add("all", all)
	for _, scope := range []string{
		pat.ScopeAdminister, pat.ScopeDefault, string(directory.ManageAllTokens), string(directory.ReadAllTokens), string(directory.ManageMyTokens),
		string(directory.ReadMyTokens), string(directory.ReadManagedTokens),
	} {
		add("all by "+scope, all, scope)
	}
	administers := person("administers and manages", directory.AdministerNonInteractiveUser, directory.Role(directory.ManageAllTokens))
	add("administers by manage-my", administers, string(directory.ManageMyTokens))
	for name, role := range map[string]directory.Role{
		"technical user": directory.OrganizationUser, "technical administrator": directory.OrganizationAdmin, "technical access": directory.AccessAsNonInteractiveUser,
	} {
		record := pat.Record{Organization: s.of.ID, Owner: s.technicalUser(s.of.ID, s.of.ID), Level: pat.Organization, LevelID: s.of.ID}
		require.NoError(s, s.people.Assign(s.Context(), s.of.ID, directory.Assignment{
			Role: role, Scope: directory.OnOrganization, ScopeID: s.of.ID, Holder: record.Owner,
		}, directory.Actor{}))
		s.tokens[name] = s.add(&record)
		who, err := s.people.Find(s.Context(), record.Owner)
		require.NoError(s, err)
		add(name, &who)
		callers[name].Token = record
	}
	provisioner, err := callers["technical administrator"].Provisioning()
	require.NoError(s, err)
	callers["provisioner"] = provisioner
	return callers
}

func (s *rightsStage) onGroup(who directory.ID, role directory.Role) {
	s.Helper()
	require.NoError(s, s.people.Assign(s.Context(), s.of.ID, directory.Assignment{
		Role: role, Scope: directory.OnGroup, ScopeID: s.home.ID, Holder: who,
	}, directory.Actor{}))
}

// attempts are of each action on all that there is.
func (s *rightsStage) attempts(c *manage.Caller) map[manage.Action][]attempt {
	all := s.simple(c)
	for name, of := range s.tokens {
		s.onToken(all, c, name, of)
	}
	for name, group := range map[string]*manage.Group{"home": s.home, "other": s.other, "foreign": s.foreign} {
		s.onGroups(all, c, name, group)
	}
	for name, level := range map[string]manage.Level{
		"of": {Of: pat.Organization, ID: string(s.of.ID)}, "elsewhere": {Of: pat.Organization, ID: string(s.elsewhere.ID)},
		"home": {Of: pat.Group, ID: string(s.home.ID)}, "other": {Of: pat.Group, ID: string(s.other.ID)}, "foreign": {Of: pat.Group, ID: string(s.foreign.ID)},
		"gone": {Of: pat.Group, ID: id.New()},
	} {
		s.onLevel(all, c, name, level)
	}
	for name, organization := range map[string]directory.ID{"of": s.of.ID, "elsewhere": s.elsewhere.ID} {
		s.onOrganization(all, c, name, organization)
	}
	return all
}

// simple are those on the caller's organization, or on the platform.
func (s *rightsStage) simple(c *manage.Caller) map[manage.Action][]attempt {
	ctx, m, of := s.Context(), s.manager, string(s.of.ID)
	all := map[manage.Action][]attempt{}
	add := func(action manage.Action, do func() error) {
		all[action] = append(all[action], attempt{"", m.May(c, action), do})
	}
	add(manage.CreateToken, func() error { _, _, err := m.CreateToken(ctx, c, stop[*pat.Draft]); return err })
	add(manage.ReadIdentity, func() error { _, err := m.Identities(ctx, c, stop[*manage.Ask]); return err })
	add(manage.WriteIdentity, func() error { _, err := m.CreateIdentity(ctx, c, stop[directory.Identity]); return err })
	add(manage.ReadRoles, func() error { _, err := m.Assignments(ctx, c, stop[*manage.Ask]); return err })
	add(manage.AssignRoles, func() error { _, err := m.Assign(ctx, c, stop[directory.Assignment]); return err })
	add(manage.AssignPlatform, func() error {
		_, err := m.Assign(ctx, c, manage.Given(directory.Assignment{Role: directory.PlatformAdmin, Scope: directory.OnPlatform, Holder: "nobody"}))
		return err
	})
	add(manage.ReadServices, func() error { _, err := m.Services(c, stop[*manage.Ask]); return err })
	add(manage.ManageKeys, func() error { _, err := m.Keys(c); return err })
	add(manage.ReadAudit, func() error { _, err := m.AuditEvents(ctx, c, stop[*manage.AuditAsk]); return err })
	add(manage.ReadAudit, func() error { _, err := m.Activity(ctx, c, manage.ActivityAsk{Days: 1}); return err })
	add(manage.ReadInactivity, func() error { _, err := m.Inactivity(ctx, c, 1, stop[*manage.Ask]); return err })
	add(manage.ExportDirectory, func() error { _, err := m.ExportDirectory(ctx, c, of); return err })
	add(manage.ImportDirectory, func() error {
		_, err := m.ImportDirectory(ctx, c, of, manage.DirectoryImport{}, stop[*manage.DirectoryFile])
		return err
	})
	add(manage.WriteGroup, func() error { _, err := m.CreateGroup(ctx, c, stop[directory.Group]); return err })
	add(manage.ReadGroup, func() error { _, err := m.Groups(ctx, c, stop[*manage.Ask]); return err })
	add(manage.WriteOrganization, func() error { _, err := m.CreateOrganization(ctx, c, stop[manage.OrganizationDraft]); return err })
	add(manage.ReadOrganization, func() error { _, err := m.Organizations(ctx, c, stop[*manage.Ask]); return err })
	return all
}

func (s *rightsStage) onToken(all map[manage.Action][]attempt, c *manage.Caller, name string, of *manage.Token) {
	ctx, m, id := s.Context(), s.manager, string(of.ID)
	add := func(action manage.Action, do func() error) {
		all[action] = append(all[action], attempt{name, m.MayToken(c, action, of), do})
	}
	read := func() error { _, err := m.Token(ctx, c, id); return err }
	add(manage.ReadToken, read)
	add(manage.ChangeToken, func() error { _, err := m.UpdateToken(ctx, c, id, unlike, nil); return err })
	add(manage.ChangeToken, func() error { _, _, err := m.RotateToken(ctx, c, id, nil, stop[manage.Rotation]); return err })
	add(manage.RevokeToken, func() error { _, err := m.RevokeToken(ctx, c, id, nil, stop[pat.End]); return err })
	add(manage.DeleteToken, func() error { return m.DeleteToken(ctx, c, id, unlike) })
	level := manage.Level{Of: of.Level, ID: string(of.LevelID)}
	if of.Level == pat.Personal {
		level = manage.Level{Of: pat.Organization, ID: string(of.Organization)} // where there is none of that id
	}
	readLevel := func() error { _, err := m.LevelToken(ctx, c, level, id); return err }
	add(manage.ReadLevelToken, readLevel)
	add(manage.ManageLevelToken, func() error { return m.DeleteLevelToken(ctx, c, level, id, unlike) })
	add(manage.ManageLevelToken, func() error { _, err := m.RevokeLevelToken(ctx, c, level, id, nil, stop[pat.End]); return err })
	if of.Managed {
		add(manage.SeeManaged, func() error {
			if read() == nil {
				return nil
			}
			return readLevel()
		})
	}
}

func (s *rightsStage) onGroups(all map[manage.Action][]attempt, c *manage.Caller, name string, group *manage.Group) {
	ctx, m, id := s.Context(), s.manager, string(group.ID)
	add := func(action manage.Action, do func() error) {
		all[action] = append(all[action], attempt{name, m.MayGroup(c, action, group), do})
	}
	add(manage.ReadGroup, func() error { _, err := m.Group(ctx, c, id); return err })
	add(manage.WriteGroup, func() error { _, err := m.UpdateGroup(ctx, c, id, unlike, nil); return err })
	add(manage.WriteGroup, func() error { return m.DeleteGroup(ctx, c, id, unlike) })
	add(manage.ReadMembers, func() error { _, err := m.Members(ctx, c, id, stop[*manage.Ask]); return err })
	add(manage.WriteMembers, func() error { return m.AddMember(ctx, c, id, "nobody") })
}

func (s *rightsStage) onLevel(all map[manage.Action][]attempt, c *manage.Caller, name string, level manage.Level) {
	ctx, m := s.Context(), s.manager
	add := func(action manage.Action, do func() error) {
		all[action] = append(all[action], attempt{"level " + name, m.MayLevel(ctx, c, action, level), do})
	}
	add(manage.ReadLevelToken, func() error { _, err := m.LevelTokens(ctx, c, level, stop[*manage.Ask]); return err })
	add(manage.ReadLevelToken, func() error { _, err := m.LevelTokenSummary(ctx, c, level); return err })
	add(manage.ManageLevelToken, func() error { _, _, err := m.CreateLevelToken(ctx, c, level, stop[*pat.Draft]); return err })
}

func (s *rightsStage) onOrganization(all map[manage.Action][]attempt, c *manage.Caller, name string, organization directory.ID) {
	ctx, m, id := s.Context(), s.manager, string(organization)
	add := func(action manage.Action, do func() error) {
		all[action] = append(all[action], attempt{name, m.MayOrganization(c, action, organization), do})
	}
	add(manage.ReadOrganization, func() error { _, err := m.Organization(ctx, c, id); return err })
	add(manage.WriteOrganization, func() error { _, err := m.RenameOrganization(ctx, c, id, unlike, nil); return err })
	add(manage.ReadPolicy, func() error { _, _, err := m.Policy(ctx, c, id); return err })
	add(manage.WritePolicy, func() error {
		_, err := m.SetPolicy(ctx, c, id, nil, true, stop[directory.Policy], stop[*manage.Ask])
		return err
	})
}

// refused reports whether a use case has not let the caller through.
func refused(err error) bool {
	_, lack := errors.AsType[*manage.LackError](err)
	_, scope := errors.AsType[*manage.ScopeError](err)
	return lack || scope || errors.Is(err, manage.ErrNotFound) || errors.Is(err, manage.ErrNotOwner) || errors.Is(err, manage.ErrTechnicalUser)
}

// What a caller may do is what the use cases let them do: on each thing, and on any.
func TestMayIsWhatIsLetThrough(t *testing.T) {
	onBothStores(t, func(t *testing.T, w *world) {
		t.Helper()
		s := newRightsStage(w)
		callers := s.callers()
		tried := map[manage.Action]map[bool]int{}
		for who, c := range callers {
			all := s.attempts(c)
			for _, action := range actions(t) {
				require.NotEmpty(t, all[action], "%q is not tried", action)
				some := false
				if tried[action] == nil {
					tried[action] = map[bool]int{}
				}
				for _, one := range all[action] {
					err := one.do()
					require.Equal(t, one.told, !refused(err), "%s: %s %s: %v", who, action, one.on, err)
					some = some || one.told
					tried[action][one.told]++
				}
				require.Equal(t, some, s.manager.May(c, action), "%s: %s something", who, action)
			}
		}
		for action, n := range tried {
			require.Positive(t, n[true], action)
			require.Positive(t, n[false], action)
		}
		c := callers["all"]
		require.False(t, s.manager.May(c, "an action that is none"))
		require.False(t, s.manager.MayToken(c, manage.ReadGroup, s.tokens["all"]))
		require.False(t, s.manager.MayGroup(c, manage.ReadToken, s.home))
		require.False(t, s.manager.MayOrganization(c, manage.ReadAudit, s.of.ID))
		require.False(t, s.manager.MayLevel(t.Context(), c, manage.ReadAudit, manage.Level{Of: pat.Organization, ID: string(s.of.ID)}))
	})
}

// actions are those that the table of rights has names for.
func actions(t *testing.T) (all []manage.Action) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "rights.go", nil, 0)
	require.NoError(t, err)
	ast.Inspect(file, func(node ast.Node) bool {
		spec, ok := node.(*ast.ValueSpec)
		if !ok || len(spec.Values) != 1 {
			return true
		}
		if of, ok := spec.Type.(*ast.Ident); ok && of.Name == "Action" {
			value, ok := spec.Values[0].(*ast.BasicLit)
			require.True(t, ok)
			text, err := strconv.Unquote(value.Value)
			require.NoError(t, err)
			all = append(all, manage.Action(text))
		}
		return true
	})
	require.Greater(t, len(all), 20)
	return all
}
