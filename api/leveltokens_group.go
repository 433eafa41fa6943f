package api

import "net/http"

// ListGroupAccessTokens answers with a page of tokens.
func (s server) ListGroupAccessTokens(w http.ResponseWriter, r *http.Request, id LevelID, params ListGroupAccessTokensParams) {
	s.listLevelTokens(w, r, ofGroup(id), listParams{params.Limit, params.Offset, params.Count, params.Filters, params.Sorters})
}

// CreateGroupAccessToken makes a token, and the technical user that owns it.
func (s server) CreateGroupAccessToken(w http.ResponseWriter, r *http.Request, id LevelID) {
	s.createLevelToken(w, r, ofGroup(id))
}

// GetGroupAccessToken answers with one token.
func (s server) GetGroupAccessToken(w http.ResponseWriter, r *http.Request, id LevelID, tokenID TokenID) {
	s.getLevelToken(w, r, ofGroup(id), tokenID)
}

// PatchGroupAccessToken changes a token.
func (s server) PatchGroupAccessToken(w http.ResponseWriter, r *http.Request, id LevelID, tokenID TokenID, params PatchGroupAccessTokenParams) {
	s.patchLevelToken(w, r, ofGroup(id), tokenID, params.IfMatch)
}

// RotateGroupAccessToken gives a token a new secret.
func (s server) RotateGroupAccessToken(w http.ResponseWriter, r *http.Request, id LevelID, tokenID TokenID, params RotateGroupAccessTokenParams) {
	s.rotateLevelToken(w, r, ofGroup(id), tokenID, params.IfMatch)
}

// RevokeGroupAccessToken disables a token.
func (s server) RevokeGroupAccessToken(w http.ResponseWriter, r *http.Request, id LevelID, tokenID TokenID, params RevokeGroupAccessTokenParams) {
	s.revokeLevelToken(w, r, ofGroup(id), tokenID, params.IfMatch, params.Cascade)
}

// ReactivateGroupAccessToken re-enables a token.
func (s server) ReactivateGroupAccessToken(w http.ResponseWriter, r *http.Request, id LevelID, tokenID TokenID, params ReactivateGroupAccessTokenParams) {
	s.reactivateLevelToken(w, r, ofGroup(id), tokenID, params.IfMatch)
}

// DeleteGroupAccessToken removes a token and its technical user.
func (s server) DeleteGroupAccessToken(w http.ResponseWriter, r *http.Request, id LevelID, tokenID TokenID, params DeleteGroupAccessTokenParams) {
	s.deleteLevelToken(w, r, ofGroup(id), tokenID, params.IfMatch)
}
