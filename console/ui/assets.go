package ui

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"mime"
	"net/http"
	"path"
	"time"
)

var (
	//go:embed static/app.css static/app.js static/htmx.min.js static/icons.svg
	static embed.FS
	//go:embed templates/*.html
	ownTemplates embed.FS
)

// StaticPath is where the files of the console are.
const StaticPath = "/console/static/"

// digestLength is how much of a file's SHA-256 its address has.
const digestLength = 12

// addresses are where the files are: an address has a part of the file's digest, so
// that it may be kept for good.
func addresses() map[string]string {
	found := map[string]string{}
	entries, _ := static.ReadDir("static") // it is embedded
	for _, entry := range entries {
		content, _ := static.ReadFile("static/" + entry.Name())
		digest := sha256.Sum256(content)
		found[entry.Name()] = StaticPath + base64.RawURLEncoding.EncodeToString(digest[:])[:digestLength] + "/" + entry.Name()
	}
	return found
}

// Static serves the files of the console. An address with another digest is unknown:
// an old page must not get a new script.
func Static() http.Handler {
	known := map[string]string{}
	for name, address := range addresses() {
		known[address] = name
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name, found := known[r.URL.Path]
		if !found {
			http.NotFound(w, r)
			return
		}
		content, _ := static.ReadFile("static/" + name)
		w.Header().Set("Content-Type", mime.TypeByExtension(path.Ext(name)))
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
		http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(content))
	})
}
