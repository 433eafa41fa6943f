package console

import (
	"maps"
	"net/http"
	"strings"
)

// Path is where the console begins.
const Path = "/console/"

// page answers the methods of one address. A nil handler does not take its method.
type page struct {
	get, post func(*visit) error
	public    bool // nobody need be signed in
}

// pages are all addresses below Path, as patterns of http.ServeMux without method.
func (c *Console) pages() map[string]page {
	all := map[string]page{
		"{$}": {get: (*visit).home},
	}
	for _, part := range []map[string]page{tokenPages(), signInPages(), platformPages(c.dev), accessPages(), peoplePages(), groupPages(), rolePages(), organizationPages()} {
		maps.Copy(all, part)
	}
	return all
}

// Register adds the console to the routes.
func (c *Console) Register(mux *http.ServeMux) {
	mux.Handle("GET /console/static/", c.static())
	mux.HandleFunc("GET /console", func(w http.ResponseWriter, r *http.Request) {
		c.setHeaders(w.Header())
		http.Redirect(w, r, Path, http.StatusSeeOther)
	})
	for pattern, one := range c.pages() {
		mux.Handle(Path+pattern, c.handler(one))
	}
	mux.Handle(Path, c.handler(page{get: func(*visit) error { return errNoPage }, post: func(*visit) error { return errNoPage }, public: true}))
}

// methods of a page, for the header Allow.
func (p page) methods() string {
	var methods []string
	if p.get != nil {
		methods = append(methods, http.MethodGet, http.MethodHead)
	}
	if p.post != nil {
		methods = append(methods, http.MethodPost)
	}
	return strings.Join(methods, ", ")
}
