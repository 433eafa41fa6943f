package api_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/pat"
)

// A JWT that was asked for less than its token holds is a narrower parent than that
// token; one that was asked for everything is as wide.
func TestNarrowJWT(t *testing.T) {
	w := newWorld(t)
	record, token := w.token(&w.alice, "parent", func(d *pat.Draft) { d.Scope = []string{pat.ScopeAll} })
	whole, narrow := w.jwt(token, ""), w.jwt(token, "idn:my-personal-access-tokens:manage")
	const wide, own = `"scope":["sp:scopes:all"]`, `"scope":["idn:my-personal-access-tokens:read"]`
	for _, c := range []struct {
		name, by, method, path, body string
		status                       int
	}{
		{"a wide token", narrow, http.MethodPost, collection, `{"name":"a",` + wide + `}`, http.StatusForbidden},
		{"a narrow token", narrow, http.MethodPost, collection, `{"name":"b",` + own + `}`, http.StatusOK},
		{"more scope for itself", narrow, http.MethodPatch, one(&record), `[{"op":"add","path":"/scope/-","value":"x:y:z"}]`, http.StatusForbidden},
		{"another name for itself", narrow, http.MethodPatch, one(&record), `[{"op":"replace","path":"/name","value":"other"}]`, http.StatusOK},
		{"the new secret of itself", narrow, http.MethodPost, one(&record) + "/rotate", `{"gracePeriodSeconds":0}`, http.StatusForbidden},
		{"a wide token by a whole JWT", whole, http.MethodPost, collection, `{"name":"c",` + wide + `}`, http.StatusOK},
		{"the new secret by a whole JWT", whole, http.MethodPost, one(&record) + "/rotate", `{"gracePeriodSeconds":0}`, http.StatusOK},
	} {
		got := w.call(c.by, c.method, c.path, c.body)
		require.Equal(t, c.status, got.StatusCode, "%s: %s", c.name, got.body)
	}
}

// While both secrets work, who has the old one cannot take the token over from who has
// the new one.
func TestOldSecretTakesNothingOver(t *testing.T) {
	w := newWorld(t)
	record, old := w.token(&w.alice, "rotated")
	oldJWT := w.jwt(old, "")
	fresh := w.call(old, http.MethodPost, one(&record)+"/rotate", `{"gracePeriodSeconds":60}`).text(t, "token")
	rename := `[{"op":"replace","path":"/name","value":"x"}]`
	for name, by := range map[string]string{"the old secret": old, "a JWT by it": oldJWT, "a JWT by the new one": w.jwt(fresh, "")} {
		for _, call := range [][3]string{{http.MethodPost, "/rotate", `{"gracePeriodSeconds":0}`}, {http.MethodPatch, "", rename}} {
			got := w.call(by, call[0], one(&record)+call[1], call[2])
			require.Equal(t, http.StatusForbidden, got.StatusCode, name)
			require.Contains(t, got.cause(t), "while both secrets of a token work")
		}
		require.Equal(t, http.StatusOK, w.call(by, http.MethodGet, one(&record), "").StatusCode, name)
	}
	require.Equal(t, http.StatusOK, w.call(fresh, http.MethodPatch, one(&record), rename).StatusCode)
	w.clock.advance(61 * time.Second)
	require.Equal(t, http.StatusOK, w.call(w.jwt(fresh, ""), http.MethodPost, one(&record)+"/rotate", `{"gracePeriodSeconds":0}`).StatusCode, "when the grace is over")
	require.Equal(t, http.StatusUnauthorized, w.call(fresh, http.MethodGet, one(&record), "").StatusCode)
}
