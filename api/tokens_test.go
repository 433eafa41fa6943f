package api_test

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/pat"
)

func TestTechnicalUserHasNoPersonalTokens(t *testing.T) {
	w := newWorld(t)
	robot, err := w.people.CreateIdentity(t.Context(), directory.Identity{
		Organization: w.organization.ID, Type: directory.TechnicalUser, Username: "robot", DisplayName: "Robot", Enabled: true,
	}, directory.Actor{})
	require.NoError(t, err)
	w.assign(&robot, directory.AccessAsNonInteractiveUser)
	manager := w.newIdentity(w.organization.ID, "manager")
	w.assign(&manager, directory.AccessAsNonInteractiveUser)
	w.assign(&manager, directory.AdministerNonInteractiveUser)
	w.assign(&manager, "", directory.ManageAllTokens)
	w.clock.advance(2 * time.Second)
	record, token := w.token(&robot, "of the organization", func(d *pat.Draft) { d.Level, d.LevelID = pat.Organization, w.organization.ID })
	got := w.call(token, http.MethodPost, collection, `{"name":"x"}`)
	require.Equal(t, http.StatusForbidden, got.StatusCode)
	require.Equal(t, "a technical user has no personal tokens", got.cause(t))
	require.Equal(t, []string{"of the organization"}, w.call(token, http.MethodGet, mine, "").names(t))

	all := w.bearer(&manager, pat.ScopeAll)
	require.Equal(t, []string{"of the organization"}, w.call(all, http.MethodGet, collection+"?owner-id="+string(robot.ID), "").names(t))
	require.Empty(t, w.call(all, http.MethodGet, collection+"?owner-id="+string(w.organization.ID), "").names(t), "an organization owns nothing")
	got = w.call(all, http.MethodPost, one(&record)+"/revoke", "")
	require.Equal(t, true, got.json(t)["reactivatable"], "an administrator's plain revoke")
	require.Equal(t, http.StatusNoContent, w.call(all, http.MethodDelete, one(&record), "").StatusCode)
	_, err = w.people.Find(t.Context(), robot.ID)
	require.ErrorIs(t, err, directory.ErrNotFound, "the technical user goes with its token")
}

func TestManagedTokensAreHidden(t *testing.T) {
	w := newWorld(t)
	w.assign(&w.bob, "", directory.ManageAllTokens)
	w.clock.advance(2 * time.Second)
	managed, _ := w.token(&w.alice, "managed", func(d *pat.Draft) { d.Managed = true })
	alice, bob := w.bearer(&w.alice, pat.ScopeAll), w.bearer(&w.bob, pat.ScopeAll)
	for _, token := range []string{alice, bob} {
		require.Equal(t, http.StatusNotFound, w.call(token, http.MethodGet, one(&managed), "").StatusCode)
		require.Equal(t, http.StatusNotFound, w.call(token, http.MethodDelete, one(&managed), "").StatusCode)
		require.NotContains(t, w.call(token, http.MethodGet, collection+"?owner-id="+string(w.alice.ID), "").names(t), "managed")
	}
	w.assign(&w.bob, "", directory.ReadManagedTokens)
	w.clock.advance(2 * time.Second)
	require.Equal(t, true, w.call(bob, http.MethodGet, one(&managed), "").json(t)["managed"])
	require.Equal(t, []string{"managed"}, w.call(bob, http.MethodGet, collection+"?filters=managed+eq+true", "").names(t))
}

// A116: what one may not see looks like what does not exist.
func TestUnseenIsUnknown(t *testing.T) {
	w := newWorld(t)
	_, mallory := foreignAdministrator(w)
	foreign := w.bearer(&mallory, pat.ScopeAll)
	record, _ := w.token(&w.alice, "ci")
	bob := w.bearer(&w.bob, pat.ScopeAll)
	nothing := regexp.MustCompile(`"trackingId":"[0-9a-f]{32}"`)
	for _, token := range []string{bob, foreign} {
		for _, request := range [][3]string{
			{http.MethodGet, "", ""},
			{http.MethodDelete, "", ""},
			{http.MethodPatch, "", `[{"op":"remove","path":"/description"}]`},
			{http.MethodPost, "/revoke", `{"reason":"compromised"}`},
			{http.MethodPost, "/rotate", ""},
		} {
			var bodies []string
			for _, id := range []string{string(record.ID), string(pat.NewID(w.alice.ID)), "..%2f", "x", strings.ToUpper(string(record.ID))} {
				got := w.call(token, request[0], collection+"/"+id+request[1], request[2])
				require.Equal(t, http.StatusNotFound, got.StatusCode, request)
				bodies = append(bodies, nothing.ReplaceAllString(string(got.body), ""))
			}
			for _, body := range bodies {
				require.Equal(t, bodies[0], body)
			}
		}
	}
	require.Equal(t, pat.StateActive, w.stored(record.ID).State)
}

func TestRevoke(t *testing.T) {
	w := newWorld(t)
	token := w.bearer(&w.alice, pat.ScopeAll)
	parent, parentToken := w.token(&w.alice, "parent")
	made := w.call(parentToken, http.MethodPost, collection, `{"name":"child"}`)
	child := pat.ID(made.text(t, "id"))

	for body, cause := range map[string]string{
		`{"reason":"bored"}`: "reason: must be compromised, unused or other", `{"why":"x"}`: "why: the field is unknown", `{"reason":1}`: "reason: must be compromised, unused or other",
	} {
		got := w.call(token, http.MethodPost, one(&parent)+"/revoke", body)
		require.Equal(t, http.StatusBadRequest, got.StatusCode)
		require.Contains(t, got.cause(t), cause)
	}
	got := w.call(token, http.MethodPost, one(&parent)+"/revoke?cascade=maybe", "")
	require.Equal(t, http.StatusBadRequest, got.StatusCode)
	require.Contains(t, got.cause(t), "cascade: is not a value of this parameter")

	w.clock.advance(time.Second)
	got = w.call(token, http.MethodPost, one(&parent)+"/revoke", `{"reason":"unused"}`)
	require.Equal(t, http.StatusOK, got.StatusCode)
	golden(t, "revoked.json", masked(w, got.body))
	require.Equal(t, pat.StateActive, w.stored(child).State, "no cascade was asked for")
	w.clock.advance(time.Second)
	again := w.call(token, http.MethodPost, one(&parent)+"/revoke?cascade=true", "")
	require.Equal(t, http.StatusOK, again.StatusCode)
	require.Equal(t, got.json(t)["revokedAt"], again.json(t)["revokedAt"], "the first revocation stands")
	require.Equal(t, pat.StateRevoked, w.stored(child).State)
	require.Equal(t, http.StatusUnauthorized, w.call(parentToken, http.MethodGet, mine, "").StatusCode)
}

func TestRotate(t *testing.T) {
	w := newWorld(t)
	record, old := w.token(&w.alice, "ci")
	w.clock.advance(time.Second)
	got := w.call(old, http.MethodPost, one(&record)+"/rotate", `{"gracePeriodSeconds":3600}`)
	require.Equal(t, http.StatusOK, got.StatusCode, string(got.body))
	golden(t, "rotated.json", masked(w, got.body))
	fresh := got.text(t, "token")
	require.NotEqual(t, old, fresh)
	require.Equal(t, http.StatusOK, w.call(old, http.MethodGet, mine, "").StatusCode, "both work")
	shown := w.call(fresh, http.MethodGet, one(&record), "").json(t)
	require.Equal(t, []any{map[string]any{"time": "2026-11-22T12:00:01.123Z", "ip": "127.0.0.1", "userAgent": "Go-http-client/1.1"}}, shown["oldSecretUses"])
	require.Equal(t, "2026-11-22T13:00:01.123Z", shown["oldSecretUntil"])
	w.clock.advance(time.Hour)
	require.Equal(t, invalidBody, string(w.call(old, http.MethodGet, mine, "").body), "the grace period is over")

	got = w.call(fresh, http.MethodPost, one(&record)+"/rotate", "")
	require.Equal(t, "2026-11-23T13:00:01.123Z", got.json(t)["oldSecretUntil"], "24 hours by default")
	newest := got.text(t, "token")
	got = w.call(newest, http.MethodPost, one(&record)+"/rotate", `{"gracePeriodSeconds":600,"reason":"compromised"}`)
	require.Equal(t, http.StatusBadRequest, got.StatusCode)
	require.Equal(t, "gracePeriodSeconds: must be 0 or absent with the reason compromised: a secret that leaked is given no grace", got.cause(t))
	last := newest
	for _, body := range []string{`{"reason":"compromised"}`, `{"reason":"compromised","gracePeriodSeconds":0}`, `{"reason":"compromised","gracePeriodSeconds":null}`} {
		got = w.call(last, http.MethodPost, one(&record)+"/rotate", body)
		require.Equal(t, http.StatusOK, got.StatusCode, body)
		require.Equal(t, invalidBody, string(w.call(last, http.MethodGet, mine, "").body), "no grace for what leaked")
		last = got.text(t, "token")
	}
	for body, cause := range map[string]string{
		`{"gracePeriodSeconds":-1}`: "gracePeriodSeconds: must be between 0 and 2592000", `{"gracePeriodSeconds":2592001}`: "gracePeriodSeconds: must be",
		`{"gracePeriodSeconds":9223372036854775807}`: "gracePeriodSeconds: must be", `{"reason":"x"}`: "reason: must be",
		`{"gracePeriodSeconds":"1h"}`: "gracePeriodSeconds: must be a whole number of seconds", `[]`: "the body must be a JSON object",
		`{"gracePeriodSeconds":-1,"reason":"compromised"}`: "gracePeriodSeconds: must be between 0 and 2592000", `{"x":1}`: "x: the field is unknown",
	} {
		got := w.call(last, http.MethodPost, one(&record)+"/rotate", body)
		require.Equal(t, http.StatusBadRequest, got.StatusCode, body)
		require.Contains(t, got.cause(t), cause)
	}
	revoked, _ := w.token(&w.alice, "revoked")
	_, _, err := w.tokens.Revoke(t.Context(), &revoked, pat.End{}, pat.Actor{})
	require.NoError(t, err)
	for _, request := range [][3]string{{http.MethodPost, "/rotate", ""}, {http.MethodPatch, "", `[{"op":"replace","path":"/name","value":"x"}]`}} {
		got = w.call(last, request[0], one(&revoked)+request[1], request[2])
		require.Equal(t, http.StatusBadRequest, got.StatusCode)
		require.Equal(t, "the token is Revoked, which is final: create a new one", got.cause(t))
	}
	expired, _ := w.token(&w.alice, "expired", func(d *pat.Draft) { d.Expiration = w.clock.now().Add(time.Minute) })
	w.clock.advance(time.Minute)
	got = w.call(last, http.MethodPost, one(&expired)+"/rotate", "")
	require.Equal(t, http.StatusBadRequest, got.StatusCode)
	require.Equal(t, "the token is Expired: move its expirationDate into the future first", got.cause(t))
}

func TestDelete(t *testing.T) {
	w := newWorld(t)
	record, token := w.token(&w.alice, "ci")
	got := w.call(token, http.MethodDelete, one(&record), "")
	require.Equal(t, http.StatusNoContent, got.StatusCode)
	require.Empty(t, got.body)
	_, err := w.tokens.Find(t.Context(), record.ID)
	require.ErrorIs(t, err, pat.ErrNotFound)
	require.Equal(t, invalidBody, string(w.call(token, http.MethodGet, mine, "").body))
	pending, err := w.stores.Outbox.Pending(t.Context(), 1000)
	require.NoError(t, err)
	var event audit.Event
	require.NoError(t, json.Unmarshal(pending[len(pending)-1].Event, &event))
	require.Equal(t, audit.TokenDeleted, event.Name)
	require.Equal(t, string(w.alice.ID), event.Actor)
	require.Equal(t, "127.0.0.1", event.IP)
	require.Len(t, event.TrackingID, 32)
}

func TestEffectiveExpiry(t *testing.T) {
	w := newWorld(t)
	record, _ := w.token(&w.alice, "old")
	w.setPolicy(func(p *directory.Policy) { p.MaxLifetimeSeconds, p.EnforceOnExisting = 3600, true })
	w.clock.advance(30 * time.Minute)
	_, fresh := w.token(&w.alice, "fresh", func(d *pat.Draft) { d.Expiration = w.clock.now().Add(time.Hour) })
	w.clock.advance(30 * time.Minute)
	shown := w.call(fresh, http.MethodGet, one(&record), "").json(t)
	require.Equal(t, "Expired", shown["status"])
	require.Equal(t, "2026-11-22T13:00:00.123Z", shown["expirationDate"])
	require.Equal(t, []string{"old"}, w.call(fresh, http.MethodGet, mine+"&filters=status+eq+%22Expired%22+and+name+eq+%22old%22", "").names(t))
}
