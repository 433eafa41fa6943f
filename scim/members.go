package scim

import (
	"context"
	"errors"
	"slices"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/manage"
)

// move puts somebody, or a group, into a group or takes them out.
type move struct {
	id    string
	in    bool
	child bool // a group
}

func unknown(err error) bool {
	return errors.Is(err, manage.ErrNotFound) || errors.Is(err, directory.ErrNotFound)
}

// moves is the difference between what a group has and what is wanted. Whoever is to
// become a member must exist.
func (s *Server) moves(ctx context.Context, who *manage.Caller, group *manage.Group, want *membership) ([]move, error) {
	var all []move
	var err error
	if want.whole {
		if all, err = s.leaving(ctx, who, group, want); err != nil {
			return nil, err
		}
	}
	for _, id := range want.ids {
		child := slices.Contains(group.ChildGroups, directory.ID(id))
		switch in := want.wanted[id]; {
		case !in && !want.whole:
			all = append(all, move{id: id, child: child})
		case in && !child:
			joining, err := s.joining(ctx, who, group, id)
			if err != nil {
				return nil, err
			}
			all = append(all, joining...)
		}
	}
	return all, nil
}

// leaving is what takes out of a group all who are not wanted.
func (s *Server) leaving(ctx context.Context, who *manage.Caller, group *manage.Group, want *membership) ([]move, error) {
	people, err := s.manager.EachMember(ctx, who, string(group.ID))
	if err != nil {
		return nil, err
	}
	var all []move
	for person, err := range people {
		if err != nil {
			return nil, err
		}
		// Technical users are not shown here, so not left out on purpose.
		if id := string(person.ID); person.Type == directory.User && !want.wanted[id] {
			all = append(all, move{id: id})
		}
	}
	for _, child := range group.ChildGroups {
		if !want.wanted[string(child)] {
			all = append(all, move{id: string(child), child: true})
		}
	}
	return all, nil
}

// joining is what makes somebody or something a member of a group; nothing if they are.
func (s *Server) joining(ctx context.Context, who *manage.Caller, group *manage.Group, id string) ([]move, error) {
	identity, err := s.manager.Identity(ctx, who, id)
	switch {
	case err == nil && identity.Type == directory.User:
		if slices.Contains(identity.Groups, group.ID) {
			return nil, nil
		}
		return []move{{id: id, in: true}}, nil
	case err != nil && !unknown(err):
		return nil, err
	}
	if _, err := s.manager.GroupAlone(ctx, who, id); unknown(err) {
		return nil, wrong(invalidValue, "members.value names nobody and no group here")
	} else if err != nil {
		return nil, err
	}
	return []move{{id: id, in: true, child: true}}, nil
}

// carry makes the moves one by one. Those before one that fails stay made.
func (s *Server) carry(ctx context.Context, who *manage.Caller, group string, all []move) error {
	for made, one := range all {
		err := s.carryOne(ctx, who, group, one)
		if unknown(err) && !one.in {
			err = nil // who is gone is no member
		}
		if err != nil && made > 0 {
			return &partialError{made: made, of: len(all), cause: err}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *Server) carryOne(ctx context.Context, who *manage.Caller, group string, one move) error {
	switch {
	case one.child && one.in:
		return s.manager.AddChild(ctx, who, group, one.id)
	case one.child:
		return s.manager.RemoveChild(ctx, who, group, one.id)
	case one.in:
		return s.manager.AddMember(ctx, who, group, one.id)
	default:
		return s.manager.RemoveMember(ctx, who, group, one.id)
	}
}
