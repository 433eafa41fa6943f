package scim

import (
	"context"
	"errors"
	"net/http"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/manage"
	"github.com/cambio-sts/cambio/scim/filter"
)

// writeUser answers with a User and its version.
func (s *Server) writeUser(w http.ResponseWriter, r *http.Request, status int, identity *manage.Identity) error {
	show, err := projectionOf(r)
	if err != nil {
		return err
	}
	w.Header().Set("ETag", version(identity.ETag()))
	if status == http.StatusCreated {
		w.Header().Set("Location", s.location("User", string(identity.ID)))
	}
	write(w, status, show.of(s.showUser(identity)))
	return nil
}

// person returns an identity that exists here.
func (s *Server) person(r *http.Request, who *manage.Caller) (*manage.Identity, error) {
	identity, err := s.manager.Identity(r.Context(), who, r.PathValue("id"))
	if err == nil && identity.Type != directory.User {
		err = manage.ErrNotFound
	}
	return identity, err
}

func (s *Server) getUser(w http.ResponseWriter, r *http.Request, who *manage.Caller) error {
	identity, err := s.person(r, who)
	if err != nil {
		return err
	}
	if unchanged(r, identity.ETag()) {
		w.Header().Set("ETag", version(identity.ETag()))
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	return s.writeUser(w, r, http.StatusOK, identity)
}

func (s *Server) createUser(w http.ResponseWriter, r *http.Request, who *manage.Caller) error {
	if _, err := projectionOf(r); err != nil {
		return err
	}
	identity, err := s.manager.CreateIdentity(r.Context(), who, func() (directory.Identity, error) {
		draft := directory.Identity{Enabled: true}
		body, err := readObject(w, r)
		if err == nil {
			err = replaceUser(&draft, body)
		}
		return draft, err
	})
	if err != nil {
		return err
	}
	return s.writeUser(w, r, http.StatusCreated, identity)
}

// replaceUser is PUT. The body is read once the person is known to exist.
func (s *Server) replaceUser(w http.ResponseWriter, r *http.Request, who *manage.Caller) error {
	return s.changeUser(w, r, who, func(body object) (func(*directory.Identity) error, error) {
		return func(identity *directory.Identity) error { return replaceUser(identity, body) }, nil
	})
}

func (s *Server) patchUser(w http.ResponseWriter, r *http.Request, who *manage.Caller) error {
	return s.changeUser(w, r, who, func(body object) (func(*directory.Identity) error, error) {
		operations, err := readPatch(body)
		return func(identity *directory.Identity) error { return changeUser(identity, operations) }, err
	})
}

// changeUser reads the body and makes the change that read finds in it, in one step.
func (s *Server) changeUser(w http.ResponseWriter, r *http.Request, who *manage.Caller, read func(object) (func(*directory.Identity) error, error)) error {
	if _, err := projectionOf(r); err != nil {
		return err
	}
	if _, err := s.person(r, who); err != nil {
		return err
	}
	body, err := readObject(w, r)
	if err != nil {
		return err
	}
	change, err := read(body)
	if err != nil {
		return err
	}
	identity, err := s.manager.UpdateIdentity(r.Context(), who, r.PathValue("id"), matching(r), change)
	if err != nil {
		return err
	}
	return s.writeUser(w, r, http.StatusOK, identity)
}

func (s *Server) deleteUser(w http.ResponseWriter, r *http.Request, who *manage.Caller) error {
	if err := s.manager.DeleteIdentity(r.Context(), who, r.PathValue("id"), matching(r)); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (s *Server) listUsers(w http.ResponseWriter, r *http.Request, who *manage.Caller) error {
	wanted, err := askQuery(r)
	if err != nil {
		return err
	}
	return s.answerUsers(w, r, who, wanted)
}

func (s *Server) searchUsers(w http.ResponseWriter, r *http.Request, who *manage.Caller) error {
	wanted, err := askBody(w, r)
	if err != nil {
		return err
	}
	return s.answerUsers(w, r, who, wanted)
}

func (s *Server) answerUsers(w http.ResponseWriter, r *http.Request, who *manage.Caller, wanted *ask) error {
	search, err := wanted.users()
	if err != nil {
		return err
	}
	page, err := s.findUsers(r.Context(), who, wanted, search)
	if err != nil {
		return err
	}
	entries := make([]shown, len(page.Entries))
	for i, identity := range page.Entries {
		entries[i] = s.showUser(identity)
	}
	wanted.writeList(w, page.Total, entries)
	return nil
}

// users is the search that is asked for.
func (a *ask) users() (*manage.Search[directory.Identity], error) {
	order, err := a.order(schemaUser, userColumns())
	if err != nil {
		return nil, err
	}
	search := &manage.Search[directory.Identity]{Ask: a.page(order)}
	if a.filter != nil {
		search.Where, err = users().condition(a.filter, "")
	}
	return search, err
}

// findUsers searches. What is asked for by a login or by its id is at most one, and
// found without looking at all others: identity providers do that before each change.
func (s *Server) findUsers(ctx context.Context, who *manage.Caller, wanted *ask, search *manage.Search[directory.Identity]) (manage.Page[*manage.Identity], error) {
	name, key := pinned(wanted.filter)
	var identity *manage.Identity
	var err error
	switch name {
	case "username":
		identity, err = s.manager.IdentityByLogin(ctx, who, directory.ByUsername, key)
	case "externalid":
		identity, err = s.manager.IdentityByLogin(ctx, who, directory.ByExternalID, key)
	case "id":
		identity, err = s.manager.Identity(ctx, who, key)
	default:
		return s.manager.SearchPeople(ctx, who, manage.Given(search))
	}
	var none manage.Page[*manage.Identity]
	switch {
	case errors.Is(err, manage.ErrNotFound), errors.Is(err, directory.ErrNotFound):
		return none, nil
	case err != nil:
		return none, err
	case identity.Type != directory.User || !search.Where(&identity.Identity):
		return none, nil
	}
	page := manage.Page[*manage.Identity]{Total: 1}
	if search.Offset == 0 && search.Limit > 0 {
		page.Entries = []*manage.Identity{identity}
	}
	return page, nil
}

// pinned returns an attribute that no two Users share, in lower case, and the value
// that a filter demands of it. Empty if there is none.
func pinned(e filter.Expr) (attribute, key string) {
	switch e := e.(type) {
	case *filter.Group:
		for _, term := range e.Terms {
			if attribute, key = pinned(term); attribute != "" && !e.Any {
				return attribute, key
			}
		}
	case *filter.Compare:
		name := users().attribute(e.Path, "")
		if e.Operator == filter.Equal && e.Value.Kind == filter.Text && e.Value.Text != "" && (name == "username" || name == "externalid" || name == "id") {
			return name, e.Value.Text
		}
	}
	return "", ""
}

// projectionOf is what of one resource is to be answered.
func projectionOf(r *http.Request) (projection, error) {
	wanted, err := askQuery(r)
	if err != nil {
		return projection{}, err
	}
	return wanted.show, nil
}
