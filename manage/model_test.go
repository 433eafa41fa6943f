package manage_test

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/exchange"
	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/id"
	"github.com/cambio-sts/cambio/internal/testenv"
	"github.com/cambio-sts/cambio/manage"
	"github.com/cambio-sts/cambio/pat"
)

// TestNobodyGetsMore: whoever does whatever in whatever order, by whatever token, nobody
// gets what the caller neither holds nor may assign, no token is wider than the one that
// made it, and another organization neither changes nor shows.
func TestNobodyGetsMore(t *testing.T) {
	onBothStores(t, func(t *testing.T, w *world) {
		t.Helper()
		long := 10 * time.Second
		if testenv.Full() {
			long = 8 * time.Minute
		}
		calls, done := 0, 0
		for deadline := time.Now().Add(long); time.Now().Before(deadline); {
			rapid.Check(t, func(rt *rapid.T) {
				if time.Now().After(deadline) {
					return
				}
				m := newModel(rt, w)
				for range rapid.IntRange(40, 120).Draw(rt, "calls") {
					calls++
					if m.step(rt) {
						done++
					}
				}
			})
		}
		t.Logf("%d calls, %d of them allowed", calls, done)
		require.Greater(t, done, calls/10, "the model does something")
	})
}

// model is two organizations and all that has been in them, in the order in which it
// came.
type model struct {
	*world

	organizations []directory.ID
	people        []directory.ID
	groups        []directory.ID
	assignments   []directory.ID
	tokens        []pat.ID
	now           *state
	names         int
}

var platformActor = directory.Actor{}

func newModel(t *rapid.T, w *world) *model {
	m := &model{world: w}
	ctx := w.Context()
	m.clear(t)
	for range 2 {
		var changes []directory.Change
		policy := directory.DefaultPolicy()
		policy.MaxTokensPerOwner = rapid.IntRange(1, 4).Draw(t, "limit")
		made, err := w.people.AddOrganization(ctx, "of "+id.New(), policy, platformActor)
		require.NoError(t, err)
		m.organizations = append(m.organizations, made.ID)
		for i := range 4 {
			person, err := w.people.CreateIdentity(ctx, directory.Identity{Organization: made.ID, Username: fmt.Sprint("user", i), Enabled: true}, platformActor)
			require.NoError(t, err)
			group := directory.Group{ID: directory.ID(id.New()), Organization: made.ID, Name: fmt.Sprint("group", i)}
			if i > 0 && rapid.Bool().Draw(t, "nested") {
				group.ChildGroups = []directory.ID{m.groups[len(m.groups)-1]}
			}
			m.people, m.groups = append(m.people, person.ID), append(m.groups, group.ID)
			changes = append(changes, directory.Change{Group: &group})
		}
		everyone, _ := w.snapshot().GroupByName(made.ID, directory.Everyone)
		access := directory.Assignment{Role: directory.AccessAsNonInteractiveUser, Scope: directory.OnOrganization, ScopeID: made.ID, Holder: everyone.ID}
		m.write(t, append(changes, m.given(access)))
	}
	m.see()
	for range rapid.IntRange(2, 6).Draw(t, "tokens") {
		m.found(t)
	}
	m.see()
	var changes []directory.Change
	for range rapid.IntRange(8, 14).Draw(t, "assignments") {
		assignment := m.assignment(t, m.oneOf(t, m.organizations))
		if assignment.Scope != directory.OnPlatform || m.now.people[assignment.Holder].Type != directory.TechnicalUser {
			changes = append(changes, m.given(assignment))
		}
	}
	m.write(t, changes)
	for range rapid.IntRange(2, 6).Draw(t, "members") {
		organization := m.oneOf(t, m.organizations)
		require.NoError(t, w.people.AddMember(ctx, m.groupIn(t, organization), m.personIn(t, organization), platformActor))
	}
	m.see()
	return m
}

// clear takes out of the catalog what the model before left there.
func (m *model) clear(t *rapid.T) {
	catalog, err := m.catalog.Load(m.Context())
	require.NoError(t, err)
	var changes []directory.Change
	for i := range catalog.Assignments {
		changes = append(changes, directory.Change{Assignment: &catalog.Assignments[i], Remove: true})
	}
	for i := range catalog.Groups {
		changes = append(changes, directory.Change{Group: &catalog.Groups[i], Remove: true})
	}
	for i := range catalog.Organizations {
		changes = append(changes, directory.Change{Organization: &catalog.Organizations[i], Remove: true})
	}
	if len(changes) > 0 {
		require.NoError(t, m.catalog.Write(m.Context(), catalog.Version, changes, nil))
	}
}

func (m *model) given(assignment directory.Assignment) directory.Change {
	assignment.ID = directory.ID(id.New())
	return directory.Change{Assignment: &assignment}
}

func (m *model) write(t *rapid.T, changes []directory.Change) {
	require.NoError(t, m.catalog.Write(m.Context(), m.snapshot().Version(), changes, nil))
}

// found makes a token that is there from the start.
func (m *model) found(t *rapid.T) {
	organization := m.oneOf(t, m.organizations)
	policy := m.now.organizations[organization].Policy
	owner := m.now.people[m.personIn(t, organization)]
	draft := m.draft(t)
	draft.Level = pat.Personal
	if role := rapid.SampledFrom([]directory.Role{"", directory.OrganizationAdmin, directory.GroupAdmin}).Draw(t, "role of the technical user"); role != "" {
		assignment := directory.Assignment{Role: role, Scope: directory.OnOrganization, ScopeID: organization}
		draft.Level, draft.LevelID = pat.Organization, organization
		if role == directory.GroupAdmin {
			draft.Level, draft.LevelID = pat.Group, m.groupIn(t, organization)
			assignment.Scope, assignment.ScopeID = directory.OnGroup, draft.LevelID
		}
		var err error
		owner, err = m.world.people.CreateIdentity(m.Context(), directory.Identity{
			ID: directory.ID(id.NewIn(string(draft.LevelID))), Organization: organization, Type: directory.TechnicalUser, Username: "token-" + id.New(), Enabled: true,
		}, platformActor)
		require.NoError(t, err)
		assignment.Holder = owner.ID
		require.NoError(t, m.world.people.Assign(m.Context(), organization, assignment, platformActor))
	}
	_, record, err := m.world.tokens.Create(m.Context(), &owner, draft, &policy, pat.Actor{Identity: owner.ID})
	if err == nil && rapid.IntRange(0, 2).Draw(t, "disabled") == 0 { // else it is one too many
		_, _, err = m.world.tokens.Revoke(m.Context(), &record, pat.End{Reversible: true}, pat.Actor{Identity: owner.ID})
		require.NoError(t, err)
	}
}

// see reads what there is now, and remembers what is new.
func (m *model) see() {
	m.now = m.look(m.organizations...)
	m.people = remember(m.people, m.now.people, func(a, b directory.Identity) int { return cmp.Compare(a.Username, b.Username) })
	m.groups = remember(m.groups, m.now.groups, func(a, b directory.Group) int { return cmp.Compare(a.Name, b.Name) })
	m.tokens = remember(m.tokens, m.now.tokens, func(a, b pat.Record) int { return cmp.Compare(a.Name, b.Name) })
	m.assignments = remember(m.assignments, m.now.assignments, func(a, b directory.Assignment) int {
		return cmp.Or(cmp.Compare(a.Role, b.Role), cmp.Compare(a.Scope, b.Scope))
	})
}

// remember appends what is new, in an order that does not depend on ids.
func remember[K comparable, V any](known []K, all map[K]V, order func(a, b V) int) []K {
	fresh := slices.DeleteFunc(slices.Collect(maps.Keys(all)), func(one K) bool { return slices.Contains(known, one) })
	slices.SortFunc(fresh, func(a, b K) int { return order(all[a], all[b]) })
	return append(known, fresh...)
}

// step lets somebody call something, and proves what holds then. It reports whether that
// was allowed.
func (m *model) step(t *rapid.T) bool {
	s := &step{before: m.now}
	actions := m.actions()
	s.name = rapid.SampledFrom(slices.Sorted(maps.Keys(actions))).Draw(t, "call")
	caller := m.caller(t, s)
	if caller == nil {
		return false
	}
	s.err = actions[s.name](t, s, caller)
	if s.err != nil && rapid.IntRange(0, 3).Draw(t, "believed to have done nothing") > 0 {
		return false
	}
	m.see()
	s.after = m.now
	s.check(t)
	m.clock.advance(time.Minute)
	m.now.now = m.clock.now()
	return s.err == nil
}

// caller is somebody by a token that works, or by a session.
func (m *model) caller(t *rapid.T, s *step) *manage.Caller {
	var acting []func()
	for _, id := range m.tokens {
		record, there := m.now.tokens[id]
		if !there || record.State != pat.StateActive || !m.now.ends(&record).IsZero() && !m.now.now.Before(m.now.ends(&record)) {
			continue
		}
		owner := m.now.people[record.Owner]
		access := power{role: directory.AccessAsNonInteractiveUser, at: directory.OnOrganization, of: record.Organization}
		if owner.Enabled && (record.Level != pat.Personal || m.now.powersOf(owner.ID)[access]) {
			acting = m.weighted(acting, s, owner.ID, func() { s.by, s.token, s.scope = owner, &record, record.Scope })
		}
	}
	for _, id := range m.people {
		if person, there := m.now.people[id]; there && person.Enabled && person.Type == directory.User {
			acting = m.weighted(acting, s, id, func() { s.by, s.scope = person, []string{pat.ScopeAll} })
		}
	}
	if len(acting) == 0 {
		return nil
	}
	acting[rapid.IntRange(0, len(acting)-1).Draw(t, "who")]()
	snapshot := m.snapshot()
	organization, _ := snapshot.Organization(s.by.Organization)
	principal := &exchange.Principal{Identity: s.by, Access: snapshot.AccessOf(&s.by), Policy: &organization.Policy, Scope: s.scope}
	if s.token != nil {
		principal.Token = *s.token
	}
	return &manage.Caller{Principal: principal, Origin: audit.Origin{IP: "127.0.0.1"}}
}

// weighted lets those act more often who hold what the call may need.
func (m *model) weighted(acting []func(), s *step, who directory.ID, act func()) []func() {
	acting = append(acting, act)
	held := m.now.powersOf(who)
	for one := range held {
		if slices.Contains(helpful(s.name), one.role) && len(acting) < 200 {
			acting = append(acting, slices.Repeat([]func(){act}, 8)...)
		}
	}
	return acting
}

// helpful are the roles by which a call is mostly allowed.
func helpful(call string) []directory.Role {
	switch {
	case strings.Contains(call, "level token"), call == "set policy":
		return []directory.Role{directory.OrganizationAdmin, directory.GroupAdmin}
	case strings.Contains(call, "group"), strings.Contains(call, "member"), strings.Contains(call, "child"):
		return []directory.Role{directory.ManageSystemSecurityGroups, directory.GroupAdmin}
	case strings.Contains(call, "identit"), call == "record login":
		return []directory.Role{directory.ManageSystemSecurityGroups}
	case call == "import directory": // and ManageSystemSecurityGroups
		return []directory.Role{directory.ManageSystemSecurityRoles}
	case strings.Contains(call, "assign"):
		return []directory.Role{directory.ManageSystemSecurityRoles, directory.PlatformAdmin}
	case strings.Contains(call, "organization"):
		return []directory.Role{directory.PlatformAdmin}
	default:
		return []directory.Role{directory.AdministerNonInteractiveUser}
	}
}

func (m *model) oneOf(t *rapid.T, of []directory.ID) directory.ID {
	return rapid.SampledFrom(of).Draw(t, "organization")
}

// where is mostly the caller's own organization.
func (m *model) where(t *rapid.T, s *step) directory.ID {
	if rapid.IntRange(0, 5).Draw(t, "elsewhere") == 0 {
		return m.oneOf(t, m.organizations)
	}
	return s.by.Organization
}

// someIn draws one of those that are in an organization.
func someIn[K ~string, V any](t *rapid.T, what string, all []K, now map[K]V, in func(V) bool) K {
	var some []K
	for _, one := range all {
		if value, there := now[one]; there && in(value) {
			some = append(some, one)
		}
	}
	if len(some) == 0 {
		return K(id.New())
	}
	return rapid.SampledFrom(some).Draw(t, what)
}

func (m *model) personIn(t *rapid.T, organization directory.ID) directory.ID {
	return someIn(t, "person", m.people, m.now.people, func(p directory.Identity) bool { return p.Organization == organization })
}

func (m *model) groupIn(t *rapid.T, organization directory.ID) directory.ID {
	return someIn(t, "group", m.groups, m.now.groups, func(g directory.Group) bool {
		return g.Organization == organization && g.Name != directory.Nobody && g.Name != directory.Everyone
	})
}

// tokenIn draws a token of a level; empty: of any.
func (m *model) tokenIn(t *rapid.T, organization directory.ID, level pat.Level) pat.Record {
	id := someIn(t, "token", m.tokens, m.now.tokens, func(r pat.Record) bool {
		return r.Organization == organization && (level == "" || r.Level == level)
	})
	record, there := m.now.tokens[id]
	if !there {
		record.ID = id
	}
	return record
}

func (m *model) name(kind string) string {
	m.names++
	return fmt.Sprint(kind, " ", m.names, " ", id.New())
}

func scopes(t *rapid.T) []string {
	administer := []string{pat.ScopeAdminister}
	all := []string{pat.ScopeAll}
	return rapid.SampledFrom([][]string{
		all, all, all,
		{pat.ScopeAll, "openid"},
		administer,
		{string(directory.ManageAllTokens)},
		{string(directory.ReadAllTokens)},
		{string(directory.ManageMyTokens)},
		{pat.ScopeAdminister, "sp:all-personal-access-tokens:manage"},
		{pat.ScopeDefault},
		{"a:b:c"},
	}).Draw(t, "scope")
}

func networks(t *rapid.T) []netip.Prefix {
	prefix := netip.MustParsePrefix
	return rapid.SampledFrom([][]netip.Prefix{nil, nil, {prefix("127.0.0.0/8")}, {prefix("127.0.0.1/32")}, {prefix("127.0.0.1/32"), prefix("10.0.0.0/8")}}).Draw(t, "networks")
}

func audience(t *rapid.T) []string {
	return rapid.SampledFrom([][]string{nil, nil, {service}, {issuer + "/api/v1"}, {service, issuer + "/api/v1"}}).Draw(t, "audience")
}

func (m *model) expiration(t *rapid.T) time.Time {
	in := rapid.SampledFrom([]time.Duration{0, 0, 5 * time.Minute, time.Hour, 30 * 24 * time.Hour}).Draw(t, "ends")
	if in == 0 {
		return time.Time{}
	}
	return m.clock.now().Add(in)
}

func (m *model) draft(t *rapid.T) *pat.Draft {
	return &pat.Draft{
		Name: m.name("token"), Scope: scopes(t), Audience: audience(t), Networks: networks(t), Expiration: m.expiration(t), AdminRole: rapid.Bool().Draw(t, "adminRole"),
	}
}

// assignment is one that means something, to somebody of the organization.
func (m *model) assignment(t *rapid.T, organization directory.ID) directory.Assignment {
	holder := m.personIn(t, organization)
	if rapid.Bool().Draw(t, "to a group") {
		holder = m.groupIn(t, organization)
	}
	assignment := directory.Assignment{Scope: directory.OnOrganization, ScopeID: organization, Holder: holder}
	assignment.Role = rapid.SampledFrom([]directory.Role{
		"", directory.AdministerNonInteractiveUser, directory.ManageSystemSecurityRoles, directory.ManageSystemSecurityGroups, directory.ManageSystemSecurityGroups,
		directory.OrganizationAdmin, directory.OrganizationUser, directory.GroupAdmin, directory.GroupAdmin, directory.GroupUser, directory.PlatformAdmin,
	}).Draw(t, "role")
	switch assignment.Role {
	case "":
		assignment.Rights = []directory.Right{rapid.SampledFrom(directory.Rights()).Draw(t, "right")}
	case directory.GroupAdmin, directory.GroupUser:
		assignment.Scope, assignment.ScopeID = directory.OnGroup, m.groupIn(t, organization)
	case directory.PlatformAdmin:
		assignment.Scope, assignment.ScopeID = directory.OnPlatform, ""
	default: // on the organization
	}
	return assignment
}
