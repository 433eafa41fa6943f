package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/cambio-sts/cambio/api"
	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/fault"
	"github.com/cambio-sts/cambio/pat"
)

const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

func origin() audit.Origin { return audit.Origin{IP: "127.0.0.1"} }

// over puts store between the API and the real one.
func (w *world) over(store *counting) {
	w.Helper()
	store.Store = w.stores.PATs
	w.rebuild(func(c *pat.Config) { c.Store = store })
}

func TestFailureShapes(t *testing.T) {
	w := newWorld(t)
	token := w.bearer(&w.alice, pat.ScopeAll)
	readOnly := w.bearer(&w.alice, string(directory.ReadMyTokens))
	var all strings.Builder
	for _, c := range []struct {
		name string
		got  func(header ...string) *answer
	}{
		{"bad request", func(h ...string) *answer {
			return w.call(token, http.MethodPost, collection, `{"name":"","scope":["a b"]}`, h...)
		}},
		{"illegal update", func(h ...string) *answer {
			return w.call(token, http.MethodPatch, collection+"/"+strings.TrimPrefix(token, "cambio_pat_")[:32], `[{"op":"remove","path":"/id"}]`, h...)
		}},
		{"insufficient scope", func(h ...string) *answer { return w.call(readOnly, http.MethodPost, collection, `{"name":"x"}`, h...) }},
		{"forbidden", func(h ...string) *answer { return w.call(token, http.MethodGet, "/api/v1/keys", "", h...) }},
		{"not found", func(h ...string) *answer { return w.call(token, http.MethodGet, collection+"/x", "", h...) }},
		{"method", func(h ...string) *answer { return w.call(token, http.MethodPut, collection, "", h...) }},
		{"media type", func(h ...string) *answer {
			return w.call(token, http.MethodPost, collection, "x", append(h, "Content-Type", "text/plain")...)
		}},
		{"unauthorized", func(h ...string) *answer { return w.call("", http.MethodGet, collection, "", h...) }},
	} {
		for _, accept := range []string{"", "application/problem+json", "text/html, application/json;q=0.9, application/problem+json;q=0.5"} {
			header := []string{"traceparent", traceparent}
			if accept != "" {
				header = append(header, "Accept", accept)
			}
			got := c.got(header...)
			_, _ = all.WriteString("== " + c.name + " (" + accept + ")\n" + got.Status + " " + got.Header.Get("Content-Type") + "\n")
			if challenge := got.Header.Get("WWW-Authenticate"); challenge != "" {
				_, _ = all.WriteString("WWW-Authenticate: " + challenge + "\n")
			}
			_, _ = all.WriteString(masked(w, got.body))
			if got.StatusCode != http.StatusUnauthorized {
				require.Contains(t, string(got.body), `"0af7651916cd43dd8448eb211c80319c"`, "the trace id of the request")
			}
		}
	}
	golden(t, "failures.golden", all.String())
}

func TestLocale(t *testing.T) {
	w := newWorld(t)
	token := w.bearer(&w.alice, pat.ScopeAll)
	for header, origin := range map[string]string{"": "DEFAULT", "fr": "DEFAULT", "en-US": "REQUEST", "fr, en;q=0.5": "REQUEST", "en-GB": "REQUEST", ";;;": "DEFAULT"} {
		got := w.call(token, http.MethodGet, collection+"/x", "", "Accept-Language", header)
		message := got.failure(t).Messages[0]
		require.Equal(t, "en-US", message.Locale)
		require.Equal(t, origin, message.LocaleOrigin, header)
	}
}

// broken is a store that cannot be used.
type broken struct {
	pat.Store

	err error
}

func (b broken) List(context.Context, pat.Query) iter.Seq2[pat.Record, error] {
	return func(yield func(pat.Record, error) bool) { yield(pat.Record{}, b.err) }
}

func (b broken) Find(context.Context, pat.ID) (pat.Record, error) { return pat.Record{}, b.err }

func TestTroubleBelow(t *testing.T) {
	core, logs := observer.New(zap.InfoLevel)
	w := newWorld(t, func(c *api.Config) { c.Logger = zap.New(core) })
	token := w.bearer(&w.alice, pat.ScopeAll)
	for err, status := range map[error]int{
		fault.ErrUnavailable:                    http.StatusServiceUnavailable,
		errors.New("disk /var/lib/x: bad page"): http.StatusInternalServerError,
	} {
		w.rebuild(func(c *pat.Config) { c.Store = broken{w.stores.PATs, err} }, func(c *api.Config) { c.Logger = zap.New(core) })
		for _, path := range []string{mine, collection + "/" + string(pat.NewID(w.alice.ID))} {
			got := w.call(token, http.MethodGet, path, "")
			require.Equal(t, status, got.StatusCode)
			require.NotContains(t, string(got.body), "disk", "the text of an error does not leave")
			if status == http.StatusServiceUnavailable {
				require.Equal(t, "1", got.Header.Get("Retry-After"))
				require.Equal(t, "503 Service Unavailable", got.json(t)["detailCode"])
				continue
			}
			require.Equal(t, "500.0 Internal Fault", got.json(t)["detailCode"])
			require.Equal(t, "An internal fault occurred.", got.failure(t).Messages[0].Text)
			logged := logs.All()[logs.Len()-1]
			require.Equal(t, zap.ErrorLevel, logged.Level)
			require.Equal(t, got.json(t)["trackingId"], logged.ContextMap()["tracking_id"])
		}
	}
	require.Equal(t, 2, logs.Len())
}

// A110: a panic is answered in the API's shape, and the process lives.
func TestPanic(t *testing.T) {
	w := newWorld(t)
	token := w.bearer(&w.alice, pat.ScopeAll)
	w.rebuild(func(c *pat.Config) { c.Store = panicking{w.stores.PATs} })
	for range 2 {
		got := w.call(token, http.MethodGet, mine, "", "traceparent", traceparent)
		require.Equal(t, http.StatusInternalServerError, got.StatusCode)
		require.Equal(t, "500.0 Internal Fault", got.failure(t).DetailCode)
		require.Equal(t, "0af7651916cd43dd8448eb211c80319c", got.failure(t).TrackingID)
		require.NotContains(t, string(got.body), "bug")
	}
}

type panicking struct{ pat.Store }

func (panicking) List(context.Context, pat.Query) iter.Seq2[pat.Record, error] { panic("bug") }

func TestKeys(t *testing.T) {
	w := newWorld(t)
	w.assign(&w.alice, directory.PlatformAdmin)
	w.clock.advance(2e9)
	token := w.bearer(&w.alice, pat.ScopeAll)
	listed := w.call(token, http.MethodGet, "/api/v1/keys", "")
	before := listed.list(t)
	var first []api.SigningKey
	require.NoError(t, json.Unmarshal(listed.body, &first))
	require.Len(t, before, 2)
	require.Equal(t, "active", before[0]["state"])
	require.Equal(t, "published", before[1]["state"])
	require.Nil(t, before[0]["revokedAt"])
	require.ElementsMatch(t, []string{"kid", "alg", "generation", "state", "created", "activeFrom", "retireFrom", "removeAfter", "revokedAt"}, keysOf(before[0]))
	rotated := w.call(token, http.MethodPost, "/api/v1/keys/rotate", "", "traceparent", traceparent).list(t)
	require.Len(t, rotated, 3, "the successor is brought forward, and one more published")
	jwt := w.jwt(token, "")
	require.Equal(t, http.StatusOK, w.call(jwt, http.MethodGet, mine, "").StatusCode)
	revoked := w.call(token, http.MethodPost, "/api/v1/keys/"+first[0].Kid+"/revoke", "", "traceparent", traceparent)
	require.Equal(t, http.StatusOK, revoked.StatusCode, string(revoked.body))
	require.Equal(t, "revoked", revoked.list(t)[0]["state"])
	require.Equal(t, invalidBody, string(w.call(jwt, http.MethodGet, mine, "").body), "what it signed is lost")
	got := w.call(token, http.MethodPost, "/api/v1/keys/unknown/revoke", "")
	require.Equal(t, http.StatusNotFound, got.StatusCode)
	require.Equal(t, []audit.Name{audit.KeyCreated, audit.KeyRevoked}, askedFor(w, &w.alice), "and each says from where")
}

// askedFor lists what somebody did by requests with the traceparent.
func askedFor(w *world, who *directory.Identity) []audit.Name {
	w.Helper()
	pending, err := w.stores.Outbox.Pending(w.Context(), 1000)
	require.NoError(w, err)
	var names []audit.Name
	for _, stored := range pending {
		var event audit.Event
		require.NoError(w, json.Unmarshal(stored.Event, &event))
		if event.Actor == string(who.ID) && event.IP == "127.0.0.1" && event.UserAgent != "" && event.TrackingID == traceparent[3:35] {
			names = append(names, event.Name)
		}
	}
	return names
}

func keysOf(m map[string]any) []string {
	var names []string
	for name := range m {
		names = append(names, name)
	}
	return names
}

func TestNewRefuses(t *testing.T) {
	_, err := api.New(api.Config{})
	require.ErrorContains(t, err, "every member of the config is needed")
}
