package api

import (
	"net/http"

	"github.com/cambio-sts/cambio/manage"
	"github.com/cambio-sts/cambio/pat"
)

// The routes of organizations' tokens and of groups' are the same at different
// places. What they have in common is here; the methods of the generated interface are
// in leveltokens_organization.go and leveltokens_group.go.

func (s server) listLevelTokens(w http.ResponseWriter, r *http.Request, level manage.Level, list listParams) {
	page, err := s.manager.LevelTokens(r.Context(), callerFrom(r.Context()), level, list.of(manage.TokenColumns()))
	respondPage(s.API, w, r, list.count, page, showToken, err)
}

func (s server) getLevelToken(w http.ResponseWriter, r *http.Request, level manage.Level, id string) {
	token, err := s.manager.LevelToken(r.Context(), callerFrom(r.Context()), level, id)
	respondTagged(s.API, w, r, token, showToken, err)
}

func (s server) createLevelToken(w http.ResponseWriter, r *http.Request, level manage.Level) {
	draft := body(w, r, required, (*LevelAccessTokenDraft).draft)
	token, shown, err := s.manager.CreateLevelToken(r.Context(), callerFrom(r.Context()), level, draft)
	respondTagged(s.API, w, r, shown, withSecret(token), err)
}

func (s server) patchLevelToken(w http.ResponseWriter, r *http.Request, level manage.Level, id string, ifMatch *string) {
	who := callerFrom(r.Context())
	token, err := s.manager.UpdateLevelToken(r.Context(), who, level, id, matching(ifMatch), tokenChange(w, r, who.Policy.DefaultScopes))
	respondTagged(s.API, w, r, token, showToken, err)
}

func (s server) rotateLevelToken(w http.ResponseWriter, r *http.Request, level manage.Level, id string, ifMatch *string) {
	how := body(w, r, optional, (*RotateRequest).rotation)
	token, shown, err := s.manager.RotateLevelToken(r.Context(), callerFrom(r.Context()), level, id, matching(ifMatch), how)
	respondTagged(s.API, w, r, shown, withSecret(token), err)
}

func (s server) revokeLevelToken(w http.ResponseWriter, r *http.Request, level manage.Level, id string, ifMatch *string, cascade *bool) {
	token, err := s.manager.RevokeLevelToken(r.Context(), callerFrom(r.Context()), level, id, matching(ifMatch), ending(w, r, cascade))
	respondTagged(s.API, w, r, token, showToken, err)
}

func (s server) reactivateLevelToken(w http.ResponseWriter, r *http.Request, level manage.Level, id string, ifMatch *string) {
	token, err := s.manager.ReactivateLevelToken(r.Context(), callerFrom(r.Context()), level, id, matching(ifMatch))
	respondTagged(s.API, w, r, token, showToken, err)
}

func (s server) deleteLevelToken(w http.ResponseWriter, r *http.Request, level manage.Level, id string, ifMatch *string) {
	s.respondDone(w, r, s.manager.DeleteLevelToken(r.Context(), callerFrom(r.Context()), level, id, matching(ifMatch)))
}

func ofOrganization(id string) manage.Level { return manage.Level{Of: pat.Organization, ID: id} }

func ofGroup(id string) manage.Level { return manage.Level{Of: pat.Group, ID: id} }
