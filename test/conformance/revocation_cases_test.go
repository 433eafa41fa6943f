package conformance

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/testenv"
)

// revocationCases are RFC 7009.
func revocationCases() []Case {
	done := Want{Status: http.StatusOK, Header: map[string]string{"Cache-Control": "no-store"}}
	gone := []draft{{name: "gone"}}
	by := func(changes ...change) Request {
		return exchange(append([]change{set("subject_token", "${gone.token}")}, changes...)...)
	}
	of := func(token string, changes ...change) Request {
		return introspect(append([]change{set("token", token)}, changes...)...)
	}
	minting := Step{Request: by(), Want: minted(nil), Save: map[string]string{"jwt": "access_token"}}
	return []Case{
		{ID: "C099", Name: "a PAT", PATs: gone, Steps: Steps{
			{Request: by(replica), Want: Want{Status: http.StatusOK}},
			{Request: of("${gone.token}", replica), Want: active()},
			{Request: revoke("${gone.token}"), Want: done},
			{Request: by(replica), Want: denied("revoked")},
			{Request: of("${gone.token}", replica), Want: inactive()},
			{Request: by(), Want: denied("revoked")},
			{Request: of("${gone.token}"), Want: inactive()},
		}},
		{ID: "C100", Name: "wrong credentials", PATs: gone, Steps: Steps{
			{Request: revoke("${gone.token}", basic("${alice.id}", "${bob.secret}")), Want: fails(http.StatusUnauthorized, "invalid_client")},
			{Request: revoke("${gone.token}", set("client_id", "${alice.id}"), set("client_secret", "${bob.secret}")), Want: fails(http.StatusUnauthorized, "invalid_client")},
			{Request: by(), Want: minted(nil)},
		}},
		{ID: "C100", Name: "none", PATs: gone, Steps: Steps{{Request: revoke("${gone.token}"), Want: done}, {Request: by(), Want: denied("revoked")}}},
		{ID: "C100", Name: "right ones", PATs: gone, Steps: Steps{
			{Request: revoke("${gone.token}", basic("${gone.id}", "${gone.secret}")), Want: done}, {Request: by(), Want: denied("revoked")},
		}},
		{ID: "C101", Name: "another organization's", PATs: []draft{{name: "gone", owner: "erin"}}, Run: func(t *testing.T, w *world) {
			t.Helper()
			const id = "c1010000000000000000000000000001"
			w.expect(t, by(), minted(nil))
			w.expect(t, revoke("${gone.token}", basic("${alice.id}", "${alice.secret}"), traced(id)), done)
			w.expect(t, by(), denied("revoked"))
			w.audited(t, event{"event": "PERSONAL_ACCESS_TOKEN_REVOKED", "pat_id": w.vars["gone.id"], "tracking_id": id})
		}},
		{ID: "C102", Name: "unknown", Run: func(t *testing.T, w *world) {
			t.Helper()
			w.expect(t, revoke(craft(strings.Repeat("0", 32), aSecret)), done)
		}},
		accepted("C102", "nonsense", revoke("nonsense"), done),
		{ID: "C102", Name: "a wrong secret", PATs: gone, Run: func(t *testing.T, w *world) {
			t.Helper()
			w.expect(t, revoke(craft(w.vars["gone.id"], aSecret)), done)
			w.expect(t, by(), minted(nil))
		}},
		{ID: "C103", Name: "unknown hint", PATs: gone, Steps: Steps{
			{Request: revoke("${gone.token}", set("token_type_hint", "nonsense")), Want: done}, {Request: by(), Want: denied("revoked")},
		}},
		{ID: "C103", Name: "wrong hint", PATs: gone, Steps: Steps{
			{Request: revoke("${gone.token}", set("token_type_hint", "refresh_token")), Want: done}, {Request: by(), Want: denied("revoked")},
		}},
		refused("C104", "absent", Request{Method: "POST", Path: pathRevoke, Form: []string{"token_type_hint=pat"}}, fails(http.StatusBadRequest, "invalid_request")),
		refused("C104", "empty", revoke(""), fails(http.StatusBadRequest, "invalid_request")),
		{ID: "C105", Name: "a JWT", PATs: gone, Steps: Steps{
			minting,
			{Request: by(), Want: minted(nil), Save: map[string]string{"other": "access_token"}},
			{Request: of("${jwt}"), Want: active()},
			{Request: revoke("${jwt}"), Want: done},
			{Request: of("${jwt}"), Want: inactive()},
			{Request: of("${other}"), Want: active()},
			{Request: by(), Want: minted(nil)},
		}},
		{ID: "C105", Name: "a JWT at the management API", Steps: Steps{
			{Request: exchange(set("audience", "${api}")), Want: minted(nil), Save: map[string]string{"jwt": "access_token"}},
			{Request: call("GET", pathMine, bearer("${jwt}")), Want: Want{Status: http.StatusOK}},
			{Request: revoke("${jwt}"), Want: done},
			{Request: call("GET", pathMine, bearer("${jwt}")), Want: Want{Status: http.StatusUnauthorized}},
		}},
		{ID: "C105", Name: "the feed lists a JWT", Run: jwtIsListed},
		{ID: "C107", Name: "by the token", PATs: gone, Steps: Steps{
			minting,
			{Request: of("${jwt}"), Want: active()},
			{Request: revoke("${gone.token}"), Want: done},
			{Request: of("${jwt}"), Want: inactive()},
		}},
		{ID: "C107", Name: "by the management API", PATs: gone, Steps: Steps{
			minting,
			{Request: of("${jwt}"), Want: active()},
			{Request: call("POST", pathTokens+"/${gone.id}/revoke"), Want: Want{Status: http.StatusOK}},
			{Request: of("${jwt}"), Want: inactive()},
		}},
		{ID: "C108", Name: "a hundred times at once", PATs: gone, Run: func(t *testing.T, w *world) {
			t.Helper()
			w.atOnce(t, 100, http.StatusOK, func(i int) Request {
				if i%2 == 0 {
					return revoke("${gone.token}", replica)
				}
				return revoke("${gone.token}")
			})
			w.happenedOnce(t, event{"event": "PERSONAL_ACCESS_TOKEN_REVOKED", "pat_id": w.vars["gone.id"]})
		}},
	}
}

// atOnce sends many requests at once, each of which must be answered with the
// status.
func (w *world) atOnce(t *testing.T, count, status int, request func(i int) Request) {
	t.Helper()
	start := make(chan struct{})
	var all sync.WaitGroup
	for i := range count {
		all.Go(func() {
			<-start
			got, err := w.try(t, w.client, request(i))
			for range 5 {
				if err != nil || !w.isSlow(got.Status, status) {
					break
				}
				got, err = w.try(t, w.client, request(i))
			}
			if err != nil || got.Status != status {
				t.Errorf("request %d: %v, %d %s", i, err, got.Status, got.Body)
			}
		})
	}
	close(start)
	all.Wait()
}

// happenedOnce waits until the audit trail holds an event, and then until one that
// was caused afterwards is there too: it is still the only one.
func (w *world) happenedOnce(t *testing.T, want event) {
	t.Helper()
	w.audited(t, want)
	w.create(t, draft{name: "afterwards", owner: "bob"})
	w.expect(t, revoke("${afterwards.token}"), Want{Status: http.StatusOK})
	w.audited(t, event{"event": "PERSONAL_ACCESS_TOKEN_REVOKED", "pat_id": w.vars["afterwards.id"]})
	settled := now().Add(time.Second / 2) // for another shard's, which is shipped by itself
	testenv.Wait(t, 5*time.Second, func() bool { return now().After(settled) })
	require.Len(t, w.events(t, want), 1)
}

// jwtIsListed reads the feed as its documentation has it, at another process where there is one.
func jwtIsListed(t *testing.T, w *world) {
	t.Helper()
	jwt := w.mint(t)
	_, claims := decodeJWT(t, jwt)
	jti, ok := claims["jti"].(string)
	require.True(t, ok)
	sum := sha256.Sum256([]byte("jti:" + jti))
	entry := map[string]any{"h": base64.RawURLEncoding.EncodeToString(sum[:16])}
	listed := func() bool {
		t.Helper()
		answer := w.expect(t, Request{Method: http.MethodGet, Path: "/revocations"}, Want{Status: http.StatusOK, Header: map[string]string{"Content-Type": "application/jwt"}})
		header, told := decodeJWT(t, answer.Body)
		require.Equal(t, "revocations+jwt", header["typ"])
		require.Equal(t, w.issuer, told["iss"])
		ended, ok := told["ended"].([]any)
		require.True(t, ok)
		return slices.ContainsFunc(ended, func(one any) bool { return reflect.DeepEqual(one, entry) })
	}
	require.False(t, listed())
	w.expect(t, revoke(jwt), Want{Status: http.StatusOK})
	testenv.Wait(t, 10*time.Second, listed)
}
