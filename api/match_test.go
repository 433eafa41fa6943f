package api_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/api"
	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/pat"
)

// A change with If-Match is made to what was read, or not at all (RFC 9110 §13.1.1), on
// every route that says so.
func TestIfMatch(t *testing.T) {
	onBothStores(t, func(t *testing.T, w *world) {
		t.Helper()
		w.setPolicy(func(p *directory.Policy) { p.MaxTokensPerOwner = 0 })
		things := newThings(w)
		admin := w.newIdentity(w.organization.ID, "admin")
		w.everything(&admin, things.home)
		w.assign(&admin, directory.PlatformAdmin)
		things.admins = []directory.ID{admin.ID}
		who := &principal{identity: &admin}
		token := w.bearer(&admin, pat.ScopeAll)

		tried := api.Conditional()
		require.Len(t, slices.Compact(slices.Clone(tried)), 20)
		for _, route := range tried {
			method, path, _ := strings.Cut(route, " ")
			path = meant(method + " /api/v1" + path)
			path = strings.Replace(strings.TrimPrefix(path, method+" "), "{id}", "{own}", 1)
			body := changeFor(method, path)
			try := func(status int, match func(etag string) []string, why string) {
				t.Helper()
				filled := things.fill(who, path, body)
				header := []string{}
				for _, value := range match(etagAt(w, token, filled[0])) {
					header = append(header, "If-Match", value)
				}
				got := w.call(token, method, filled[0], filled[1], header...)
				require.Equal(t, status, got.StatusCode, "%s, %s: %s", route, why, got.body)
				if status != http.StatusPreconditionFailed {
					things.spend(who, path, body)
				}
			}
			done := http.StatusOK
			if method == http.MethodDelete {
				done = http.StatusNoContent
			}
			for why, tag := range map[string]func(string) string{
				"another":        func(string) string { return `"none"` },
				"a weak one":     func(etag string) string { return "W/" + etag },
				"not quoted":     func(etag string) string { return strings.Trim(etag, `"`) },
				"a list without": func(string) string { return `"none", "neither"` },
			} {
				try(http.StatusPreconditionFailed, func(etag string) []string { return []string{tag(etag)} }, why)
			}
			for why, tag := range map[string]func(string) string{
				"the right one":  func(etag string) string { return etag },
				"a list with it": func(etag string) string { return `"none" ,` + etag + `, "neither"` },
				"any":            func(string) string { return "*" },
			} {
				try(done, func(etag string) []string { return []string{tag(etag)} }, why)
			}
			try(done, func(string) []string { return nil }, "no condition")
		}
	})
}

// etagAt reads the ETag of the thing that a path is about.
func etagAt(w *world, token, path string) string {
	w.Helper()
	for _, verb := range []string{"/revoke", "/rotate", "/reactivate"} {
		path = strings.TrimSuffix(path, verb)
	}
	got := w.call(token, http.MethodGet, path, "")
	require.Equal(w, http.StatusOK, got.StatusCode, string(got.body))
	require.Regexp(w, `^"[^"]+"$`, got.Header.Get("ETag"), path)
	return got.Header.Get("ETag")
}

// changeFor is a change of the thing at a path.
func changeFor(method, path string) string {
	switch {
	case method == http.MethodPut:
		return `{"maxTokensPerOwner":0}`
	case method != http.MethodPatch:
		return ""
	case strings.HasPrefix(path, "/api/v1/identities"):
		return `[{"op":"replace","path":"/displayName","value":"{new}"}]`
	case path == "/api/v1/organizations/{org}":
		return `[{"op":"replace","path":"/name","value":"{new}"}]`
	default:
		return `[{"op":"replace","path":"/description","value":"{new}"}]`
	}
}

// Of changes of one state at once, one is made.
func TestIfMatchAtOnce(t *testing.T) {
	onBothStores(t, func(t *testing.T, w *world) {
		t.Helper()
		token := w.bearer(&w.alice, pat.ScopeAll)
		record, _ := w.token(&w.alice, "contended")
		etag := etagAt(w, token, one(&record))
		answers := make(chan int, 10)
		for range cap(answers) {
			go func() {
				answers <- w.call(token, http.MethodPatch, one(&record), `[{"op":"replace","path":"/description","value":"`+w.fresh()+`"}]`, "If-Match", etag).StatusCode
			}()
		}
		made := map[int]int{}
		for range cap(answers) {
			made[<-answers]++
		}
		require.Equal(t, map[int]int{http.StatusOK: 1, http.StatusPreconditionFailed: cap(answers) - 1}, made)
	})
}
