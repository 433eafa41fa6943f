package ui

import (
	"bytes"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"sync"
	"time"

	"golang.org/x/text/language"
)

// Config is what a Renderer needs; all of it.
type Config struct {
	// Pages has pages/*.html, each of which defines main, and texts/*.json.
	Pages fs.FS
	Now   func() time.Time
}

// Renderer makes pages. It is safe to share.
type Renderer struct {
	pages   map[string]templates // by the name of the file without .html
	parts   templates
	texts   []*texts
	matcher language.Matcher
	assets  map[string]string // the address of each, by its name
	now     func() time.Time
}

// templates are read when they are wanted first: a process that nobody visits by the
// console has no use for some MiB of them.
type templates func() (*template.Template, error)

// New reads all texts, and finds the pages. A page whose template cannot be read is an
// error of Render.
func New(config Config) (*Renderer, error) {
	if config.Pages == nil || config.Now == nil {
		return nil, errors.New("ui: pages and now are needed")
	}
	read, err := readTexts(ownTexts, config.Pages)
	if err != nil {
		return nil, err
	}
	r := &Renderer{pages: map[string]templates{}, texts: read, matcher: language.NewMatcher(languages), assets: addresses(), now: config.Now}
	files, err := fs.Glob(config.Pages, "pages/*.html")
	if err != nil {
		return nil, fmt.Errorf("find pages: %w", err)
	}
	for _, file := range files {
		r.pages[strings.TrimSuffix(path.Base(file), ".html")] = sync.OnceValues(func() (*template.Template, error) {
			return readPage(config.Pages, file)
		})
	}
	r.parts = sync.OnceValues(func() (*template.Template, error) {
		return template.New("").Funcs(functions()).ParseFS(ownTemplates, "templates/parts.html")
	})
	return r, nil
}

// readPage reads a page with what lies around it.
func readPage(pages fs.FS, file string) (*template.Template, error) {
	page, err := template.New("layout.html").Funcs(functions()).ParseFS(ownTemplates, "templates/layout.html", "templates/parts.html")
	if err != nil {
		return nil, err
	}
	return page.ParseFS(pages, file)
}

// functions are what templates have besides the methods of View.
func functions() template.FuncMap {
	return template.FuncMap{
		"words":   Words,
		"percent": percent,
		"bar":     func(n float64) string { return fmt.Sprintf("%.1f", n) },
		// dict makes the data of a template that takes several.
		"dict": func(pairs ...any) (map[string]any, error) {
			made := map[string]any{}
			for i := 0; i+1 < len(pairs); i += 2 {
				name, ok := pairs[i].(string)
				if !ok {
					return nil, errors.New("dict: a name is no text")
				}
				made[name] = pairs[i+1]
			}
			return made, nil
		},
	}
}

// View begins a page in the language and zone of the request.
func (r *Renderer) View(request *http.Request) *View {
	return &View{
		Path: request.URL.Path, texts: speak(r.texts, r.matcher, request), zone: zoneOf(request), now: r.now(), renderer: r,
	}
}

// Render makes a page and writes it. Nothing is written if the page has a fault.
func (r *Renderer) Render(w http.ResponseWriter, status int, page string, view *View) error {
	return r.render(w, status, page, "layout.html", view)
}

// RenderPart writes one template of a page alone, for a script that puts it into the
// page.
func (r *Renderer) RenderPart(w http.ResponseWriter, page, part string, view *View) error {
	return r.render(w, http.StatusOK, page, part, view)
}

func (r *Renderer) render(w http.ResponseWriter, status int, page, name string, view *View) error {
	read, known := r.pages[page]
	if !known {
		return fmt.Errorf("ui: there is no page %q", page)
	}
	set, err := read()
	if err != nil {
		return fmt.Errorf("read page %s: %w", page, err)
	}
	var out bytes.Buffer
	if err := set.ExecuteTemplate(&out, name, view); err != nil {
		return fmt.Errorf("make page %s: %w", page, err)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Language", view.Lang())
	w.Header().Add("Vary", "Accept-Language, Cookie, HX-Request")
	w.WriteHeader(status)
	_, _ = w.Write(out.Bytes()) // who left does not read it
	return nil
}
