package console

import (
	"errors"
	"net/http"

	"go.uber.org/zap"

	"github.com/cambio-sts/cambio/api"
	"github.com/cambio-sts/cambio/internal/httpx"
	"github.com/cambio-sts/cambio/manage"
)

// cause is one thing that is wrong.
type cause api.Cause

// text tells a cause with the field that it is about.
func (c *cause) text() string {
	if c.Field == "" {
		return c.Text
	}
	return c.Field + ": " + c.Text
}

// fieldError says what is wrong with a field that only the console has, by the name of
// a text.
type fieldError struct {
	field, text string
	args        []any
}

func (e *fieldError) Error() string { return e.field + ": " + e.text }

var (
	errNoPage    = errors.New("there is no such page")
	errMethod    = errors.New("the page does not take the method")
	errCrossSite = errors.New("the request came from another site")
	errFault     = errors.New("a page panicked")
	errForm      = errors.New("the form cannot be read")
)

// mend says what about the form is wrong. It is not mendable if no other entry
// would help.
func (x *visit) mend(err error) (status int, causes []cause, mendable bool) {
	if own, ok := errors.AsType[*fieldError](err); ok {
		return http.StatusBadRequest, []cause{{Field: own.field, Text: x.t(own.text, own.args...)}}, true
	}
	told := x.explain(err)
	switch told.Status {
	case http.StatusBadRequest, http.StatusConflict, http.StatusPreconditionFailed:
	default:
		return 0, nil, false
	}
	for _, one := range told.Causes {
		causes = append(causes, cause(one))
	}
	if len(causes) == 0 {
		causes = []cause{{Text: told.Message}}
	}
	return told.Status, causes, true
}

func (x *visit) explain(err error) api.Explanation {
	return x.words.Explain(err, x.r.Header.Get("Accept-Language"))
}

// problem is a page that says why there is no other.
type problem struct {
	Status   int
	Title    string
	Text     string
	Causes   []string
	Tracking string
	Home     bool // somebody is signed in and may go home
}

// fail answers with a page that tells the error.
func (x *visit) fail(err error) {
	shown := x.problemOf(err)
	httpx.RequestLogFrom(x.r.Context()).Add(zap.Int("page_status", shown.Status))
	if shown.Status >= http.StatusInternalServerError {
		httpx.RequestLogFrom(x.r.Context()).Add(zap.Error(err))
	}
	if err := x.renderAs(shown.Status, "problem", shown.Title, shown); err != nil {
		x.logger.Error("the page of a problem cannot be made", zap.Error(err))
		http.Error(x.w, http.StatusText(shown.Status), shown.Status)
	}
}

// lacks is the role or right that somebody would need; empty if it is not that.
func lacks(err error) string {
	lack, ok := errors.AsType[*manage.LackError](err)
	switch {
	case !ok:
		return ""
	case lack.Role != "":
		return string(lack.Role)
	default:
		return string(lack.Right)
	}
}

func (x *visit) problemOf(err error) *problem {
	p := &problem{Tracking: httpx.OriginFrom(x.r.Context()).TrackingID, Home: x.caller != nil}
	if failed, ok := errors.AsType[*loginError](err); ok {
		status, text := loginProblem(failed.error)
		httpx.RequestLogFrom(x.r.Context()).Add(zap.String("login", failed.Error()))
		p.Status, p.Title, p.Text = status, x.t("login.failed"), x.t(text)
		return p
	}
	told := x.explain(err)
	p.Status = told.Status
	switch {
	case errors.Is(err, errNoPage), errors.Is(err, errNoProvider):
		p.Status = http.StatusNotFound
	case errors.Is(err, errMethod):
		p.Status = http.StatusMethodNotAllowed
	case errors.Is(err, errCrossSite):
		p.Status = http.StatusForbidden
	case errors.Is(err, errForm):
		p.Status = http.StatusBadRequest
	case lacks(err) != "":
		p.Causes = []string{x.t("problem.lack", lacks(err))}
	default:
		for _, one := range told.Causes {
			c := cause(one)
			p.Causes = append(p.Causes, c.text())
		}
	}
	name := map[int]string{
		http.StatusBadRequest: "problem.request", http.StatusForbidden: "problem.forbidden", http.StatusNotFound: "problem.unknown",
		http.StatusMethodNotAllowed: "problem.method", http.StatusConflict: "problem.changed", http.StatusPreconditionFailed: "problem.changed",
		http.StatusServiceUnavailable: "problem.unavailable", http.StatusTooManyRequests: "problem.throttled",
	}[p.Status]
	switch {
	case errors.Is(err, errCrossSite):
		name = "problem.cross_site"
	case name == "":
		p.Status, name, p.Causes = http.StatusInternalServerError, "problem.fault", nil
	}
	if told.RetryAfter > 0 {
		httpx.SetRetryAfter(x.w.Header(), told.RetryAfter)
	}
	p.Title, p.Text = x.t(name), x.t(name+".text")
	return p
}
