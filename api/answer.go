package api

import (
	"cmp"
	"encoding/json"
	"errors"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"go.uber.org/zap"

	"github.com/cambio-sts/cambio/exchange"
	"github.com/cambio-sts/cambio/internal/httpx"
)

const (
	typeJSON      = "application/json"
	typeProblem   = "application/problem+json"
	typeJSONPatch = "application/json-patch+json"
)

// write answers with body as JSON.
func write(w http.ResponseWriter, status int, media string, body any) {
	w.Header().Set("Content-Type", media)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client is gone, or else the models can be encoded
}

// fail answers with an error, and logs it if it is ours. Its text does not
// leave.
func (a *API) fail(w http.ResponseWriter, r *http.Request, err error) {
	told, known := answerTo(err)
	log := httpx.RequestLogFrom(r.Context())
	if token := exchange.Proved(err); token != "" {
		log.Add(zap.String("pat_id", string(token)))
	}
	tracking := httpx.OriginFrom(r.Context()).TrackingID
	switch {
	case !known:
		a.log.Error("management api: unforeseen error", zap.Error(err), zap.String("tracking_id", tracking))
	case told.status == http.StatusServiceUnavailable:
		log.Add(zap.Error(err))
	case told.denial != "":
		log.Add(zap.String("denial_id", told.denial))
	}
	header := w.Header()
	if told.status == http.StatusUnauthorized || told.challenge != "" {
		header.Set("WWW-Authenticate", a.challenge+told.challenge)
	}
	if told.retryAfter > 0 {
		httpx.SetRetryAfter(header, told.retryAfter)
	}
	header.Add("Vary", "Accept, Accept-Language")
	speaker := a.texts.speaker(r.Header.Get("Accept-Language"))
	if wantsProblem(r.Header) {
		write(w, told.status, typeProblem, told.problem(&speaker, tracking))
		return
	}
	write(w, told.status, typeJSON, told.body(&speaker, tracking))
}

// body is the answer in the API's own shapes.
func (a *answer) body(s *speaker, tracking string) any {
	switch a.status {
	case http.StatusUnauthorized:
		return Unauthorized{Error: a.unauthorized, DenialID: textPointer(a.denial)}
	case http.StatusTooManyRequests:
		return TooMany{Message: " Rate Limit Exceeded "}
	default:
		return Failure{DetailCode: a.code, TrackingID: tracking, Messages: []Message{s.say(a.message)}, Causes: a.say(s)}
	}
}

func (a *answer) say(s *speaker) []Message {
	said := make([]Message, len(a.causes))
	for i, cause := range a.causes {
		said[i] = s.say(cause.key, cause.args...)
	}
	return said
}

// problem is the answer as RFC 9457 has it.
func (a *answer) problem(s *speaker, tracking string) Problem {
	var detail string
	switch a.status {
	case http.StatusUnauthorized:
		detail = a.unauthorized
	case http.StatusTooManyRequests:
		detail = "Rate Limit Exceeded"
	default:
		var texts []string
		for _, cause := range a.say(s) {
			texts = append(texts, cause.Text)
		}
		detail = cmp.Or(strings.Join(texts, "; "), s.say(a.message).Text)
	}
	return Problem{
		Type: "about:blank", Title: http.StatusText(a.status), Status: a.status, Detail: detail, Instance: tracking,
		DetailCode: textPointer(a.code), DenialID: textPointer(a.denial),
	}
}

// wantsProblem reports whether the client accepts RFC 9457 at least as gladly as
// plain JSON. It must name it: whoever accepts anything gets the API's own
// shape.
func wantsProblem(h http.Header) bool {
	var problem, plain float64
	for _, line := range h["Accept"] {
		for part := range strings.SplitSeq(line, ",") {
			media, params, err := mime.ParseMediaType(part)
			if err != nil {
				continue
			}
			weight := 1.0
			if text, given := params["q"]; given {
				weight, _ = strconv.ParseFloat(text, 64) // 0, which is not accepted, if it is no number
			}
			switch media {
			case typeProblem:
				problem = weight
			case typeJSON:
				plain = weight
			}
		}
	}
	return problem > 0 && problem >= plain
}

// badParameter answers what the generated code finds wrong with a parameter.
func (a *API) badParameter(w http.ResponseWriter, r *http.Request, err error) {
	if format, ok := errors.AsType[*InvalidParamFormatError](err); ok {
		err = &requestError{key: causeParameter, args: []any{format.ParamName}}
	}
	a.fail(w, r, err)
}

// textPointer is nil for an empty text.
func textPointer[T ~string](text T) *T {
	if text == "" {
		return nil
	}
	return &text
}
