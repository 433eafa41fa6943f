package revocations_test

import (
	"errors"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/fault"
	"github.com/cambio-sts/cambio/pat"
	"github.com/cambio-sts/cambio/revocations"
)

func token(id string, generation int64) pat.Ended {
	return pat.Ended{Kind: pat.EndedToken, ID: id, Generation: generation, At: time.Now()}
}

func jwt(id string) pat.Ended { return jwtOf("p", id, pat.MaxAccessTokenLife) }

func jwtOf(token pat.ID, id string, life time.Duration) pat.Ended {
	return pat.Ended{Kind: pat.EndedJWT, ID: id, Token: token, Expiry: time.Now().Add(life), At: time.Now()}
}

func owner(id string) pat.Ended { return pat.Ended{Kind: pat.EndedOwner, ID: id, At: time.Now()} }

// The end of a bubble of synctest comes only once every goroutine of the feed has ended:
// each test here shows that none is left when nobody asks.

func TestWhatIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.owned["o1"] = []pat.ID{"a1", "t1"}
		feed := w.feed(0)
		w.end(token("t1", 3), token("t2", pat.EveryGeneration), jwt("j1"), owner("o1"), owner("o2"), owner("gone"))
		disabled := time.Now().Unix()
		got := ask(feed, 0)
		require.Equal(t, "application/jwt", got.Header().Get("Content-Type"))
		require.Equal(t, "public, max-age=1", got.Header().Get("Cache-Control"))
		require.Equal(t, "Prefer", got.Header().Get("Vary"))
		require.Equal(t, "*", got.Header().Get("Access-Control-Allow-Origin"))
		found := read(t, got)
		require.Equal(t, testIssuer, found.Issuer)
		require.Equal(t, time.Now().Unix(), found.IssuedAt)
		require.Zero(t, found.Since)
		require.Equal(t, time.Now().Add(-time.Minute).Truncate(10*time.Second).UnixMilli(), found.Next)
		require.Equal(t, int64(pat.EndedWindow/time.Second), found.Window)
		require.Len(t, found.Ended, 5)
		for i := range found.Ended {
			switch e := found.Ended[i]; e.Hash {
			case hashOf("pat:t1"):
				require.Equal(t, int64(3), *e.Generation)
				require.Nil(t, e.IssuedAt)
			case hashOf("pat:t2"), hashOf("jti:j1"):
				require.Nil(t, e.Generation)
				require.Nil(t, e.IssuedAt)
			case hashOf("own:a1"), hashOf("own:t1"):
				require.Nil(t, e.Generation)
				require.Equal(t, disabled, *e.IssuedAt)
			default:
				require.Fail(t, "an entry of nothing", e.Hash)
			}
		}
		require.True(t, found.lists("own:a1"))
		require.True(t, found.lists("own:t1"), "beside the end of a generation of it")
	})
}

// TestMerged: what is told again is told once, and covers no less than before.
func TestMerged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		feed := w.feed(0)
		w.end(token("t", 3))
		before := ask(feed, 0)
		time.Sleep(time.Second)
		w.end(token("t", 2), token("t", 3))
		require.Equal(t, before.Header().Get("Etag"), ask(feed, 0).Header().Get("Etag"))
		time.Sleep(5 * time.Minute)
		w.end(token("t", 4))
		found := read(t, ask(feed, time.Now().Add(-2*time.Minute).UnixMilli()))
		require.Len(t, found.Ended, 1, "it has arrived anew: it covers more")
		require.Equal(t, int64(4), *found.Ended[0].Generation)
		require.Len(t, read(t, ask(feed, 0)).Ended, 1)
	})
}

func TestForgottenAfterTheWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		feed := w.feed(0)
		w.end(token("t", 1), jwt("j"))
		require.Len(t, read(t, ask(feed, 0)).Ended, 2)
		time.Sleep(pat.EndedWindow)
		require.Len(t, read(t, ask(feed, 0)).Ended, 2)
		time.Sleep(2 * time.Minute)
		require.Empty(t, read(t, ask(feed, 0)).Ended)
	})
}

// TestJWTsForgotten: a JWT is told of until it would have expired, and no longer.
func TestJWTsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		feed := w.feed(0)
		w.end(jwtOf("p", "short", 5*time.Minute), jwtOf("p", "long", time.Hour))
		require.Len(t, read(t, ask(feed, 0)).Ended, 2)
		time.Sleep(15 * time.Minute)
		require.Len(t, read(t, ask(feed, 0)).Ended, 2)
		time.Sleep(2 * time.Minute)
		found := read(t, ask(feed, 0))
		require.Len(t, found.Ended, 1)
		require.True(t, found.lists("jti:long"))
	})
}

// TestWhoRevokesWithoutEnd: somebody who mints JWTs and revokes them, one after the other,
// does not fill the feed: of their token all end that were issued until then, of others none.
func TestWhoRevokesWithoutEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		feed := w.feed(0)
		const few, many = 1000, 3000
		for i := range few {
			w.end(jwtOf("p", strconv.Itoa(i), time.Hour))
		}
		found := read(t, ask(feed, 0))
		require.Len(t, found.Ended, few)
		require.False(t, found.lists("own:p"))
		for i := range many {
			w.end(jwtOf("p", strconv.Itoa(i), time.Hour)) // a thousand of them again
		}
		w.end(jwtOf("other", "x", time.Hour))
		time.Sleep(time.Second)
		found = read(t, ask(feed, 0))
		require.Len(t, found.Ended, few+2)
		require.True(t, found.lists("own:p"))
		require.True(t, found.lists("jti:x"))
		for i := range found.Ended {
			if found.Ended[i].Hash == hashOf("own:p") {
				require.Equal(t, w.ended[len(w.ended)-1].At.Unix(), *found.Ended[i].IssuedAt)
			}
		}

		time.Sleep(2 * time.Hour) // those have expired
		require.Len(t, read(t, ask(feed, 0)).Ended, 1)
		w.end(jwtOf("p", "y", time.Hour))
		time.Sleep(time.Second)
		found = read(t, ask(feed, 0))
		require.True(t, found.lists("jti:y"), "it is told of by itself again")
		require.Len(t, found.Ended, 2, "and what its token was told of")
	})
}

// TestNothingIsMissed: somebody who asks any process, with clocks as far off as they may
// be, by the cursor of any other, learns of all that was committed before they asked, while
// others ask, too, so that passes are under way at any time.
func TestNothingIsMissed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.slow = 200 * time.Millisecond
		random := rand.New(rand.NewPCG(1, 2))
		off := time.Duration(random.Int64N(int64(2*pat.MaxSkew))) - pat.MaxSkew
		feeds := []http.Handler{w.feed(pat.MaxSkew), w.feed(-pat.MaxSkew), w.feed(off)}
		pass := func(length time.Duration) {
			for end := time.Now().Add(length); time.Now().Before(end); {
				for _, feed := range feeds {
					go ask(feed, time.Now().UnixMilli())
				}
				time.Sleep(time.Duration(random.Int64N(int64(300 * time.Millisecond))))
			}
		}
		learnt := map[string]bool{}
		since := int64(0)
		for i := range 150 {
			pass(time.Duration(random.Int64N(int64(300 * time.Millisecond))))
			w.end(jwt(strconv.Itoa(i))) // just after the last look
			pass(time.Second + time.Duration(random.Int64N(int64(2*pat.MaxSkew+20*time.Second))))
			found := read(t, ask(feeds[random.IntN(len(feeds))], since))
			require.LessOrEqual(t, found.Since, since)
			for _, e := range found.Ended {
				learnt[e.Hash] = true
			}
			for known := max(0, i-50); known <= i; known++ {
				require.True(t, learnt[hashOf("jti:"+strconv.Itoa(known))], "%d of %d", known, i)
			}
			since = found.Next
		}
	})
}

// TestCursorsAreShared: answers are made and signed once for who asks alike.
func TestCursorsAreShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		feed := w.feed(0)
		time.Sleep(time.Hour)
		w.end(token("t", 1))
		now := time.Now()
		first := ask(feed, now.Add(-2*time.Minute).UnixMilli())
		require.Zero(t, read(t, first).Since%10_000)
		require.Equal(t, 1, w.count(&w.signed))
		for range 100 {
			require.Equal(t, first.Body.String(), ask(feed, now.Add(-2*time.Minute).UnixMilli()).Body.String())
		}
		require.Equal(t, 1, w.count(&w.signed))
		require.Equal(t, 1, w.count(&w.passes))
		require.Zero(t, read(t, ask(feed, now.Add(-30*time.Minute).UnixMilli())).Since%600_000, "old ones are fewer")
		require.Zero(t, read(t, ask(feed, now.Add(-24*time.Hour).UnixMilli())).Since, "all of the window")
		ahead := read(t, ask(feed, now.Add(time.Hour).UnixMilli()))
		require.Equal(t, ahead.Next, ahead.Since, "nobody can have such a cursor")
		require.True(t, ahead.lists("pat:t"))
	})
}

// TestPassesAreShared: a thousand who ask wait for one pass.
func TestPassesAreShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.slow = time.Second
		feed := w.feed(0)
		var group sync.WaitGroup
		for range 1000 {
			group.Go(func() { read(t, ask(feed, 0)) })
		}
		group.Wait()
		require.Equal(t, 1, w.count(&w.passes))
		require.Equal(t, 1, w.count(&w.signed))
		time.Sleep(time.Hour)
		require.Equal(t, 1, w.count(&w.passes), "nobody asks")
	})
}

// TestETag: processes that know the same have the same.
func TestETag(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		one, other := w.feed(20*time.Second), w.feed(-20*time.Second)
		for i := range 10 {
			w.end(jwt(strconv.Itoa(i)))
		}
		first := ask(one, 0)
		time.Sleep(10 * time.Second)
		second := ask(other, 0)
		require.NotEqual(t, first.Body.String(), second.Body.String())
		etag := first.Header().Get("Etag")
		require.Regexp(t, `^"[\w-]{22}"$`, etag)
		require.Equal(t, etag, second.Header().Get("Etag"))
		for _, match := range []string{etag, `"x", W/` + etag, "*"} {
			got := ask(other, 0, header("If-None-Match", match))
			require.Equal(t, http.StatusNotModified, got.Code, match)
			require.Empty(t, got.Body.String())
			require.Equal(t, "public, max-age=1", got.Header().Get("Cache-Control"))
		}
		require.Equal(t, http.StatusOK, ask(other, 0, header("If-None-Match", `"x"`)).Code)
		w.end(jwt("more"))
		time.Sleep(time.Second)
		require.Equal(t, http.StatusOK, ask(other, 0, header("If-None-Match", etag)).Code)
	})
}

// held asks to be held and returns what came, and after how long.
func held(feed http.Handler, since int64, etag, prefer string) (*httptest.ResponseRecorder, time.Duration) {
	began := time.Now()
	got := ask(feed, since, header("If-None-Match", etag), header("Prefer", prefer))
	return got, time.Since(began)
}

func TestHeldUntilSomethingEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		feed := w.feed(0)
		first := ask(feed, 0)
		etag, since := first.Header().Get("Etag"), read(t, first).Next

		got, after := held(feed, since, etag, "wait=25")
		require.Equal(t, http.StatusNotModified, got.Code)
		require.Equal(t, 25*time.Second, after)
		require.Equal(t, "wait=25", got.Header().Get("Preference-Applied"))
		require.Equal(t, "no-store", got.Header().Get("Cache-Control"))

		go func() {
			time.Sleep(7 * time.Second)
			w.end(token("t", 1))
		}()
		got, after = held(feed, since, etag, `respond-async, Wait = "25"; x=y, wait=1`)
		found := read(t, got)
		require.True(t, found.lists("pat:t"))
		require.Less(t, after, 7*time.Second+300*time.Millisecond)
		require.Equal(t, "no-store", got.Header().Get("Cache-Control"))
		require.NotEqual(t, etag, got.Header().Get("Etag"))
	})
}

func TestNotHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		feed := w.feed(0)
		etag := ask(feed, 0).Header().Get("Etag")
		for _, prefer := range []string{"", "wait", "wait=", "wait=0", "wait=-1", "wait=x", "respond-async", "waits=5"} {
			got, after := held(feed, 0, etag, prefer)
			require.Equal(t, http.StatusNotModified, got.Code, prefer)
			require.Zero(t, after, prefer)
			require.Empty(t, got.Header().Get("Preference-Applied"), prefer)
			require.Equal(t, "public, max-age=1", got.Header().Get("Cache-Control"), prefer)
		}
		_, after := held(feed, 0, `"other"`, "wait=25")
		require.Zero(t, after, "there is something else to tell")
		_, after = held(feed, 0, etag, "wait=1000")
		require.Equal(t, 30*time.Second, after)
		began := time.Now()
		head := send(feed, http.MethodHead, revocations.Path, header("If-None-Match", etag), header("Prefer", "wait=25"))
		require.Equal(t, http.StatusNotModified, head.Code)
		require.Zero(t, time.Since(began))
	})
}

// TestMostAreHeld: 4096 are, one more is answered at once, and all learn at once.
func TestMostAreHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		feed := w.feed(0)
		etag := ask(feed, 0).Header().Get("Etag")
		const most = 4096
		var group sync.WaitGroup
		for range most {
			group.Go(func() {
				got, after := held(feed, 0, etag, "wait=30")
				require.Equal(t, http.StatusOK, got.Code)
				require.Less(t, after, 11*time.Second)
			})
		}
		synctest.Wait()
		got, after := held(feed, 0, etag, "wait=30")
		require.Equal(t, http.StatusNotModified, got.Code)
		require.Zero(t, after)
		require.Empty(t, got.Header().Get("Preference-Applied"))
		time.Sleep(10 * time.Second)
		before := w.count(&w.signed)
		w.end(jwt("j"))
		group.Wait()
		require.LessOrEqual(t, w.count(&w.signed), before+2, "as of two seconds at most")
		require.InDelta(t, 40, w.count(&w.passes), 4, "four a second, for all")
	})
}

func TestDraining(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		feed := w.feed(0)
		etag := ask(feed, 0).Header().Get("Etag")
		go func() {
			time.Sleep(3 * time.Second)
			close(w.draining)
		}()
		got, after := held(feed, 0, etag, "wait=30")
		require.Equal(t, http.StatusNotModified, got.Code)
		require.Equal(t, 3*time.Second, after)
	})
}

// TestNothingIsMadeUp: while the log cannot be read nobody is told that nothing ended.
func TestNothingIsMadeUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		feed := w.feed(0)
		etag := ask(feed, 0).Header().Get("Etag")
		w.set(func() { w.fail = fault.ErrUnavailable })
		time.Sleep(3 * time.Second)
		require.Equal(t, http.StatusOK, ask(feed, 0).Code, "as of three seconds ago")
		time.Sleep(time.Millisecond)
		refused := func(got *httptest.ResponseRecorder) {
			t.Helper()
			require.Equal(t, http.StatusServiceUnavailable, got.Code)
			require.Equal(t, "1", got.Header().Get("Retry-After"))
			require.Equal(t, "no-store", got.Header().Get("Cache-Control"))
			require.Empty(t, got.Header().Get("Etag"))
			require.JSONEq(t, `{"error":"temporarily_unavailable","error_description":"nobody can tell now what was revoked: try again later"}`, got.Body.String())
		}
		refused(ask(feed, 0))
		refused(ask(feed, 0, header("If-None-Match", etag)))
		w.set(func() { w.fail = nil })
		time.Sleep(time.Second)
		require.Equal(t, http.StatusOK, ask(feed, 0).Code)

		go func() {
			time.Sleep(5 * time.Second)
			w.set(func() { w.slow = time.Hour })
		}()
		got, after := held(feed, 0, etag, "wait=30")
		refused(got)
		require.Less(t, after, 9*time.Second)
		began := time.Now()
		refused(ask(feed, 0))
		require.LessOrEqual(t, time.Since(began), 3*time.Second)
		w.set(func() { w.slow = 0 })
		time.Sleep(time.Minute) // what is under way ends
		require.Equal(t, http.StatusOK, ask(feed, 0).Code)
	})
}

// TestOwnersAreNotLost: a pass is over when every owner was looked up.
func TestOwnersAreNotLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		const many = 600
		for i := range many {
			id := directory.ID(strconv.Itoa(i))
			w.owned[id] = []pat.ID{pat.ID("t" + id)}
			w.end(owner(string(id)))
		}
		w.end(token("t", 1))
		w.lost = errors.New("the store is away")
		feed := w.feed(0)
		require.Equal(t, http.StatusServiceUnavailable, ask(feed, 0).Code)
		time.Sleep(time.Second)
		w.set(func() { w.lost = nil })
		found := read(t, ask(feed, 0))
		require.Len(t, found.Ended, many+1)
		require.True(t, found.lists("own:t599"))
		before := w.count(&w.lookups)
		time.Sleep(time.Second)
		read(t, ask(feed, 0))
		require.Equal(t, before, w.count(&w.lookups))
	})
}

func TestWhatIsRefused(t *testing.T) {
	w := newWorld(t)
	feed := w.feed(0)
	for _, query := range []string{"since=", "since=x", "since=-1", "since=1.5", "since=1&since=2", "until=1", "since=1&x=1", "since=%zz", "since=99999999999999999999"} {
		got := send(feed, http.MethodGet, revocations.Path+"?"+query)
		require.Equal(t, http.StatusBadRequest, got.Code, query)
		require.Contains(t, got.Body.String(), `{"error":"invalid_request","error_description":"since is the`, query)
	}
	require.Equal(t, http.StatusOK, send(feed, http.MethodGet, revocations.Path+"?since=0").Code)
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodPatch, "X"} {
		got := send(feed, method, revocations.Path)
		require.Equal(t, http.StatusMethodNotAllowed, got.Code)
		require.Equal(t, "GET, HEAD, OPTIONS", got.Header().Get("Allow"))
	}
	preflight := send(feed, http.MethodOptions, revocations.Path)
	require.Equal(t, http.StatusNoContent, preflight.Code)
	require.Equal(t, "If-None-Match, Prefer", preflight.Header().Get("Access-Control-Allow-Headers"))
}

func TestNewWantsAll(t *testing.T) {
	_, err := revocations.New(revocations.Config{})
	require.Error(t, err)
}
