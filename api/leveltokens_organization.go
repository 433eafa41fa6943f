package api

import "net/http"

// ListOrganizationAccessTokens answers with a page of tokens.
func (s server) ListOrganizationAccessTokens(w http.ResponseWriter, r *http.Request, id LevelID, params ListOrganizationAccessTokensParams) {
	s.listLevelTokens(w, r, ofOrganization(id), listParams{params.Limit, params.Offset, params.Count, params.Filters, params.Sorters})
}

// CreateOrganizationAccessToken makes a token, and the technical user that owns it.
func (s server) CreateOrganizationAccessToken(w http.ResponseWriter, r *http.Request, id LevelID) {
	s.createLevelToken(w, r, ofOrganization(id))
}

// GetOrganizationAccessToken answers with one token.
func (s server) GetOrganizationAccessToken(w http.ResponseWriter, r *http.Request, id LevelID, tokenID TokenID) {
	s.getLevelToken(w, r, ofOrganization(id), tokenID)
}

// PatchOrganizationAccessToken changes a token.
func (s server) PatchOrganizationAccessToken(w http.ResponseWriter, r *http.Request, id LevelID, tokenID TokenID, params PatchOrganizationAccessTokenParams) {
	s.patchLevelToken(w, r, ofOrganization(id), tokenID, params.IfMatch)
}

// RotateOrganizationAccessToken gives a token a new secret.
func (s server) RotateOrganizationAccessToken(w http.ResponseWriter, r *http.Request, id LevelID, tokenID TokenID, params RotateOrganizationAccessTokenParams) {
	s.rotateLevelToken(w, r, ofOrganization(id), tokenID, params.IfMatch)
}

// RevokeOrganizationAccessToken disables a token.
func (s server) RevokeOrganizationAccessToken(w http.ResponseWriter, r *http.Request, id LevelID, tokenID TokenID, params RevokeOrganizationAccessTokenParams) {
	s.revokeLevelToken(w, r, ofOrganization(id), tokenID, params.IfMatch, params.Cascade)
}

// ReactivateOrganizationAccessToken re-enables a token.
func (s server) ReactivateOrganizationAccessToken(w http.ResponseWriter, r *http.Request, id LevelID, tokenID TokenID, params ReactivateOrganizationAccessTokenParams) {
	s.reactivateLevelToken(w, r, ofOrganization(id), tokenID, params.IfMatch)
}

// DeleteOrganizationAccessToken removes a token and its technical user.
func (s server) DeleteOrganizationAccessToken(w http.ResponseWriter, r *http.Request, id LevelID, tokenID TokenID, params DeleteOrganizationAccessTokenParams) {
	s.deleteLevelToken(w, r, ofOrganization(id), tokenID, params.IfMatch)
}
