package scim

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/manage"
)

const (
	// maxListedMembers is about how many members a page of Groups has in all; it ends
	// before the group that would make them more.
	maxListedMembers = 10_000
	withdrawTimeout  = 5 * time.Second
)

// writeGroup answers with a Group as it is now.
func (s *Server) writeGroup(w http.ResponseWriter, r *http.Request, who *manage.Caller, status int, id string) error {
	show, err := projectionOf(r)
	if err != nil {
		return err
	}
	group, err := s.manager.GroupAlone(r.Context(), who, id)
	if err != nil {
		return err
	}
	var members []shown
	if show.wants("members") {
		if members, err = s.members(r.Context(), who, group); err != nil {
			return err
		}
	}
	w.Header().Set("ETag", version(group.ETag()))
	if status == http.StatusCreated {
		w.Header().Set("Location", s.location("Group", id))
	}
	write(w, status, show.of(s.showGroup(group, members)))
	return nil
}

func (s *Server) getGroup(w http.ResponseWriter, r *http.Request, who *manage.Caller) error {
	return s.writeGroup(w, r, who, http.StatusOK, r.PathValue("id"))
}

// createGroup makes a group with its members, or none.
func (s *Server) createGroup(w http.ResponseWriter, r *http.Request, who *manage.Caller) error {
	if _, err := projectionOf(r); err != nil {
		return err
	}
	body, err := readObject(w, r)
	if err != nil {
		return err
	}
	var draft groupDraft
	if err := draft.change(body.operations(replace)); err != nil {
		return err
	}
	draft.members.whole = false // of a new group nobody is a member
	moves, err := s.moves(r.Context(), who, &manage.Group{}, &draft.members)
	if err != nil {
		return err
	}
	group, err := s.manager.CreateGroup(r.Context(), who, manage.Given(directory.Group{Name: draft.name}))
	if err != nil {
		return err
	}
	if err := s.carry(r.Context(), who, string(group.ID), moves); err != nil {
		return s.withdraw(r.Context(), who, group, err)
	}
	return s.writeGroup(w, r, who, http.StatusCreated, string(group.ID))
}

// withdraw removes a group whose members could not all be added, so that the same
// request can be made again.
func (s *Server) withdraw(ctx context.Context, who *manage.Caller, group *manage.Group, cause error) error {
	if partial, ok := errors.AsType[*partialError](cause); ok {
		cause = partial.cause
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), withdrawTimeout)
	defer cancel()
	if err := s.manager.DeleteGroup(ctx, who, string(group.ID), nil); err != nil {
		return errors.Join(cause, fmt.Errorf("remove a group without its members: %w", err))
	}
	return cause
}

func (s *Server) replaceGroup(w http.ResponseWriter, r *http.Request, who *manage.Caller) error {
	return s.changeGroup(w, r, who, func(body object, draft *groupDraft) error {
		draft.name = ""
		return draft.change(body.operations(replace))
	})
}

func (s *Server) patchGroup(w http.ResponseWriter, r *http.Request, who *manage.Caller) error {
	return s.changeGroup(w, r, who, func(body object, draft *groupDraft) error {
		operations, err := readPatch(body)
		if err != nil {
			return err
		}
		return draft.change(operations)
	})
}

// changeGroup changes the name in one step, then each member in one. A request that
// says nothing of members leaves them.
func (s *Server) changeGroup(w http.ResponseWriter, r *http.Request, who *manage.Caller, read func(object, *groupDraft) error) error {
	ctx, id := r.Context(), r.PathValue("id")
	if _, err := projectionOf(r); err != nil {
		return err
	}
	group, err := s.manager.GroupAlone(ctx, who, id)
	if err != nil {
		return err
	}
	if group.Reserved() {
		return directory.ErrReserved
	}
	body, err := readObject(w, r)
	if err != nil {
		return err
	}
	draft := groupDraft{name: group.Name}
	if err := read(body, &draft); err != nil {
		return err
	}
	moves, err := s.moves(ctx, who, group, &draft.members)
	if err != nil {
		return err
	}
	if match := matching(r); draft.name != group.Name || match != nil {
		if _, err := s.manager.UpdateGroup(ctx, who, id, match, func(now *directory.Group) error {
			now.Name = draft.name
			return nil
		}); err != nil {
			return err
		}
	}
	if err := s.carry(ctx, who, id, moves); err != nil {
		return err
	}
	return s.writeGroup(w, r, who, http.StatusOK, id)
}

func (s *Server) deleteGroup(w http.ResponseWriter, r *http.Request, who *manage.Caller) error {
	if err := s.manager.DeleteGroup(r.Context(), who, r.PathValue("id"), matching(r)); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (s *Server) listGroups(w http.ResponseWriter, r *http.Request, who *manage.Caller) error {
	wanted, err := askQuery(r)
	if err != nil {
		return err
	}
	return s.answerGroups(w, r, who, wanted)
}

func (s *Server) searchGroups(w http.ResponseWriter, r *http.Request, who *manage.Caller) error {
	wanted, err := askBody(w, r)
	if err != nil {
		return err
	}
	return s.answerGroups(w, r, who, wanted)
}

func (s *Server) answerGroups(w http.ResponseWriter, r *http.Request, who *manage.Caller, wanted *ask) error {
	order, err := wanted.order(schemaGroup, groupColumns())
	if err != nil {
		return err
	}
	search := &manage.Search[directory.Group]{Ask: wanted.page(order)}
	if wanted.filter != nil {
		in, err := s.membersIn(r.Context(), who, wanted.filter)
		if err != nil {
			return err
		}
		if search.Where, err = groups(in).condition(wanted.filter, ""); err != nil {
			return err
		}
	}
	page, err := s.manager.SearchGroups(r.Context(), who, manage.Given(search))
	if err != nil {
		return err
	}
	entries, err := s.showGroups(r.Context(), who, page.Entries, wanted.show.wants("members"))
	if err != nil {
		return err
	}
	wanted.writeList(w, page.Total, entries)
	return nil
}

// showGroups shows the first groups, as many as have maxListedMembers members together,
// but at least one: a page may be shorter than was asked for (RFC 7644 §3.4.2.4).
func (s *Server) showGroups(ctx context.Context, who *manage.Caller, all []*manage.Group, withMembers bool) ([]shown, error) {
	entries := make([]shown, 0, len(all))
	listed := 0
	for _, group := range all {
		var members []shown
		if withMembers {
			var err error
			if members, err = s.members(ctx, who, group); err != nil {
				return nil, err
			}
		}
		if listed += len(members); listed > maxListedMembers && len(entries) > 0 {
			break
		}
		entries = append(entries, s.showGroup(group, members))
	}
	return entries, nil
}
