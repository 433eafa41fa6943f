package console

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/cambio-sts/cambio/console/ui"
	"github.com/cambio-sts/cambio/manage"
)

// visit is one request to one page.
type visit struct {
	*Console

	w      http.ResponseWriter
	r      *http.Request
	caller *manage.Caller // nil where nobody need be signed in
	view   *ui.View
}

// t returns a text in the language of the reader.
func (x *visit) t(name string, args ...any) string { return x.view.T(name, args...) }

// render shows a page.
func (x *visit) render(page, title string, data any) error {
	return x.renderAs(http.StatusOK, page, title, data)
}

func (x *visit) renderAs(status int, page, title string, data any) error {
	x.view.Title, x.view.Data = title, data
	return x.ui.Render(x.w, status, page, x.view)
}

// part shows one template of a page, for the script.
func (x *visit) part(page, part string, data any) error {
	x.view.Data = data
	return x.ui.RenderPart(x.w, page, part, x.view)
}

// redirect leads on to another page of the console; the browser asks for it with GET
// (RFC 9700 §4.12).
func (x *visit) redirect(path string) error {
	http.Redirect(x.w, x.r, path, http.StatusSeeOther)
	return nil
}

// done leads on to a page that says what was done: the text done.<what>.
func (x *visit) done(path, what string) error {
	join := "?"
	if strings.Contains(path, "?") {
		join = "&"
	}
	return x.redirect(path + join + "done=" + url.QueryEscape(what))
}

// field returns what was entered, without blanks around it.
func (x *visit) field(name string) string { return strings.TrimSpace(x.r.PostForm.Get(name)) }

// ticked reports whether a checkbox was.
func (x *visit) ticked(name string) bool { return x.r.PostForm.Get(name) != "" }

// lines returns the lines of a field that are not empty.
func (x *visit) lines(name string) []string {
	var lines []string
	for line := range strings.FieldsFuncSeq(x.r.PostForm.Get(name), func(c rune) bool { return c == '\n' || c == '\r' || c == ',' }) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	return lines
}

// id is the id that the path names.
func (x *visit) id() string { return x.r.PathValue("id") }

// query is a parameter of the address.
func (x *visit) query(name string) string { return strings.TrimSpace(x.r.URL.Query().Get(name)) }

// swapping reports whether the script asked, to put a part into the page.
func (x *visit) swapping() bool { return x.r.Header.Get("HX-Request") == "true" }
