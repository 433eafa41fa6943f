package scim

import (
	"encoding/json"
	"net/http"
	"strconv"

	"go.uber.org/zap"

	"github.com/cambio-sts/cambio/exchange"
	"github.com/cambio-sts/cambio/internal/httpx"
)

const (
	typeSCIM = "application/scim+json" // RFC 7644 §8.1
	typeJSON = "application/json"

	messageError  = "urn:ietf:params:scim:api:messages:2.0:Error"
	messageList   = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
	messagePatch  = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
	messageSearch = "urn:ietf:params:scim:api:messages:2.0:SearchRequest"
)

// write answers with body as JSON.
func write(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", typeSCIM)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client is gone, or else what is answered can be encoded
}

// errorBody is RFC 7644 §3.12; the status is a text there.
type errorBody struct {
	Schemas []string `json:"schemas"`
	Status  string   `json:"status"`
	Kind    string   `json:"scimType,omitempty"`
	Detail  string   `json:"detail"`
}

// fail answers with an error, and logs it if it is ours. Its text does not leave.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	told, known := answerTo(err)
	log := httpx.RequestLogFrom(r.Context())
	if token := exchange.Proved(err); token != "" {
		log.Add(zap.String("pat_id", string(token)))
	}
	switch {
	case !known:
		s.log.Error("provisioning: unforeseen error", zap.Error(err), zap.String("tracking_id", httpx.OriginFrom(r.Context()).TrackingID))
	case told.status == http.StatusServiceUnavailable:
		log.Add(zap.Error(err))
	case told.denial != "":
		log.Add(zap.String("denial_id", told.denial))
	}
	if told.status == http.StatusUnauthorized || told.challenge != "" {
		w.Header().Set("WWW-Authenticate", s.challenge+told.challenge)
	}
	if told.retryAfter > 0 {
		httpx.SetRetryAfter(w.Header(), told.retryAfter)
	}
	write(w, told.status, errorBody{
		Schemas: []string{messageError}, Status: strconv.Itoa(told.status), Kind: told.kind, Detail: told.detail,
	})
}
