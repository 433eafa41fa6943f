package console

import (
	"io/fs"
	"net/http"
	"net/http/httptest"
	"path"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/console/ui"
)

// TestTemplates: each can be read. They are read when a page is asked for first.
func TestTemplates(t *testing.T) {
	t.Parallel()
	for page, answer := range rendered(t, files) {
		require.NotContains(t, answer, "read page", page)
	}

	broken := fstest.MapFS{"pages/one.html": {Data: []byte(`{{define "main"}}`)}, "texts/en.json": {Data: []byte("{}")}, "texts/de.json": {Data: []byte("{}")}}
	require.Contains(t, rendered(t, broken)["one"], "read page one")
}

// rendered makes every page, without its data, and returns what each said of it.
func rendered(t *testing.T, pages fs.FS) map[string]string {
	t.Helper()
	renderer, err := ui.New(ui.Config{Pages: pages, Now: time.Now})
	require.NoError(t, err)
	found, err := fs.Glob(pages, "pages/*.html")
	require.NoError(t, err)
	require.NotEmpty(t, found)
	said := map[string]string{}
	for _, file := range found {
		page := strings.TrimSuffix(path.Base(file), ".html")
		said[page] = ""
		if err := renderer.Render(httptest.NewRecorder(), http.StatusOK, page, renderer.View(httptest.NewRequest(http.MethodGet, "/console/", http.NoBody))); err != nil {
			said[page] = err.Error()
		}
	}
	return said
}
