package api

import (
	"net/http"

	"github.com/cambio-sts/cambio/manage"
)

// ListInactivity answers with who becomes inactive.
func (s server) ListInactivity(w http.ResponseWriter, r *http.Request, params ListInactivityParams) {
	list := listParams{limit: params.Limit, offset: params.Offset, count: params.Count}
	within := -1
	if params.WithinDays != nil {
		within = max(0, *params.WithinDays)
	}
	page, err := s.manager.Inactivity(r.Context(), callerFrom(r.Context()), within, list.of(nil))
	respondPage(s.API, w, r, params.Count, page, showInactivity, err)
}

func showInactivity(one manage.Inactivity) Inactivity {
	identity := &one.Identity
	return Inactivity{
		Identity: IdentityReference{Type: "IDENTITY", ID: string(identity.ID), Name: textPointer(identity.DisplayName)}, Username: identity.Username,
		UserStatus: one.Status, LastLogin: instantOrNull(identity.LastLogin), Created: Instant(identity.Created),
		RemainingDays: one.Days, DeactivatesAt: Instant(one.At),
	}
}
