package authz

import (
	"net/http"

	"github.com/cambio-sts/cambio/keys"
)

// serveJWKS publishes the signing keys (RFC 7517 §5), for as long as the key
// ring says that a copy may be kept.
func (s *Server) serveJWKS(w http.ResponseWriter, r *http.Request) {
	body, etag, maxAge := s.keys.JWKS()
	if body == nil {
		s.refuse(w, r, keys.ErrNotOpened, doorClient)
		return
	}
	document{body, etag}.serve(w, r, maxAge)
}
