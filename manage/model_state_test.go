package manage_test

import (
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/fault"
	"github.com/cambio-sts/cambio/pat"
)

// state is all that there is of two organizations, and what is worked out of it by the
// text of the documentation alone.
type state struct {
	now           time.Time
	organizations map[directory.ID]directory.Organization
	groups        map[directory.ID]directory.Group
	assignments   map[directory.ID]directory.Assignment
	people        map[directory.ID]directory.Identity
	tokens        map[pat.ID]pat.Record
}

// look reads the state of organizations, again if the store is too slow to answer: other
// tests may hold the processors.
func (w *world) look(of ...directory.ID) *state {
	w.Helper()
	s, err := w.read(of)
	for again := 0; errors.Is(err, fault.ErrUnavailable) && again < 5; again++ {
		s, err = w.read(of)
	}
	require.NoError(w, err)
	return s
}

func (w *world) read(of []directory.ID) (*state, error) {
	w.Helper()
	s := &state{
		now: w.clock.now(), organizations: map[directory.ID]directory.Organization{}, groups: map[directory.ID]directory.Group{},
		assignments: map[directory.ID]directory.Assignment{}, people: map[directory.ID]directory.Identity{}, tokens: map[pat.ID]pat.Record{},
	}
	snapshot := w.snapshot()
	for _, id := range of {
		organization, ok := snapshot.Organization(id)
		require.True(w, ok)
		s.organizations[id] = *organization
		for _, group := range snapshot.Groups(id) {
			s.groups[group.ID] = *group
		}
		for person, err := range w.people.ListIdentities(w.Context(), id) {
			if err != nil {
				return nil, err
			}
			s.people[person.ID] = person
		}
		for record, err := range w.tokens.List(w.Context(), pat.Query{Organization: id}) {
			if err != nil {
				return nil, err
			}
			s.tokens[record.ID] = record
		}
	}
	for _, assignment := range snapshot.Assignments() {
		s.assignments[assignment.ID] = assignment
	}
	return s, nil
}

// power is one thing that somebody may do somewhere: a role where it is held, or a right
// in an organization.
type power struct {
	role  directory.Role
	right directory.Right
	at    directory.ScopeKind
	of    directory.ID
}

// plain reports whether the power is over nobody else.
func (p power) plain() bool {
	if slices.Contains([]directory.Role{directory.AccessAsNonInteractiveUser, directory.OrganizationUser, directory.GroupUser}, p.role) {
		return true
	}
	return p.right == directory.ReadMyTokens || p.right == directory.ManageMyTokens
}

// powers is a set.
type powers map[power]bool

// give adds what an assignment gives.
func (p powers) give(a *directory.Assignment) {
	rights := slices.Clone(a.Rights)
	if a.Role != "" {
		p[power{role: a.Role, at: a.Scope, of: a.ScopeID}] = true
	}
	implied := map[directory.Role]directory.Right{
		directory.AccessAsNonInteractiveUser: directory.ManageMyTokens, directory.AdministerNonInteractiveUser: directory.ReadAllTokens,
	}
	if right, ok := implied[a.Role]; ok {
		rights = append(rights, right)
	}
	included := map[directory.Right]directory.Right{directory.ManageMyTokens: directory.ReadMyTokens, directory.ManageAllTokens: directory.ReadAllTokens}
	for _, right := range rights {
		p[power{right: right, at: a.Scope, of: a.ScopeID}] = true
		if less, ok := included[right]; ok {
			p[power{right: less, at: a.Scope, of: a.ScopeID}] = true
		}
	}
}

// without lists what is not in other.
func (p powers) without(other powers) []power {
	return slices.DeleteFunc(slices.Collect(maps.Keys(p)), func(one power) bool { return other[one] })
}

// powersOf works out what an identity may do, by itself and by its groups.
func (s *state) powersOf(who directory.ID) powers {
	person, ok := s.people[who]
	if !ok {
		return powers{}
	}
	in := map[directory.ID]bool{who: true}
	for id, group := range s.groups {
		if group.Organization == person.Organization && group.Name == directory.Everyone {
			in[id] = true
		}
	}
	for _, group := range person.Groups {
		in[group] = true
	}
	for grown := true; grown; {
		grown = false
		for id, group := range s.groups {
			inside := slices.ContainsFunc(group.ChildGroups, func(child directory.ID) bool { return in[child] })
			if inside && !in[id] && group.Organization == person.Organization {
				in[id], grown = true, true
			}
		}
	}
	held := powers{}
	for _, assignment := range s.assignments {
		group, isGroup := s.groups[assignment.Holder]
		if in[assignment.Holder] && (!isGroup || group.Organization == person.Organization && group.Name != directory.Nobody) {
			held.give(&assignment)
		}
	}
	return held
}

// organizationOf is where a power is held; empty for the platform.
func (s *state) organizationOf(p power) directory.ID {
	if p.at == directory.OnGroup {
		return s.groups[p.of].Organization
	}
	return p.of
}

// ends is when a token ends by its own date or by the policy; zero: never.
func (s *state) ends(token *pat.Record) time.Time {
	policy := s.organizations[token.Organization].Policy
	if !policy.EnforceOnExisting || policy.MaxLifetimeSeconds == 0 {
		return token.Expiration
	}
	longest := token.Created.Add(time.Duration(policy.MaxLifetimeSeconds) * time.Second)
	if token.Expiration.IsZero() || token.Expiration.After(longest) {
		return longest
	}
	return token.Expiration
}

// usable counts the tokens of a holder that count in the limit.
func (s *state) usable(holder directory.ID) int {
	n := 0
	for _, token := range s.tokens {
		of := token.LevelID
		if token.Level == pat.Personal {
			of = token.Owner
		}
		if of == holder && token.State == pat.StateActive && !token.Managed && (token.Expiration.IsZero() || s.now.Before(token.Expiration)) {
			n++
		}
	}
	return n
}

// of is the part of the state that belongs to an organization.
func (s *state) of(organization directory.ID) *state {
	part := &state{
		organizations: map[directory.ID]directory.Organization{organization: s.organizations[organization]}, groups: map[directory.ID]directory.Group{},
		assignments: map[directory.ID]directory.Assignment{}, people: map[directory.ID]directory.Identity{}, tokens: map[pat.ID]pat.Record{},
	}
	for id, group := range s.groups {
		if group.Organization == organization {
			part.groups[id] = group
		}
	}
	for id, person := range s.people {
		if person.Organization == organization {
			part.people[id] = person
		}
	}
	for id, token := range s.tokens {
		if token.Organization == organization {
			part.tokens[id] = token
		}
	}
	for id, assignment := range s.assignments {
		_, person := part.people[assignment.Holder]
		_, group := part.groups[assignment.Holder]
		_, scope := part.groups[assignment.ScopeID]
		if person || group || scope || assignment.ScopeID == organization {
			part.assignments[id] = assignment
		}
	}
	return part
}
