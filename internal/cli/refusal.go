package cli

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// refusedBody is every shape in which a server refuses: a fault of the
// management API, its 401 and its 429, and an OAuth error (RFC 6749 §5.2).
type refusedBody struct {
	DetailCode  string `json:"detailCode"`
	TrackingID  string `json:"trackingId"`
	Messages    []said `json:"messages"`
	Causes      []said `json:"causes"`
	Error       string `json:"error"`
	Description string `json:"error_description"`
	DenialID    string `json:"denial_id"`
	Message     string `json:"message"`
}

type said struct {
	Text string `json:"text"`
}

// refusal makes an Error of an answer that is no success.
func (c *client) refusal(a answer) *Error {
	if a.status/100 == 3 {
		return &Error{
			Code: "redirected", Cause: fmt.Sprintf("the server points to %s; the token is not sent along", quote(a.header.Get("Location"))),
			Fix: "name the server itself with --server",
		}
	}
	var body refusedBody
	told := json.Unmarshal(a.body, &body) == nil
	e := &Error{TrackingID: body.TrackingID, DenialID: body.DenialID}
	switch {
	case told && body.DetailCode != "":
		e.Code, e.Cause = body.DetailCode, firstOf(texts(body.Causes), texts(body.Messages), "the server does not say")
	case told && strings.Contains(body.Error, " "):
		e.Code, e.Cause = codeOf(a.status), body.Error
	case told && body.Error != "":
		e.Code, e.Cause = body.Error, firstOf(body.Description, "the server does not say")
	case told && body.Message != "":
		e.Code, e.Cause = codeOf(a.status), strings.TrimSpace(body.Message)
	default:
		return c.untold(a)
	}
	e.Fix = c.fix(a, e)
	return e
}

// untold is a refusal without a reason: of a proxy, or of something that is no
// Cambio server.
func (c *client) untold(a answer) *Error {
	e := &Error{Code: codeOf(a.status), Cause: fmt.Sprintf("the server answered %d %s and gave no reason", a.status, http.StatusText(a.status))}
	switch {
	case a.status == http.StatusBadGateway, a.status == http.StatusGatewayTimeout:
		e.Exit, e.Fix = ExitUnreachable, "the proxy in front does not reach the server: check that it runs"
	case c.base.Scheme == "http" && strings.Contains(string(a.body), "HTTP request to an HTTPS server"):
		e.Fix = "use https://" + c.base.Host
	case a.status == http.StatusUnauthorized:
		e.Fix = c.fix(a, e)
	default:
		e.Fix = "check that " + c.base.String() + " is a Cambio server"
	}
	return e
}

// codeOf names a status where the server gave no code: "too_many_requests".
func codeOf(status int) string {
	name := strings.ToLower(http.StatusText(status))
	if name == "" {
		return fmt.Sprintf("http_%d", status)
	}
	return strings.NewReplacer(" ", "_", "-", "_", "'", "").Replace(name)
}

func texts(all []said) string {
	var found []string
	for _, one := range all {
		if one.Text != "" {
			found = append(found, one.Text)
		}
	}
	return strings.Join(found, "; ")
}

// fix returns what to do about a refusal.
func (c *client) fix(a answer, e *Error) string {
	if wait, ok := c.retryAfter(a.header); ok && a.status == http.StatusTooManyRequests {
		return "repeat in " + formatSpan(max(wait, 1e9))
	}
	for _, known := range remedies() {
		if known.fits(a.status, e) {
			return strings.ReplaceAll(known.fix, "TOKEN", c.token.source)
		}
	}
	return ""
}

// remedy is what to do about refusals of a status, a code and with words in the
// cause; what is zero fits any. TOKEN stands for where the token came from.
type remedy struct {
	status      int
	code, cause string
	fix         string
}

func (r remedy) fits(status int, e *Error) bool {
	return (r.status == 0 || r.status == status) && (r.code == "" || r.code == e.Code) && strings.Contains(e.Cause, r.cause)
}

// remedies are in order: the first that fits is told.
func remedies() []remedy {
	const replaceToken = "make a new token (cambio pat create) and use it instead of TOKEN"
	return []remedy{
		// What is wrong with a token that was proved, by the words of the server.
		{cause: "JWT is expired", fix: "exchange the personal access token again: cambio exchange -o token"},
		{cause: "the token is expired", fix: "exchange the personal access token again: cambio exchange -o token"},
		{cause: "owner does not exist", fix: replaceToken},
		{cause: "owner is disabled", fix: "ask an administrator to enable the owner of the token"},
		{cause: "owner is inactive", fix: "ask an administrator: the owner has not logged in for longer than the organization allows"},
		{cause: "AccessAsNonInteractiveUser", fix: "ask an administrator to give the owner of the token that role"},
		{cause: "not allowed from this network", fix: "use the token from its allowed networks: cambio pat get shows them"},
		{cause: "not meant for this service", fix: "use a token whose audience includes this service"},
		{cause: "expired", status: http.StatusUnauthorized, fix: replaceToken},
		{cause: "the token expire", fix: replaceToken},
		{cause: "was revoked", fix: replaceToken},
		{cause: "was renewed", fix: "exchange the personal access token again: cambio exchange -o token"},
		{cause: "does not exist any more", fix: replaceToken},

		{code: "invalid_target", cause: "no default audience", fix: "pass --audience, or set token.defaultAudience on the server"},
		{code: "invalid_target", fix: "name a service that the server knows with --audience; its operator knows them"},
		{code: "invalid_scope", fix: "ask with --scope only for what the token has and the service knows"},
		{code: "insufficient_scope", fix: "use a token with the scope cambio:introspect whose owner has that right too, or the token itself"},
		{cause: "subject_token is invalid", fix: "check that TOKEN is the whole token as it was shown once, and was not rotated or deleted since"},
		{status: http.StatusUnauthorized, fix: "check that TOKEN is the whole token as it was shown once, and was not rotated or deleted since"},
		{status: http.StatusForbidden, cause: "wider than", fix: "do as the cause says, or use a wider token instead of TOKEN"},
		{status: http.StatusForbidden, cause: "nobody but the owner", fix: "ask the owner of the token; whoever administers tokens can revoke it"},
		{status: http.StatusForbidden, cause: "lacks the r", fix: "ask an administrator to give it to the owner of the token"},
		{status: http.StatusForbidden, fix: "use a token whose scope and owner have the right for it, or ask an administrator"},
		{status: http.StatusNotFound, cause: "no such route", fix: "check --server, and that the server is of the version of this command or near it"},
		{status: http.StatusNotFound, fix: "check the id by listing; what you may not see is not found either"},
		{status: http.StatusPreconditionFailed, fix: "run it again: somebody else changed it meanwhile"},
		{status: http.StatusConflict, fix: "look at how it is now and repeat"},
		{status: http.StatusTooManyRequests, fix: "repeat in a minute"},
		{status: http.StatusServiceUnavailable, fix: "repeat in a moment; /readyz of the server tells its operator what is missing"},
		{status: http.StatusInternalServerError, fix: "give the tracking id to the operator of the server"},
		{status: http.StatusBadRequest, fix: "correct what the cause names; --help shows the forms"},
	}
}
