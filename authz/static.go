package authz

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strconv"
	"time"
)

// document is JSON that is served from memory.
type document struct {
	body []byte
	etag string
}

func newDocument(v any) document {
	body := encode(v)
	sum := sha256.Sum256(body)
	return document{body, `"` + base64.RawURLEncoding.EncodeToString(sum[:16]) + `"`}
}

// serve answers with the document, or 304 to who has it (RFC 9110 §13).
// maxAge is in seconds.
func (d document) serve(w http.ResponseWriter, r *http.Request, maxAge int) {
	header := w.Header()
	header.Set("Cache-Control", "public, max-age="+strconv.Itoa(maxAge))
	header.Set("Content-Type", "application/json")
	header.Set("Etag", d.etag)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(d.body))
}

// shared lets scripts of any origin read an endpoint: what it tells is public,
// and no credential takes part.
func shared(serve http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("Access-Control-Allow-Origin", "*")
		if r.Method == http.MethodOptions {
			header.Set("Access-Control-Allow-Methods", "GET, HEAD")
			header.Set("Access-Control-Max-Age", "86400")
			w.WriteHeader(http.StatusNoContent)
			return
		}
		serve(w, r)
	}
}
