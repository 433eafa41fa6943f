package ui

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"
)

// named finds the names of texts in templates and in Go: those that stand there whole.
var named = regexp.MustCompile(`(?:\.T|\.t|\.Sort \.List "[A-Za-z.]+"|\$v\.T|V\.T) ?\(?"([a-z_]+\.[A-Za-z0-9_.]+)"`)

// TestTextsThatAreNamed: whatever template or handler names a text, it is there.
func TestTextsThatAreNamed(t *testing.T) {
	t.Parallel()
	all, err := readTexts(ownTexts, os.DirFS(".."))
	require.NoError(t, err)
	found := 0
	require.NoError(t, filepath.WalkDir("..", func(path string, _ os.DirEntry, err error) error {
		require.NoError(t, err)
		if ext := filepath.Ext(path); ext != ".html" && ext != ".go" || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		source, err := os.ReadFile(path)
		require.NoError(t, err)
		for _, match := range named.FindAllStringSubmatch(string(source), -1) {
			found++
			if strings.HasSuffix(match[1], ".") { // what follows is worked out
				continue
			}
			require.Contains(t, all[0].all, match[1], path)
		}
		return nil
	}))
	require.Greater(t, found, 100)
}

// TestTextsAgree: the verbs that arguments fill are the same in each language.
func TestTextsAgree(t *testing.T) {
	t.Parallel()
	verb := regexp.MustCompile(`%(\[\d\])?[a-z]`)
	all, err := readTexts(ownTexts, os.DirFS(".."))
	require.NoError(t, err)
	for name, text := range all[0].all {
		require.ElementsMatch(t, verb.FindAllString(text, -1), verb.FindAllString(all[1].all[name], -1), name)
		require.NotEmpty(t, strings.TrimSpace(text), name)
		require.NotEmpty(t, strings.TrimSpace(all[1].all[name]), name)
	}
	require.Equal(t, slices.Sorted(maps.Keys(all[0].all)), slices.Sorted(maps.Keys(all[1].all)))
}

func TestReadTextsRefuses(t *testing.T) {
	t.Parallel()
	const good = `{"a.b": {"en": "one", "de": "eins"}}`
	_, err := readTexts(fstest.MapFS{"texts/a.json": {Data: []byte(good)}})
	require.NoError(t, err)
	for name, files := range map[string]fstest.MapFS{
		"a language is missing": {"texts/a.json": {Data: []byte(`{"a.b": {"en": "one"}}`)}},
		"it is there twice":     {"texts/a.json": {Data: []byte(good)}, "texts/b.json": {Data: []byte(good)}},
		"it is no JSON":         {"texts/a.json": {Data: []byte(`{`)}},
	} {
		_, err := readTexts(files)
		require.Error(t, err, name)
	}
}

func TestLanguageOfARequest(t *testing.T) {
	t.Parallel()
	r, err := New(Config{Pages: fstest.MapFS{}, Now: time.Now})
	require.NoError(t, err)
	for header, want := range map[string]string{"": "en-US", "de-AT,de;q=0.9,en;q=0.5": "de", "fr": "en-US", "en-GB": "en-US", ";;;": "en-US"} {
		request := httptest.NewRequest(http.MethodGet, "/console/", http.NoBody)
		request.Header.Set("Accept-Language", header)
		require.Equal(t, want, r.View(request).Lang(), header)
	}
}
