package api

import (
	"net/http"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/manage"
)

// ListRoleAssignments answers with a page of role assignments.
func (s server) ListRoleAssignments(w http.ResponseWriter, r *http.Request, params ListRoleAssignmentsParams) {
	list := listParams{params.Limit, params.Offset, params.Count, params.Filters, params.Sorters}
	page, err := s.manager.Assignments(r.Context(), callerFrom(r.Context()), list.of(manage.AssignmentColumns()))
	respondPage(s.API, w, r, params.Count, page, showAssignment, err)
}

// GetRoleAssignment answers with one role assignment.
func (s server) GetRoleAssignment(w http.ResponseWriter, r *http.Request, id ID) {
	assignment, err := s.manager.Assignment(r.Context(), callerFrom(r.Context()), id)
	s.respondAssignment(w, r, assignment, err)
}

// CreateRoleAssignment gives a role or rights.
func (s server) CreateRoleAssignment(w http.ResponseWriter, r *http.Request) {
	assignment, err := s.manager.Assign(r.Context(), callerFrom(r.Context()), body(w, r, required, (*RoleAssignmentDraft).assignment))
	s.respondAssignment(w, r, assignment, err)
}

// DeleteRoleAssignment takes a role or rights away.
func (s server) DeleteRoleAssignment(w http.ResponseWriter, r *http.Request, id ID) {
	s.respondDone(w, r, s.manager.Unassign(r.Context(), callerFrom(r.Context()), id))
}

func (d *RoleAssignmentDraft) assignment() (directory.Assignment, error) {
	assignment := directory.Assignment{
		Role: orZero(d.Role), Scope: d.Scope, ScopeID: directory.ID(orZero(d.ScopeID)), Holder: directory.ID(d.Holder),
	}
	for _, right := range d.Rights {
		assignment.Rights = append(assignment.Rights, directory.Right(right))
	}
	return assignment, nil
}

// respondAssignment answers with an assignment, which never changes and so has no ETag.
func (s server) respondAssignment(w http.ResponseWriter, r *http.Request, assignment *manage.Assignment, err error) {
	if err != nil {
		s.fail(w, r, err)
		return
	}
	write(w, http.StatusOK, typeJSON, showAssignment(assignment))
}

func showAssignment(assignment *manage.Assignment) RoleAssignment {
	holder := Holder{Type: "IDENTITY", ID: string(assignment.Holder), Name: textPointer(assignment.HolderName)}
	if assignment.HolderGroup {
		holder.Type = "GROUP"
	}
	return RoleAssignment{
		ID: string(assignment.ID), Role: textPointer(string(assignment.Role)), Rights: shownAll(assignment.Rights, func(right directory.Right) string { return string(right) }),
		Scope: assignment.Scope, ScopeID: textPointer(string(assignment.ScopeID)), Holder: holder,
	}
}
