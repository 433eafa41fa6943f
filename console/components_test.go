package console_test

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/cambio-sts/cambio/api"
	"github.com/cambio-sts/cambio/console"
	"github.com/cambio-sts/cambio/directory"
)

func TestComponents(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alice := w.person("alice", directory.AccessAsNonInteractiveUser)
	b := w.signIn(&alice)
	require.NotContains(t, b.see("/console/"), "components")
	page := b.see("/console/components")
	for _, class := range []string{
		"button main danger", "quiet", "badge info", "notice warn", "field wrong", "field check wrong", "choice", "count", "tile", "table cards", "pager", "tabs-nav",
		"card empty", "bars", "lanes", "lane rest", "timeline", "secret", "snippet", "menu-fold", "trail", "consequences", "tags", "facts", "crumbs",
	} {
		require.Regexp(t, `class="`+class+`[" ]`, page)
	}
	seen := map[string]bool{}
	for _, match := range regexp.MustCompile(` id="([^"]*)"`).FindAllStringSubmatch(page, -1) {
		require.False(t, seen[match[1]], "the id %s is there twice", match[1])
		seen[match[1]] = true
	}
	require.Contains(t, b.see("/console/components/ask"), "data-ask")
	require.Equal(t, http.StatusMethodNotAllowed, b.post("/console/components", nil).status)
}

// In production there is no such page.
func TestNoComponentsWithoutDev(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for dev, want := range map[bool]int{true: http.StatusSeeOther, false: http.StatusNotFound} { // a stranger is led to the login
		pages, err := console.New(console.Config{
			Manager: w.manager, Words: api.NewWords(), Kept: w.kept, Issuer: issuer, Idle: time.Minute, Lifetime: time.Hour, Failures: w.failures, Now: w.now,
			Logger: zap.NewNop(), Dev: dev,
		})
		require.NoError(t, err)
		mux := http.NewServeMux()
		pages.Register(mux)
		for _, path := range []string{"/console/components", "/console/components/ask"} {
			answer := httptest.NewRecorder()
			mux.ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
			require.Equal(t, want, answer.Code, path)
		}
	}
}
