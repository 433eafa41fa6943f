package reference

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"net/http"
	"sync"
	"time"

	"go.yaml.in/yaml/v3"
)

// The pages, below the root of the API.
const (
	PathYAML  = "/openapi.yaml"
	PathJSON  = "/openapi.json"
	PathDocs  = "/docs"
	PathStyle = "/docs/reference.css"
)

// maxAge is how long a page may be kept unasked: a new version is to be seen soon.
const maxAge = "public, max-age=300"

// policy allows the style sheet and nothing else (CSP Level 3).
const policy = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

//go:embed page.html page.css
var files embed.FS

// Pages returns the handler of every page by its path. They are made from an OpenAPI
// document when somebody asks for the first of them, which takes some milliseconds and
// megabytes. They answer GET and HEAD, which their caller sees to. A document that cannot
// be shown is a panic: it is part of the binary.
func Pages(spec []byte) map[string]http.Handler {
	made := sync.OnceValues(func() (map[string]http.Handler, error) { return pages(spec) })
	lazy := make(map[string]http.Handler)
	for _, path := range []string{PathYAML, PathJSON, PathDocs, PathStyle} {
		lazy[path] = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			all, err := made()
			if err != nil {
				panic(err)
			}
			all[path].ServeHTTP(w, r)
		})
	}
	return lazy
}

// pages is Pages at once. The error says what of the document cannot be shown.
func pages(spec []byte) (map[string]http.Handler, error) {
	var tree yaml.Node
	if err := yaml.Unmarshal(spec, &tree); err != nil {
		return nil, fmt.Errorf("read the OpenAPI document: %w", err)
	}
	strip(&tree)
	asYAML, err := toYAML(&tree)
	if err != nil {
		return nil, fmt.Errorf("print the OpenAPI document: %w", err)
	}
	asJSON, err := toJSON(&tree)
	if err != nil {
		return nil, fmt.Errorf("print the OpenAPI document as JSON: %w", err)
	}
	style, err := files.ReadFile("page.css")
	if err != nil {
		return nil, err
	}
	html, err := render(&tree, "docs/reference.css?v="+hash(style))
	if err != nil {
		return nil, fmt.Errorf("render the reference: %w", err)
	}
	return map[string]http.Handler{
		PathYAML:  newPage("application/yaml", asYAML), // RFC 9512
		PathJSON:  newPage("application/json", asJSON),
		PathDocs:  newPage("text/html; charset=utf-8", html),
		PathStyle: newPage("text/css; charset=utf-8", style),
	}, nil
}

// render returns the page of a document.
func render(tree *yaml.Node, style string) ([]byte, error) {
	var doc document
	if err := tree.Decode(&doc); err != nil {
		return nil, err
	}
	view, err := build(&doc)
	if err != nil {
		return nil, err
	}
	view.Style = style
	templates, err := template.ParseFS(files, "page.html")
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := templates.ExecuteTemplate(&out, "page", view); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// page is a body that does not change while the process lives.
type page struct {
	media, etag string
	body        []byte
}

func newPage(media string, body []byte) *page {
	return &page{media: media, etag: `"` + hash(body) + `"`, body: body}
}

// ServeHTTP implements http.Handler.
func (p *page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Content-Type", p.media)
	header.Set("Etag", p.etag)
	header.Set("Cache-Control", maxAge)
	header.Set("Content-Security-Policy", policy)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(p.body))
}

func hash(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:8])
}
