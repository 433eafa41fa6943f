package console_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/console"
)

// FuzzReturnPath: whatever a link says, the login leads to a page of the console.
func FuzzReturnPath(f *testing.F) {
	for _, seed := range []string{"/console/tokens?q=a", "https://evil.example.com/console/", "//evil.example.com", "/console/../x", `/console/\evil`, "/console//evil", "javascript:alert(1)", "/console/#/../../oauth2/x", "/console/?q=/../../x", "/console/."} {
		f.Add(seed)
	}
	base, err := url.Parse("https://sts.example.com/console/login")
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, text string) {
		got := console.ReturnPath(text)
		require.True(t, strings.HasPrefix(got, console.Path), got)
		answer := httptest.NewRecorder()
		http.Redirect(answer, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/console/login", http.NoBody), got, http.StatusSeeOther)
		to, err := base.Parse(answer.Header().Get("Location"))
		require.NoError(t, err)
		require.Equal(t, "sts.example.com", to.Host)
		require.Equal(t, "https", to.Scheme)
		require.True(t, strings.HasPrefix(to.Path, console.Path), got)
	})
}

// TestReturnPathIsBounded: strangers can have it stored.
func TestReturnPathIsBounded(t *testing.T) {
	t.Parallel()
	page := "/console/tokens?q="
	longest := page + strings.Repeat("a", 1024-len(page))
	require.Equal(t, longest, console.ReturnPath(longest))
	require.Equal(t, console.Path, console.ReturnPath(longest+"a"))
}
