package manage

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/fault"
)

// maxUnknownGroups is how many names of groups that there are not a login tells of.
const maxUnknownGroups = 20

// memberships are what the provider decides: of the governed groups the identity is in
// exactly the wanted ones.
type memberships struct {
	governed, wanted map[directory.ID]bool
}

// syncGroups brings the memberships of who logs in to what the provider says, in one
// write. Reserved groups are never among them.
func (s *signIn) syncGroups(ctx context.Context) error {
	if !s.rules.SyncGroups {
		return nil
	}
	decided := s.decide()
	kept, last := s.unlosable(&decided)
	after, err := s.directory.UpdateIdentity(ctx, s.result.Identity.ID, func(now *directory.Identity) error {
		now.Groups = slices.DeleteFunc(now.Groups, func(group directory.ID) bool {
			return decided.loses(group) && !slices.Contains(kept, group) && !slices.Contains(last, group)
		})
		now.Groups = append(now.Groups, slices.Sorted(maps.Keys(decided.wanted))...) // each stays once
		return mayLogIn(now)
	}, s.platform())
	if errors.Is(err, directory.ErrNotFound) { // a group that has just ended, or the identity: trying again tells
		return fmt.Errorf("set the groups of who logs in: %w", errors.Join(err, fault.ErrUnavailable))
	}
	if err != nil {
		return fmt.Errorf("set the groups of who logs in: %w", err)
	}
	s.result.Identity = after
	for _, group := range last {
		if err := s.leave(ctx, group); err != nil {
			return err
		}
	}
	for _, group := range kept {
		s.keep(group)
	}
	return nil
}

// loses reports whether who is in a group shall not be.
func (m *memberships) loses(group directory.ID) bool { return m.governed[group] && !m.wanted[group] }

// decide reads the groups that the provider told by the rules, and notes names that
// are no groups.
func (s *signIn) decide() memberships {
	byName := map[string]directory.ID{}
	decided := memberships{governed: map[directory.ID]bool{}, wanted: map[directory.ID]bool{}}
	for _, group := range s.snapshot.Groups(s.result.Identity.Organization) {
		if !reserved(group) {
			byName[group.Name] = group.ID
			decided.governed[group.ID] = len(s.rules.Groups) == 0
		}
	}
	if len(s.rules.Groups) == 0 {
		for _, name := range s.who.Groups {
			s.want(&decided, byName, name)
		}
		return decided
	}
	for _, told := range slices.Sorted(maps.Keys(s.rules.Groups)) {
		name := s.rules.Groups[told]
		if group, ok := byName[name]; ok {
			decided.governed[group] = true
		}
		if slices.Contains(s.who.Groups, told) {
			s.want(&decided, byName, name)
		}
	}
	return decided
}

// want puts the group of that name among the wanted ones.
func (s *signIn) want(decided *memberships, byName map[string]directory.ID, name string) {
	group, ok := byName[name]
	switch {
	case ok:
		decided.wanted[group] = true
	case len(s.result.UnknownGroups) < maxUnknownGroups && !slices.Contains(s.result.UnknownGroups, name):
		s.result.UnknownGroups = append(s.result.UnknownGroups, name)
	}
}

// unlosable returns, of the groups that the identity shall lose, those that it keeps:
// what the built-in administrator holds is the platform's; and those that it leaves one
// by one, as long as somebody else administers the platform.
func (s *signIn) unlosable(decided *memberships) (kept, last []directory.ID) {
	for _, group := range s.result.Identity.Groups {
		given := s.snapshot.Given(group)
		switch {
		case !decided.loses(group):
		case s.result.Identity.BuiltInAdministrator && len(given) > 0:
			kept = append(kept, group)
		case givesPlatform(given):
			last = append(last, group)
		}
	}
	return kept, last
}

// leave ends a membership that gives platform_admin, unless it is the last that does.
func (s *signIn) leave(ctx context.Context, group directory.ID) error {
	err := s.keepsAdministrator(ctx, s.snapshot, loss{group: group, identity: s.result.Identity.ID})
	if errors.Is(err, ErrLastAdministrator) {
		s.keep(group)
		return nil
	}
	if err != nil {
		return err
	}
	if err := s.directory.RemoveMember(ctx, group, s.result.Identity.ID, s.platform()); err != nil {
		return fmt.Errorf("set the groups of who logs in: %w", err)
	}
	return nil
}

func (s *signIn) keep(group directory.ID) {
	if known, ok := s.snapshot.Group(group); ok {
		s.result.KeptGroups = append(s.result.KeptGroups, known.Name)
	}
}
