package api

import (
	"net/http"
	"strings"

	"github.com/cambio-sts/cambio/manage"
)

// matching reads If-Match (RFC 9110 §13.1.1); nil if it is absent or "*": all that can
// be changed is there. A weak tag never matches.
func matching(header *string) manage.Match {
	if header == nil || strings.TrimSpace(*header) == "*" {
		return nil
	}
	var tags []string
	for tag := range strings.SplitSeq(*header, ",") {
		tags = append(tags, strings.TrimSpace(tag))
	}
	return func(etag string) bool {
		for _, tag := range tags {
			if tag == quoted(etag) {
				return true
			}
		}
		return false
	}
}

func quoted(etag string) string { return `"` + etag + `"` }

// tagged is what has an ETag.
type tagged interface{ ETag() string }

// respondTagged answers with one thing, as show makes it, and its ETag.
func respondTagged[T tagged, S any](a *API, w http.ResponseWriter, r *http.Request, thing T, show func(T) S, err error) {
	if err != nil {
		a.fail(w, r, err)
		return
	}
	w.Header().Set("ETag", quoted(thing.ETag()))
	write(w, http.StatusOK, typeJSON, show(thing))
}

// respondDone answers that something was done, or what err says.
func (a *API) respondDone(w http.ResponseWriter, r *http.Request, err error) {
	if err != nil {
		a.fail(w, r, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}
