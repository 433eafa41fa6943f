package authz

import (
	"mime/multipart"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"

	"go.uber.org/zap"

	"github.com/cambio-sts/cambio/internal/httpx"
	"github.com/cambio-sts/cambio/internal/instant"
)

// serveToken is the token endpoint (RFC 6749 §3.2, RFC 8693 §2). fallback is the
// audience of a request that names none.
func (s *Server) serveToken(fallback string) http.HandlerFunc {
	options := httpx.FormOptions{AllowMultipart: true, Repeatable: []string{"audience", "resource"}}
	return func(w http.ResponseWriter, r *http.Request) {
		form, err := s.readForm(w, r, options)
		if err != nil {
			s.refuse(w, r, err, doorClient)
			return
		}
		session := &tokenSession{form: form, grant: form.Get("grant_type"), fallback: fallback}
		if err := s.issue(r, session); err != nil {
			s.refuse(w, r, err, session.door())
			return
		}
		httpx.RequestLogFrom(r.Context()).Add(zap.String("pat_id", string(session.issued.ClientID)), zap.String("jti", session.issued.JTI))
		body, _ := bodies.Get().(*[]byte)
		*body = s.issuedBody((*body)[:0], session)
		if writeBody(w, http.StatusOK, *body) == nil { // else somebody may hold it still
			bodies.Put(body)
		}
	}
}

// What fosite is shown of a request's form, one for all requests: it only reads.
var (
	grantForms = map[string]url.Values{grantExchange: formOf(grantExchange), grantClientCredentials: formOf(grantClientCredentials)}
	noFiles    = &multipart.Form{}
)

func formOf(grant string) url.Values { return url.Values{"grant_type": {grant}} }

// issue lets fosite find the grant and run it. fosite gets a parsed form that
// holds the grant type alone; the grants read the session.
func (s *Server) issue(r *http.Request, session *tokenSession) error {
	if strings.Trim(session.grant, " ") == "" {
		return errNoGrantType
	}
	form, known := grantForms[session.grant]
	if !known {
		form = formOf(session.grant)
	}
	r.PostForm, r.Form, r.MultipartForm = form, form, noFiles
	if _, err := s.provider.NewAccessRequest(r.Context(), r, session); err != nil {
		return err
	}
	if session.issued == nil {
		return errWiring
	}
	return nil
}

func (s *tokenSession) door() door {
	if s.grant == grantExchange {
		return doorSubject
	}
	return doorClient
}

// bodies are memory for answers, used again and again.
var bodies = sync.Pool{New: func() any { return new([]byte) }}

// issuedBody appends the success answer (RFC 6749 §5.1, RFC 8693 §2.2.1). What is not
// encoded needs no escape: scopes by RFC 6749 §3.3, the names of credentials and the
// rest by their alphabets.
func (s *Server) issuedBody(body []byte, session *tokenSession) []byte {
	issued := session.issued
	body = append(body, `{"access_token":"`...)
	body = append(body, issued.AccessToken...)
	if session.issuedType != "" {
		body = append(body, `","issued_token_type":"`...)
		body = append(body, session.issuedType...)
	}
	body = append(body, `","token_type":"`+tokenTypeBearer+`","expires_in":`...)
	body = strconv.AppendInt(body, issued.ExpiresIn, 10)
	body = append(body, `,"scope":"`...)
	body = append(body, issued.Scope...)
	body = append(body, `","client_id":"`...)
	body = append(body, issued.ClientID...)
	body = append(body, `","issuer":`...)
	body = append(body, s.issuer...)
	if !issued.PATExpiration.IsZero() {
		body = append(body, `,"pat_expires_at":"`...)
		body = append(body, instant.Format(issued.PATExpiration)...)
		body = append(body, '"')
	}
	for _, member := range issued.Credentials { // flat, and all of them strings
		body = append(body, ',', '"')
		body = append(body, member.Name...)
		body = append(body, '"', ':')
		body = append(body, encode(member.Value.Reveal())...)
	}
	return append(body, '}')
}
