package scim

import (
	"net/http"
	"strings"

	"github.com/cambio-sts/cambio/manage"
)

// version is how an ETag of package manage is written. It is weak: of one state there
// are several representations (RFC 7644 §3.14).
func version(etag string) string { return `W/"` + etag + `"` }

// matching reads If-Match; nil if it is absent or "*". Clients send back the version,
// which is weak, so tags are compared weakly.
func matching(r *http.Request) manage.Match {
	tags, anything := entityTags(r.Header["If-Match"])
	if anything || tags == nil {
		return nil
	}
	return func(etag string) bool { return tags[etag] }
}

// unchanged reports whether If-None-Match names the version.
func unchanged(r *http.Request, etag string) bool {
	tags, anything := entityTags(r.Header["If-None-Match"])
	return anything || tags[etag]
}

func entityTags(lines []string) (tags map[string]bool, anything bool) {
	if len(lines) == 0 {
		return nil, false
	}
	tags = map[string]bool{} // a header without a tag names no state
	for tag := range strings.SplitSeq(strings.Join(lines, ","), ",") {
		switch tag = strings.TrimSpace(tag); {
		case tag == "*":
			return nil, true
		case tag != "":
			tags[strings.Trim(strings.TrimPrefix(tag, "W/"), `"`)] = true
		}
	}
	return tags, false
}
