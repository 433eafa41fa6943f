package verify_test

import (
	"math"
	"net/http"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/verify"
)

// following is a server with a feed and a verifier that follows it.
func following(t *testing.T, options verify.RevocationFeed) (*issuer, *feedServer, *verify.Verifier) {
	t.Helper()
	s := newIssuer(time.Now)
	f := follow(s)
	return s, f, s.verifier(t, verify.WithRevocationFeed(options))
}

// The end of a bubble of synctest comes only once every goroutine of the verifiers
// has ended: each test here is one of Close, too.

func TestFeedEndsTokens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, f, v := following(t, verify.RevocationFeed{})
		issued := time.Now().Unix()
		token := s.mint(nil, nil) // of generation 3
		for name, c := range map[string]struct {
			of     string
			bounds map[string]any
			claims map[string]any
			want   error
		}{
			"its generation":          {"pat:a", map[string]any{"gen": 3}, map[string]any{"pat_id": "a"}, verify.ErrRevoked},
			"a later generation":      {"pat:b", map[string]any{"gen": 4}, map[string]any{"pat_id": "b"}, verify.ErrRevoked},
			"the one before":          {"pat:c", map[string]any{"gen": 2}, map[string]any{"pat_id": "c"}, nil},
			"every generation":        {"pat:d", nil, map[string]any{"pat_id": "d"}, verify.ErrRevoked},
			"itself":                  {"jti:e", nil, map[string]any{"jti": "e"}, verify.ErrRevoked},
			"its owner":               {"own:f", map[string]any{"iat": issued}, map[string]any{"pat_id": "f"}, verify.ErrRevoked},
			"its owner, before":       {"own:g", map[string]any{"iat": issued - 1}, map[string]any{"pat_id": "g"}, nil},
			"something else, by name": {"jti:h", nil, map[string]any{"pat_id": "h", "sub": "h"}, nil},
			"no member it knows":      {"jti:i", map[string]any{"new": true}, map[string]any{"jti": "i"}, verify.ErrRevoked},
		} {
			c.claims["iat"] = issued
			named := s.mint(nil, c.claims)
			requireRefused(t, v, named, nil)
			f.end(c.of, c.bounds)
			time.Sleep(200 * time.Millisecond)
			synctest.Wait()
			_, err := v.Verify(t.Context(), named)
			require.ErrorIs(t, err, c.want, name)
		}
		requireRefused(t, v, token, nil)
	})
}

// TestFeedCoversMore: what is told again never makes a dead token alive.
func TestFeedCoversMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, f, v := following(t, verify.RevocationFeed{})
		f.end("pat:c0ffee", map[string]any{"gen": 3})
		f.end("pat:c0ffee", map[string]any{"gen": 2})
		time.Sleep(time.Second)
		requireRefused(t, v, s.mint(nil, nil), verify.ErrRevoked)
		requireRefused(t, v, s.mint(nil, map[string]any{"pat_gen": 4}), nil)
	})
}

// TestFeedIsQuiet: while nothing ends a verifier asks twice a minute and has one answer
// signed; behind a cache that holds nobody it asks each second.
func TestFeedIsQuiet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, f, _ := following(t, verify.RevocationFeed{})
		time.Sleep(time.Hour)
		synctest.Wait()
		require.InDelta(t, 60*3, f.count(), 60)
		f.set(func() { f.unheld = true })
		before := f.count()
		time.Sleep(time.Hour)
		synctest.Wait()
		require.InDelta(t, 3600, f.count()-before, 100)
	})
}

func TestFeedNeeds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newIssuer(time.Now)
		begin := func(options verify.RevocationFeed) error {
			v, err := verify.New(t.Context(), testIssuer, testAudience, verify.WithHTTPClient(s.client()), verify.WithRevocationFeed(options))
			if err == nil {
				v.Close()
			}
			return err
		}
		require.ErrorContains(t, begin(verify.RevocationFeed{}), "the authorization server has no revocation feed (revocations_uri in its metadata)")
		f := follow(s)
		require.NoError(t, begin(verify.RevocationFeed{}))
		f.set(func() { f.refuse = http.StatusServiceUnavailable })
		require.ErrorContains(t, begin(verify.RevocationFeed{}), "the revocation feed answered 503")
		f.set(func() { f.refuse = 0 })
		require.Error(t, begin(verify.RevocationFeed{FailOpenFor: -1}))
		require.Error(t, begin(verify.RevocationFeed{Max: -1}))
		s.metadata["revocations_uri"] = "http://sts.example.com/revocations"
		require.ErrorContains(t, begin(verify.RevocationFeed{}), "no https URL")
	})
}

// TestFeedAnswersThatAreNotTaken differ from one that is in one thing each.
func TestFeedAnswersThatAreNotTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newIssuer(time.Now)
		f := follow(s)
		s.add("ES256")
		begin := func() error {
			v, err := verify.New(t.Context(), testIssuer, testAudience, verify.WithHTTPClient(s.client()), verify.WithRevocationFeed(verify.RevocationFeed{}))
			if err == nil {
				v.Close()
			}
			return err
		}
		now := time.Now()
		entry := func(members map[string]any) map[string]any {
			made := map[string]any{"h": hashed("x"), "gen": 1, "iat": 1}
			change(made, members)
			return map[string]any{"ended": []any{made}}
		}
		type change struct{ header, payload map[string]any }
		for name, good := range map[string]change{
			"as it is": {}, "typ in full": {map[string]any{"typ": "application/Revocations+JWT"}, nil}, "an entry": {nil, entry(nil)},
			"iat a minute ago": {nil, map[string]any{"iat": now.Add(-time.Minute).Unix()}}, "more members": {nil, map[string]any{"x": 1}},
		} {
			f.set(func() { f.header, f.payload = good.header, good.payload })
			require.NoError(t, begin(), name)
		}
		for name, bad := range map[string]change{
			"typ of an access token": {map[string]any{"typ": "at+jwt"}, nil}, "no typ": {map[string]any{"typ": nil}, nil},
			"another key":     {map[string]any{"kid": "key-0"}, nil},
			"an unknown key":  {map[string]any{"kid": "key-9"}, nil},
			"another alg":     {map[string]any{"alg": "RS256"}, nil},
			"no alg":          {map[string]any{"alg": "none"}, nil},
			"crit":            {map[string]any{"crit": []string{"x"}}, nil},
			"iss":             {nil, map[string]any{"iss": testIssuer + "/"}},
			"no iss":          {nil, map[string]any{"iss": nil}},
			"an old iat":      {nil, map[string]any{"iat": now.Add(-2 * time.Minute).Unix()}},
			"an iat to come":  {nil, map[string]any{"iat": now.Add(2 * time.Minute).Unix()}},
			"no iat":          {nil, map[string]any{"iat": nil}},
			"iat as text":     {nil, map[string]any{"iat": strconv.FormatInt(now.Unix(), 10)}},
			"since":           {nil, map[string]any{"since": 1}},
			"since below 0":   {nil, map[string]any{"since": -1}},
			"no since":        {nil, map[string]any{"since": nil}},
			"next":            {nil, map[string]any{"next": -1}},
			"no next":         {nil, map[string]any{"next": nil}},
			"window 0":        {nil, map[string]any{"window": 0}},
			"window of years": {nil, map[string]any{"window": 1 << 40}},
			"no window":       {nil, map[string]any{"window": nil}},
			"no ended":        {nil, map[string]any{"ended": nil}},
			"ended an object": {nil, map[string]any{"ended": map[string]any{}}},
			"a null entry":    {nil, map[string]any{"ended": []any{nil}}},
			"no h":            {nil, entry(map[string]any{"h": nil})},
			"h too short":     {nil, entry(map[string]any{"h": hashed("x")[:21]})},
			"h padded":        {nil, entry(map[string]any{"h": hashed("x") + "=="})},
			"h with bits":     {nil, entry(map[string]any{"h": hashed("x")[:21] + "_"})},
			"gen as text":     {nil, entry(map[string]any{"gen": "1"})},
			"gen a fraction":  {nil, entry(map[string]any{"gen": 1.5})},
		} {
			f.set(func() { f.header, f.payload = bad.header, bad.payload })
			require.Error(t, begin(), name)
		}
	})
}

// TestFeedReplayed: an answer of before is none.
func TestFeedReplayed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, f, v := following(t, verify.RevocationFeed{})
		then := time.Now().Unix()
		time.Sleep(10 * time.Minute)
		requireRefused(t, v, s.mint(nil, nil), nil)
		f.set(func() { f.payload = map[string]any{"iat": then} })
		time.Sleep(2 * time.Minute)
		requireRefused(t, v, s.mint(nil, nil), verify.ErrFeedLost)
		f.set(func() { f.payload = nil })
		time.Sleep(2 * time.Second)
		requireRefused(t, v, s.mint(nil, nil), nil)
	})
}

// changes is what OnChange was told.
type changes []bool

func (c *changes) note(up bool, err error) {
	*c = append(*c, up)
	if up != (err == nil) {
		panic("a loss without a cause, or a cause without a loss")
	}
}

// TestFeedLost: tokens are refused once the feed was lost for FailOpenFor, and at once
// those that were known to be dead; when it is back all is known that ended meanwhile.
func TestFeedLost(t *testing.T) {
	for _, open := range []time.Duration{0, time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			var told changes
			s, f, v := following(t, verify.RevocationFeed{FailOpenFor: open, OnChange: told.note})
			dead := map[string]any{"pat_id": "dead"}
			f.end("pat:dead", nil)
			time.Sleep(time.Second)
			f.set(func() { f.refuse = http.StatusServiceUnavailable })
			synctest.Wait()
			time.Sleep(verify.FeedLostAfter + open)
			requireRefused(t, v, s.mint(nil, nil), nil)
			time.Sleep(time.Millisecond)
			requireRefused(t, v, s.mint(nil, nil), verify.ErrFeedLost)
			requireRefused(t, v, s.mint(nil, nil), verify.ErrUnavailable)
			requireRefused(t, v, s.mint(nil, dead), verify.ErrRevoked)

			f.end("pat:c0ffee", map[string]any{"gen": 3})
			time.Sleep(time.Hour)
			requireRefused(t, v, s.mint(nil, nil), verify.ErrFeedLost)
			f.set(func() { f.refuse = 0 })
			time.Sleep(1500 * time.Millisecond)
			synctest.Wait()
			requireRefused(t, v, s.mint(nil, nil), verify.ErrRevoked)
			requireRefused(t, v, s.mint(nil, map[string]any{"pat_id": "other"}), nil)
			require.Equal(t, changes{false, true}, told)
		})
	}
}

// TestFeedSilent: a connection that falls silent is a loss after 35 s, and one failure is
// none.
func TestFeedSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told changes
		s, f, v := following(t, verify.RevocationFeed{OnChange: told.note})
		time.Sleep(time.Second)
		f.set(func() { f.silent = true })
		time.Sleep(35*time.Second + verify.FeedLostAfter + time.Second)
		requireRefused(t, v, s.mint(nil, nil), verify.ErrFeedLost)
		f.set(func() { f.silent = false })
		time.Sleep(12 * time.Second)
		requireRefused(t, v, s.mint(nil, nil), nil)

		f.set(func() { f.refuse = http.StatusBadGateway })
		synctest.Wait()
		f.set(func() { f.refuse = 0 })
		for range 300 {
			time.Sleep(10 * time.Millisecond)
			requireRefused(t, v, s.mint(nil, nil), nil)
		}
	})
}

// TestFeedNewKey: an answer by a key that was not known yet is verified by it.
func TestFeedNewKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, f, v := following(t, verify.RevocationFeed{})
		token := s.mint(nil, nil)
		s.add("ES256")
		f.end("pat:c0ffee", nil)
		time.Sleep(time.Second)
		requireRefused(t, v, token, verify.ErrRevoked)
	})
}

// TestFeedForgets: an entry is remembered for the window and the leeway.
func TestFeedForgets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, f, v := following(t, verify.RevocationFeed{})
		f.set(func() { f.window = time.Hour })
		f.end("pat:c0ffee", nil)
		time.Sleep(time.Second)
		f.set(func() { f.ended = nil })
		time.Sleep(time.Hour)
		requireRefused(t, v, s.mint(nil, nil), verify.ErrRevoked)
		require.Equal(t, 1, verify.FeedSize(v))
		time.Sleep(3 * time.Minute)
		requireRefused(t, v, s.mint(nil, nil), nil)
		require.Zero(t, verify.FeedSize(v))
	})
}

// TestFeedMax: what does not fit is refused together with all that was issued until then.
func TestFeedMax(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, f, v := following(t, verify.RevocationFeed{Max: 100})
		long := map[string]any{"exp": time.Now().Add(time.Hour).Unix()}
		first := s.mint(nil, long)
		for i := range 80 {
			f.end("pat:"+strconv.Itoa(i), nil)
		}
		time.Sleep(5 * time.Minute)
		requireRefused(t, v, first, nil)
		between := s.mint(nil, long)
		for i := range 30 {
			f.end("pat:"+strconv.Itoa(80+i), nil)
		}
		time.Sleep(5 * time.Minute)
		require.LessOrEqual(t, verify.FeedSize(v), 50)
		for i := range 110 {
			requireRefused(t, v, s.mint(nil, map[string]any{"pat_id": strconv.Itoa(i), "iat": time.Now().Add(-10 * time.Minute).Unix()}), verify.ErrRevoked)
		}
		requireRefused(t, v, first, verify.ErrRevoked)
		requireRefused(t, v, between, nil)
		requireRefused(t, v, s.mint(nil, map[string]any{"pat_id": "100"}), verify.ErrRevoked)
	})
}

// TestFeedAndPATs: a personal access token whose JWT ended is exchanged anew, and while the
// server is away one that is known to have ended is refused, also if it is due to be
// exchanged.
func TestFeedAndPATs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newIssuer(time.Now)
		f := follow(s)
		v := s.verifier(t, verify.WithRevocationFeed(verify.RevocationFeed{FailOpenFor: time.Hour}), verify.AcceptPAT(verify.PATOptions{}))
		requireRefused(t, v, pat(1), nil)
		f.end("own:c0ffee", map[string]any{"iat": time.Now().Unix()})
		time.Sleep(time.Second)
		before := s.count(&s.exchanges)
		requireRefused(t, v, pat(1), nil)
		require.Equal(t, before+1, s.count(&s.exchanges), "they were enabled again")

		f.end("pat:c0ffee", nil)
		time.Sleep(time.Second)
		s.set(func() { s.fail = http.StatusServiceUnavailable })
		time.Sleep(4 * time.Minute)
		requireRefused(t, v, pat(1), verify.ErrRevoked)
	})
}

func TestFeedAfterClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _, v := following(t, verify.RevocationFeed{FailOpenFor: time.Hour})
		v.Close()
		requireRefused(t, v, s.mint(nil, nil), verify.ErrClosed)
	})
}

// TestFeedAllocates: checking a token costs no allocation more.
func TestFeedAllocates(t *testing.T) {
	s := newIssuer(time.Now)
	f := follow(s)
	f.end("pat:other", nil)
	token := s.mint(nil, nil)
	plain, feeding := s.verifier(t), s.verifier(t, verify.WithRevocationFeed(verify.RevocationFeed{}))
	allocations := func(v *verify.Verifier) float64 {
		least := math.Inf(1)
		for range 20 { // what the feed's own goroutine allocates meanwhile counts too
			least = min(least, testing.AllocsPerRun(20, func() { _, _ = v.Verify(t.Context(), token) }))
		}
		return least
	}
	require.InDelta(t, allocations(plain), allocations(feeding), 0.9)
}

func BenchmarkFeed(b *testing.B) {
	for _, entries := range []int{1, 100_000} {
		b.Run(strconv.Itoa(entries), func(b *testing.B) {
			s := newIssuer(time.Now)
			f := follow(s)
			for i := range entries {
				f.ended = append(f.ended, told{map[string]any{"h": hashed(strconv.Itoa(i))}, time.Now()})
			}
			v := s.verifier(b, verify.WithRevocationFeed(verify.RevocationFeed{}))
			token := s.mint(nil, nil)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := v.Verify(b.Context(), token); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
