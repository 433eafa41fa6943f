package api

import (
	"net/http"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/manage"
)

// ListGroups answers with a page of groups.
func (s server) ListGroups(w http.ResponseWriter, r *http.Request, params ListGroupsParams) {
	list := listParams{params.Limit, params.Offset, params.Count, params.Filters, params.Sorters}
	page, err := s.manager.Groups(r.Context(), callerFrom(r.Context()), list.of(manage.GroupColumns()))
	respondPage(s.API, w, r, params.Count, page, showGroup, err)
}

// GetGroup answers with one group.
func (s server) GetGroup(w http.ResponseWriter, r *http.Request, id ID) {
	group, err := s.manager.Group(r.Context(), callerFrom(r.Context()), id)
	respondTagged(s.API, w, r, group, showGroup, err)
}

// CreateGroup makes a group.
func (s server) CreateGroup(w http.ResponseWriter, r *http.Request) {
	group, err := s.manager.CreateGroup(r.Context(), callerFrom(r.Context()), body(w, r, required, (*GroupDraft).group))
	respondTagged(s.API, w, r, group, showGroup, err)
}

func (d *GroupDraft) group() (directory.Group, error) {
	group := directory.Group{Name: d.Name, Description: orZero(d.Description)}
	for _, child := range d.ChildGroups {
		group.ChildGroups = append(group.ChildGroups, directory.ID(child))
	}
	return group, nil
}

// groupDocument is what of a group may be patched.
type groupDocument struct {
	Name        *string `json:"name"`
	Description *string `json:"description"`
}

// PatchGroup changes a group.
func (s server) PatchGroup(w http.ResponseWriter, r *http.Request, id ID, params PatchGroupParams) {
	patch := readPatch[groupDocument](w, r)
	change := func(group *directory.Group) error {
		after, err := patch(&groupDocument{Name: &group.Name, Description: textPointer(group.Description)})
		if err != nil {
			return err
		}
		group.Name, group.Description = orZero(after.Name), orZero(after.Description)
		return nil
	}
	group, err := s.manager.UpdateGroup(r.Context(), callerFrom(r.Context()), id, matching(params.IfMatch), change)
	respondTagged(s.API, w, r, group, showGroup, err)
}

// DeleteGroup removes a group.
func (s server) DeleteGroup(w http.ResponseWriter, r *http.Request, id ID, params DeleteGroupParams) {
	s.respondDone(w, r, s.manager.DeleteGroup(r.Context(), callerFrom(r.Context()), id, matching(params.IfMatch)))
}

// ListMembers answers with a page of a group's direct members.
func (s server) ListMembers(w http.ResponseWriter, r *http.Request, id ID, params ListMembersParams) {
	list := listParams{limit: params.Limit, offset: params.Offset, count: params.Count}
	page, err := s.manager.Members(r.Context(), callerFrom(r.Context()), id, list.of(nil))
	respondPage(s.API, w, r, params.Count, page, showIdentity, err)
}

// AddMember puts an identity into a group.
func (s server) AddMember(w http.ResponseWriter, r *http.Request, id ID, memberID MemberID) {
	s.respondDone(w, r, s.manager.AddMember(r.Context(), callerFrom(r.Context()), id, memberID))
}

// RemoveMember takes an identity out of a group.
func (s server) RemoveMember(w http.ResponseWriter, r *http.Request, id ID, memberID MemberID) {
	s.respondDone(w, r, s.manager.RemoveMember(r.Context(), callerFrom(r.Context()), id, memberID))
}

// ListChildren answers with a page of the groups nested in a group.
func (s server) ListChildren(w http.ResponseWriter, r *http.Request, id ID, params ListChildrenParams) {
	list := listParams{limit: params.Limit, offset: params.Offset, count: params.Count}
	page, err := s.manager.Children(r.Context(), callerFrom(r.Context()), id, list.of(nil))
	respondPage(s.API, w, r, params.Count, page, showGroup, err)
}

// AddChild nests a group in a group.
func (s server) AddChild(w http.ResponseWriter, r *http.Request, id ID, childID ChildID) {
	s.respondDone(w, r, s.manager.AddChild(r.Context(), callerFrom(r.Context()), id, childID))
}

// RemoveChild takes a group out of a group.
func (s server) RemoveChild(w http.ResponseWriter, r *http.Request, id ID, childID ChildID) {
	s.respondDone(w, r, s.manager.RemoveChild(r.Context(), callerFrom(r.Context()), id, childID))
}

func showGroup(group *manage.Group) Group {
	shown := Group{
		ID: string(group.ID), OrganizationID: string(group.Organization), Name: group.Name, Description: textPointer(group.Description),
		Reserved: group.Reserved(), ChildGroups: showNamed(group.ChildGroups, group.ChildNames),
	}
	if group.Members != nil {
		shown.Members = new(shownAll(group.Members, func(member manage.Reference) IdentityReference { return *showReference(&member) }))
	}
	return shown
}
