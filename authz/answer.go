package authz

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"strconv"

	"go.uber.org/zap"

	"github.com/cambio-sts/cambio/exchange"
	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/httpx"
	"github.com/cambio-sts/cambio/internal/id"
	"github.com/cambio-sts/cambio/pat"
)

// readForm reads the form of an OAuth endpoint. A credential in the query string
// is refused, and counted and recorded, for whoever reads the logs on its way
// has it now.
func (s *Server) readForm(w http.ResponseWriter, r *http.Request, options httpx.FormOptions) (httpx.Form, error) {
	options.LooksSecret = s.looksSecret
	form, err := httpx.ReadForm(w, r, options)
	if errors.Is(err, httpx.ErrSecretInURI) {
		err = s.exposed(r, err)
	}
	return form, err
}

const reasonSecretInURI = "secret_in_uri"

// exposed records a credential in a query string and returns err, or that there
// have been too many.
func (s *Server) exposed(r *http.Request, err error) error {
	httpx.RequestLogFrom(r.Context()).Add(zap.String("reason", reasonSecretInURI))
	if retry, limited := s.exchanger.Throttle.Failed(httpx.ClientAddrFrom(r.Context()), ""); limited {
		return &exchange.ThrottledError{RetryAfter: retry}
	}
	_ = s.exchanger.Audit.Record(audit.Event{ // refused either way
		ID: id.New(), Time: pat.Milliseconds(s.exchanger.Now()), Name: audit.TokenUseFailed,
		Outcome: audit.Failure, Reason: reasonSecretInURI,
	}.From(httpx.OriginFrom(r.Context())))
	return err
}

// refuseMethod answers a method that an endpoint does not take; Allow is set.
func (s *Server) refuseMethod(w http.ResponseWriter, r *http.Request) {
	s.refuse(w, r, errMethod, doorClient)
}

// refuse answers an error.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, err error, at door) {
	answer := answerTo(err, at)
	log := httpx.RequestLogFrom(r.Context())
	if token := exchange.Proved(err); token != "" {
		log.Add(zap.String("pat_id", string(token)))
	}
	if answer.code != "" {
		log.Add(zap.String("error_code", answer.code))
	}
	switch {
	case answer.internal:
		s.logger.Error("unmapped error", zap.Error(err), zap.String("tracking_id", httpx.OriginFrom(r.Context()).TrackingID))
	case answer.status >= http.StatusInternalServerError:
		log.Add(zap.NamedError("cause", err))
	case answer.denialID != "":
		log.Add(zap.String("denial_id", answer.denialID))
	}
	answer.write(w)
}

func (e *protocolError) write(w http.ResponseWriter) {
	header := w.Header()
	for _, challenge := range e.challenges {
		header.Add("WWW-Authenticate", challenge)
	}
	if e.retryAfter > 0 {
		header.Set("Retry-After", strconv.Itoa(max(1, int(math.Ceil(e.retryAfter.Seconds())))))
	}
	if e.code == "" {
		confidential(header)
		w.WriteHeader(e.status)
		return
	}
	body := append(make([]byte, 0, 256), `{"error":"`...)
	body = append(body, e.code...)
	body = append(body, `","error_description":"`...)
	body = append(body, e.description...)
	if e.denialID != "" {
		body = append(body, `","denial_id":"`...)
		body = append(body, e.denialID...)
	}
	writeJSON(w, e.status, append(body, '"', '}'))
}

// Values of headers that all answers share. None has spare capacity, so an Add copies it.
var (
	noStore  = []string{"no-store"}
	noCache  = []string{"no-cache"}
	jsonType = []string{"application/json"}
)

// confidential keeps an answer out of caches (RFC 6749 §5.1).
func confidential(header http.Header) {
	header["Cache-Control"] = noStore
	header["Pragma"] = noCache
}

func writeJSON(w http.ResponseWriter, status int, body []byte) {
	_ = writeBody(w, status, body) // a client that is gone needs no answer
}

func writeBody(w http.ResponseWriter, status int, body []byte) error {
	header := w.Header()
	confidential(header)
	header["Content-Type"] = jsonType
	w.WriteHeader(status)
	_, err := w.Write(body)
	return err
}

// encode is v as JSON, without the escapes for HTML. v is a string or one of
// the structs of this package, none of which holds what cannot be encoded.
func encode(v any) []byte {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(v)
	return bytes.TrimSuffix(out.Bytes(), []byte("\n"))
}
