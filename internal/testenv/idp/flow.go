package idp

import (
	"cmp"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// challengeLength is that of a SHA-256 in base64url (RFC 7636 §4.2).
const challengeLength = 43

// authorize logs in the person that the test named, or the one in login_hint, without
// asking anybody.
func (p *Provider) authorize(w http.ResponseWriter, r *http.Request) {
	query, knobs := r.URL.Query(), p.bent()
	redirect := query.Get("redirect_uri")
	p.mu.Lock()
	defer p.mu.Unlock()
	if query.Get("client_id") != ClientID || !slices.Contains(p.redirects, redirect) {
		http.Error(w, "unknown client or redirect_uri", http.StatusBadRequest)
		return
	}
	back := url.Values{"state": {query.Get("state")}, "iss": {p.URL}}
	who := cmp.Or(query.Get("login_hint"), p.who)
	_, known := p.people[who]
	switch {
	case knobs.Deny != "":
		back.Set("error", knobs.Deny)
		back.Set("error_description", "<script>alert(1)</script>")
	case !known:
		back.Set("error", "access_denied")
	case query.Get("response_type") != "code" || !slices.Contains(strings.Fields(query.Get("scope")), "openid") ||
		query.Get("state") == "" || query.Get("nonce") == "":
		back.Set("error", "invalid_request")
	case !knobs.IgnorePKCE && (query.Get("code_challenge_method") != "S256" || len(query.Get("code_challenge")) != challengeLength):
		back.Set("error", "invalid_request")
	default:
		code := rand.Text()
		p.codes[code] = &grant{who: who, redirect: redirect, nonce: query.Get("nonce"), challenge: query.Get("code_challenge")}
		back.Set("code", code)
	}
	if knobs.Authorize != nil {
		knobs.Authorize(back)
	}
	http.Redirect(w, r, redirect+"?"+back.Encode(), http.StatusFound) // #nosec G710 -- it is registered
}

// token exchanges a code (RFC 6749 §4.1.3).
func (p *Provider) token(w http.ResponseWriter, r *http.Request) {
	knobs := p.bent()
	if err := r.ParseForm(); err != nil || r.Method != http.MethodPost {
		answer(w, http.StatusBadRequest, map[string]any{"error": "invalid_request"})
		return
	}
	if !authenticated(r) {
		answer(w, http.StatusUnauthorized, map[string]any{"error": "invalid_client"})
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	given, ok := p.codes[r.PostForm.Get("code")]
	sum := sha256.Sum256([]byte(r.PostForm.Get("code_verifier")))
	proved := knobs.IgnorePKCE || ok && given.challenge == base64.RawURLEncoding.EncodeToString(sum[:])
	if !ok || given.used && !knobs.ReuseCodes || given.redirect != r.PostForm.Get("redirect_uri") || !proved ||
		r.PostForm.Get("grant_type") != "authorization_code" {
		answer(w, http.StatusBadRequest, map[string]any{"error": "invalid_grant", "error_description": "<script>alert(1)</script>"})
		return
	}
	given.used = true
	access := rand.Text()
	p.tokens[access] = given.who
	body := map[string]any{
		"access_token": access, "token_type": "Bearer", "expires_in": 300, "id_token": p.idToken(given, access, &knobs),
	}
	if knobs.Token != nil {
		knobs.Token(body)
	}
	answer(w, http.StatusOK, body)
}

// authenticated checks the client's secret in either place (RFC 6749 §2.3.1).
func authenticated(r *http.Request) bool {
	id, password, basic := r.BasicAuth()
	if !basic {
		return r.PostForm.Get("client_id") == ClientID && r.PostForm.Get("client_secret") == ClientSecret
	}
	id, errID := url.QueryUnescape(id)
	password, errPassword := url.QueryUnescape(password)
	return errID == nil && errPassword == nil && id == ClientID && password == ClientSecret && !r.PostForm.Has("client_secret")
}

// idToken makes the ID token of a login. The lock is held.
func (p *Provider) idToken(given *grant, access string, knobs *Knobs) string {
	person, now := p.people[given.who], time.Now()
	hash := sha256.Sum256([]byte(access))
	claims := map[string]any{
		"iss": p.URL, "sub": person.Subject, "aud": ClientID, "nonce": given.nonce, "iat": now.Unix(), "exp": now.Add(5 * time.Minute).Unix(),
		"auth_time": now.Unix(), "at_hash": base64.RawURLEncoding.EncodeToString(hash[:len(hash)/2]),
	}
	maps.Copy(claims, person.Claims)
	if knobs.IDToken != nil {
		knobs.IDToken(claims)
	}
	jws := p.sign(claims, knobs)
	if knobs.Signed != nil {
		jws = knobs.Signed(jws)
	}
	return jws
}

// userInfo tells of the person behind an access token.
func (p *Provider) userInfo(w http.ResponseWriter, r *http.Request) {
	knobs := p.bent()
	p.mu.Lock()
	defer p.mu.Unlock()
	token, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	who, known := p.tokens[token]
	if !bearer || !known {
		answer(w, http.StatusUnauthorized, map[string]any{"error": "invalid_token"})
		return
	}
	person := p.people[who]
	claims := map[string]any{"sub": person.Subject}
	maps.Copy(claims, person.Claims)
	maps.Copy(claims, person.UserInfo)
	if knobs.UserInfo != nil {
		knobs.UserInfo(claims)
	}
	answer(w, http.StatusOK, claims)
}

// endSession is the logout (OpenID Connect RP-Initiated Logout 1.0 §2).
func (p *Provider) endSession(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	p.mu.Lock()
	defer p.mu.Unlock()
	back := query.Get("post_logout_redirect_uri")
	if query.Get("client_id") != ClientID || back != "" && !slices.Contains(p.postLogout, back) {
		http.Error(w, "unknown client or post_logout_redirect_uri", http.StatusBadRequest)
		return
	}
	subject := ""
	if hint := query.Get("id_token_hint"); hint != "" {
		var claims struct {
			Subject string `json:"sub"`
		}
		parts := strings.Split(hint, ".")
		payload, err := base64.RawURLEncoding.DecodeString(parts[min(1, len(parts)-1)])
		if err != nil || json.Unmarshal(payload, &claims) != nil {
			http.Error(w, "bad id_token_hint", http.StatusBadRequest)
			return
		}
		subject = claims.Subject
	}
	p.loggedOut = append(p.loggedOut, subject)
	if back == "" {
		_, _ = w.Write([]byte("logged out"))
		return
	}
	http.Redirect(w, r, back, http.StatusFound) // #nosec G710 -- it is registered
}
