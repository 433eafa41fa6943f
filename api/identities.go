package api

import (
	"net/http"
	"time"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/manage"
)

// ListIdentities answers with a page of identities.
func (s server) ListIdentities(w http.ResponseWriter, r *http.Request, params ListIdentitiesParams) {
	list := listParams{params.Limit, params.Offset, params.Count, params.Filters, params.Sorters}
	page, err := s.manager.Identities(r.Context(), callerFrom(r.Context()), list.of(manage.IdentityColumns()))
	respondPage(s.API, w, r, params.Count, page, showIdentity, err)
}

// GetIdentity answers with one identity.
func (s server) GetIdentity(w http.ResponseWriter, r *http.Request, id ID) {
	identity, err := s.manager.Identity(r.Context(), callerFrom(r.Context()), id)
	respondTagged(s.API, w, r, identity, showIdentity, err)
}

// CreateIdentity makes a person.
func (s server) CreateIdentity(w http.ResponseWriter, r *http.Request) {
	identity, err := s.manager.CreateIdentity(r.Context(), callerFrom(r.Context()), body(w, r, required, (*IdentityDraft).identity))
	respondTagged(s.API, w, r, identity, showIdentity, err)
}

func (d *IdentityDraft) identity() (directory.Identity, error) {
	return directory.Identity{
		Username: d.Username, DisplayName: orZero(d.DisplayName), Email: orZero(d.Email),
		ExternalID: orZero(d.ExternalID), Issuer: orZero(d.Issuer), Subject: orZero(d.Subject), Enabled: d.Enabled == nil || *d.Enabled,
	}, nil
}

// identityDocument is what of an identity may be patched. A member that was removed is
// null.
type identityDocument struct {
	Username    *string `json:"username"`
	DisplayName *string `json:"displayName"`
	Email       *string `json:"email"`
	ExternalID  *string `json:"externalId"`
	Issuer      *string `json:"issuer"`
	Subject     *string `json:"subject"`
	Enabled     *bool   `json:"enabled"`
}

// PatchIdentity changes a person.
func (s server) PatchIdentity(w http.ResponseWriter, r *http.Request, id ID, params PatchIdentityParams) {
	patch := readPatch[identityDocument](w, r)
	change := func(identity *directory.Identity) error {
		after, err := patch(&identityDocument{
			Username: &identity.Username, DisplayName: textPointer(identity.DisplayName), Email: textPointer(identity.Email),
			ExternalID: textPointer(identity.ExternalID), Issuer: textPointer(identity.Issuer), Subject: textPointer(identity.Subject), Enabled: &identity.Enabled,
		})
		if err != nil {
			return err
		}
		if after.Enabled == nil {
			return directory.Broken("enabled", directory.RuleNotNull)
		}
		identity.Username, identity.DisplayName, identity.Email = orZero(after.Username), orZero(after.DisplayName), orZero(after.Email)
		identity.ExternalID, identity.Issuer, identity.Subject = orZero(after.ExternalID), orZero(after.Issuer), orZero(after.Subject)
		identity.Enabled = *after.Enabled
		return nil
	}
	identity, err := s.manager.UpdateIdentity(r.Context(), callerFrom(r.Context()), id, matching(params.IfMatch), change)
	respondTagged(s.API, w, r, identity, showIdentity, err)
}

// DeleteIdentity removes a person.
func (s server) DeleteIdentity(w http.ResponseWriter, r *http.Request, id ID, params DeleteIdentityParams) {
	s.respondDone(w, r, s.manager.DeleteIdentity(r.Context(), callerFrom(r.Context()), id, matching(params.IfMatch)))
}

// RecordLogin records an interactive login.
func (s server) RecordLogin(w http.ResponseWriter, r *http.Request, id ID) {
	at := body(w, r, optional, func(b *LoginRequest) (time.Time, error) { return time.Time(orZero(b.Time)), nil })
	identity, err := s.manager.RecordLogin(r.Context(), callerFrom(r.Context()), id, at)
	respondTagged(s.API, w, r, identity, showIdentity, err)
}

func showIdentity(identity *manage.Identity) Identity {
	return Identity{
		ID: string(identity.ID), OrganizationID: string(identity.Organization), Type: identity.Type, Username: identity.Username,
		DisplayName: textPointer(identity.DisplayName), Email: textPointer(identity.Email), ExternalID: textPointer(identity.ExternalID),
		Issuer: textPointer(identity.Issuer), Subject: textPointer(identity.Subject), Enabled: identity.Enabled,
		BuiltInAdministrator: identity.BuiltInAdministrator, UserStatus: identity.Status, LastLogin: instantOrNull(identity.LastLogin),
		Groups: showNamed(identity.Groups, identity.GroupNames), Created: Instant(identity.Created), Modified: instantOrNull(identity.Modified),
	}
}
