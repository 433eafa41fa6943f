package api

import "net/http"

// gate lets a request through to next once it is known who acts, within what one
// token may ask of the mount at base, and if it has no query parameters but these.
func (a *API) gate(base string, parameters []string, next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		who, err := a.door.Enter(w.Header(), r, base)
		if err == nil {
			err = checkQuery(r.URL.RawQuery, parameters)
		}
		if err != nil {
			a.fail(w, r, err)
			return
		}
		next(w, r.WithContext(withCaller(r.Context(), who)))
	}
}
