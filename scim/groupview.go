package scim

import (
	"context"
	"errors"
	"slices"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/query"
	"github.com/cambio-sts/cambio/manage"
	"github.com/cambio-sts/cambio/scim/filter"
)

// groups is how filters see groups. in tells of the members that a filter asks for in
// which groups they are.
func groups(in map[string][]directory.ID) *resource[directory.Group] {
	return &resource[directory.Group]{
		schema: schemaGroup,
		kinds: map[string]kind{
			"id": exact, "displayname": loose, "externalid": exact, "members": asked, "members.value": asked, "meta.resourcetype": exact,
		},
		read: func(group *directory.Group, attribute string) value {
			switch attribute {
			case "id":
				return textValue(group.ID)
			case "displayname":
				return textValue(group.Name)
			case "members", "members.value":
				return membersAmong(group, in)
			case "meta.resourcetype":
				return value{text: "Group"}
			default:
				return value{} // externalId is not kept
			}
		},
	}
}

// membersAmong is those who are in a group of those whom a filter asks for.
func membersAmong(group *directory.Group, in map[string][]directory.ID) (v value) {
	for id, of := range in {
		if slices.Contains(of, group.ID) || slices.Contains(group.ChildGroups, directory.ID(id)) {
			v.ids = append(v.ids, id)
		}
	}
	return v
}

// groupColumns are what Groups can be sorted by.
func groupColumns() map[string]query.Field { return map[string]query.Field{"displayname": "name"} }

// texts are those that a filter compares with anything: among them are all ids of
// members.
func texts(e filter.Expr, found map[string]bool) {
	switch e := e.(type) {
	case *filter.Group:
		for _, term := range e.Terms {
			texts(term, found)
		}
	case *filter.Not:
		texts(e.Term, found)
	case *filter.Within:
		texts(e.Term, found)
	case *filter.Compare:
		if name := groups(nil).attribute(e.Path, ""); name == "value" || groups(nil).kinds[name] == asked {
			found[e.Value.Text] = true
		}
	}
}

// membersIn says in which groups those are whom a filter asks for as members.
func (s *Server) membersIn(ctx context.Context, who *manage.Caller, e filter.Expr) (map[string][]directory.ID, error) {
	found := map[string]bool{}
	texts(e, found)
	in := make(map[string][]directory.ID, len(found))
	for id := range found {
		in[id] = nil // a group that others contain
		identity, err := s.manager.Identity(ctx, who, id)
		switch {
		case errors.Is(err, manage.ErrNotFound), errors.Is(err, directory.ErrNotFound):
		case err != nil:
			return nil, err
		case identity.Type == directory.User:
			in[id] = identity.Groups
		}
	}
	return in, nil
}

// showGroup is the Group of RFC 7643 §4.2. Its members are shown if they are not nil.
func (s *Server) showGroup(group *manage.Group, members []shown) shown {
	view := shown{
		"schemas": []string{schemaGroup}, "id": group.ID, "displayName": group.Name,
		"meta": shown{"resourceType": "Group", "location": s.location("Group", string(group.ID)), "version": version(group.ETag())},
	}
	if members != nil {
		view["members"] = members
	}
	return view
}

// members are all that a group has: people, by id, and child groups.
func (s *Server) members(ctx context.Context, who *manage.Caller, group *manage.Group) ([]shown, error) {
	people, err := s.manager.EachMember(ctx, who, string(group.ID))
	if err != nil {
		return nil, err
	}
	all := []shown{}
	for person, err := range people {
		if err != nil {
			return nil, err
		}
		if person.Type == directory.User {
			all = append(all, s.showMember("User", person.ID, person.DisplayName))
		}
	}
	for _, child := range group.ChildGroups {
		if name, known := group.ChildNames[child]; known {
			all = append(all, s.showMember("Group", child, name))
		}
	}
	return all, nil
}

func (s *Server) showMember(of string, id directory.ID, name string) shown {
	member := shown{"value": id, "type": of, "$ref": s.location(of, string(id))}
	if name != "" {
		member["display"] = name
	}
	return member
}
