package faults

import (
	"context"
	"errors"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/testenv"
	"github.com/cambio-sts/cambio/verify"
)

// verifiers are services that check JWTs offline.
type verifiers []*verify.Verifier

// startVerifiers starts n verifiers of an issuer, each of which reaches it at one of some
// addresses, whatever the issuer's name says.
func startVerifiers(t *testing.T, n int, issuer, audience string, feed verify.RevocationFeed, addrs ...string) verifiers {
	t.Helper()
	var all verifiers
	for i := range n {
		var dialer net.Dialer
		transport := &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, network, addrs[i%len(addrs)])
		}}
		v, err := verify.New(t.Context(), issuer, audience, verify.WithHTTPClient(&http.Client{Transport: transport}), verify.WithRevocationFeed(feed))
		require.NoError(t, err)
		t.Cleanup(v.Close)
		all = append(all, v)
	}
	return all
}

// accept requires that every verifier takes a token.
func (v verifiers) accept(t *testing.T, token string) {
	t.Helper()
	for _, one := range v {
		_, err := one.Verify(t.Context(), token)
		require.NoError(t, err)
	}
}

// refuse requires that every verifier refuses a token for a reason.
func (v verifiers) refuse(t *testing.T, token string, want error) {
	t.Helper()
	for _, one := range v {
		_, err := one.Verify(t.Context(), token)
		require.ErrorIs(t, err, want)
	}
}

// learn waits until every verifier refuses a token as revoked and returns after how long
// each did. Until then it is accepted, and afterwards refused for good.
func (v verifiers) learn(t *testing.T, token string) []time.Duration {
	t.Helper()
	began := time.Now()
	took := make([]time.Duration, len(v))
	left := len(v)
	testenv.Wait(t, soon, func() bool {
		for i, one := range v {
			if took[i] != 0 {
				continue
			}
			if _, err := one.Verify(t.Context(), token); err != nil {
				require.ErrorIs(t, err, verify.ErrRevoked)
				took[i] = time.Since(began)
				left--
			}
		}
		return left == 0
	})
	v.refuse(t, token, verify.ErrRevoked)
	return took
}

// report logs how long it took.
func report(t *testing.T, took []time.Duration) {
	t.Helper()
	slices.Sort(took)
	t.Logf("from the answer to the refusal: median %v, p99 %v, longest %v of %d",
		took[len(took)/2], took[len(took)*99/100], took[len(took)-1], len(took))
}

// ways are how a JWT can end before its exp; each returns once it was acknowledged.
func ways(t *testing.T, d door, as string) map[string]func(token testenv.DevPAT, jwt string) {
	t.Helper()
	done := func(got answer) {
		t.Helper()
		require.Less(t, got.status, http.StatusMultipleChoices, got.body)
	}
	return map[string]func(token testenv.DevPAT, jwt string){
		"revoked": func(token testenv.DevPAT, _ string) {
			done(d.json(t, http.MethodPost, pathTokens+"/"+token.ID+"/revoke", as, `{"reason":"unused"}`))
		},
		"revoked by itself": func(token testenv.DevPAT, _ string) {
			done(d.form(t, pathRevoke, "token", token.Token))
		},
		"deleted": func(token testenv.DevPAT, _ string) {
			done(d.send(t, http.MethodDelete, pathTokens+"/"+token.ID, "", bearer(as)))
		},
		"rotated without grace": func(token testenv.DevPAT, _ string) {
			done(d.json(t, http.MethodPost, pathTokens+"/"+token.ID+"/rotate", as, `{"gracePeriodSeconds":0}`))
		},
		"the JWT alone": func(_ testenv.DevPAT, jwt string) {
			done(d.form(t, pathRevoke, "token", jwt))
		},
	}
}

// TestRevocationReachesVerifiers: whatever ends a JWT, 100 services that check it offline
// refuse it in a moment, and go on to take others. Two processes share a Redis server, and
// services follow either.
func TestRevocationReachesVerifiers(t *testing.T) {
	const many = 100
	t.Run("bolt", func(t *testing.T) {
		s := serve(t, t.TempDir(), "", "")
		reach(t, startVerifiers(t, many, s.URL, demoAudience, verify.RevocationFeed{}, hostOf(s)), s.token, s.door)
	})
	t.Run("redis", func(t *testing.T) {
		f := startFleet(t, 2, testenv.Redis(t, testenv.RedisOptions{}).URL())
		one, other := f.replicas[0], f.replicas[1]
		all := startVerifiers(t, many, one.URL, demoAudience, verify.RevocationFeed{}, hostOf(one), hostOf(other))
		reach(t, all, f.token, one.door, other.door)
	})
}

const demoAudience = "https://demo.example.com"

func hostOf(s *served) string { return strings.TrimPrefix(s.URL, "http://") }

func reach(t *testing.T, all verifiers, as string, doors ...door) {
	t.Helper()
	stays := doors[0].mint(t, as)
	var took []time.Duration
	for round := range times(1, 20) {
		d := doors[round%len(doors)]
		for name, end := range ways(t, d, as) {
			token := d.create(t, as, name+" "+time.Now().String())
			jwt, another := d.mint(t, token.Token), d.mint(t, token.Token)
			all.accept(t, jwt)
			end(token, jwt)
			took = append(took, all.learn(t, jwt)...)
			if name == "the JWT alone" {
				all.accept(t, another)
			} else {
				all.refuse(t, another, verify.ErrRevoked)
			}
			all.accept(t, stays)
		}
	}
	report(t, took)
}

// TestDisabledOwnerReachesVerifiers: so do the JWTs of somebody who is disabled, for good;
// those that they get once they are enabled again are taken.
func TestDisabledOwnerReachesVerifiers(t *testing.T) {
	for name, args := range map[string]func(t *testing.T) []string{
		"bolt": func(*testing.T) []string { return nil },
		"redis": func(t *testing.T) []string {
			t.Helper()
			return []string{"--redis", testenv.Redis(t, testenv.RedisOptions{}).URL()}
		},
	} {
		t.Run(name, func(t *testing.T) {
			server := testenv.Dev(t, args(t)...)
			d, users := devDoor(server), server.Info.Users
			all := startVerifiers(t, 20, server.Info.Issuer, server.Info.Audience, verify.RevocationFeed{}, strings.TrimPrefix(server.Info.Addr, "http://"))
			enable := func(value string) {
				t.Helper()
				got := d.send(t, http.MethodPatch, "/api/v1/identities/"+users.Alice.ID, `[{"op":"replace","path":"/enabled","value":`+value+`}]`,
					bearer(users.Admin.PAT.Token), header("Content-Type", "application/json-patch+json"))
				require.Equal(t, http.StatusOK, got.status, got.body)
			}
			jwt, stays := d.mint(t, users.Alice.PAT.Token), d.mint(t, users.Bob.PAT.Token)
			all.accept(t, jwt)
			enable("false")
			report(t, all.learn(t, jwt))
			all.accept(t, stays)
			enable("true")
			disabled := time.Now().Unix()
			testenv.Wait(t, soon, func() bool { return time.Now().Unix() > disabled })
			all.accept(t, d.mint(t, users.Alice.PAT.Token))
			all.refuse(t, jwt, verify.ErrRevoked)
		})
	}
}

// TestFeedOutage: while the feed is out of reach services do what they were told to, and
// once it is back they know all that ended meanwhile.
func TestFeedOutage(t *testing.T) {
	s := serve(t, t.TempDir(), "", "")
	proxy := testenv.NewProxy(t)
	proxy.Carry(hostOf(s))
	closing := startVerifiers(t, 5, s.URL, demoAudience, verify.RevocationFeed{}, proxy.Addr())
	opening := startVerifiers(t, 5, s.URL, demoAudience, verify.RevocationFeed{FailOpenFor: time.Hour}, proxy.Addr())
	both := slices.Concat(closing, opening)
	token := s.create(t, s.token, "outage")
	jwt, stays := s.mint(t, token.Token), s.mint(t, s.token)
	both.accept(t, jwt)

	proxy.Set(testenv.Clients, testenv.Cut)
	cut := time.Now()
	testenv.Wait(t, soon, func() bool {
		_, err := closing[0].Verify(t.Context(), jwt)
		return errors.Is(err, verify.ErrFeedLost)
	})
	require.GreaterOrEqual(t, time.Since(cut), verify.FeedLostAfter)
	require.Equal(t, http.StatusOK, s.form(t, pathRevoke, "token", token.Token).status)
	length := 4 * time.Second
	if testenv.Full() {
		length = time.Minute
	}
	testenv.Wait(t, length+soon, func() bool {
		opening.accept(t, jwt)
		return time.Since(cut) > length
	})
	closing.refuse(t, jwt, verify.ErrFeedLost)
	closing.refuse(t, stays, verify.ErrUnavailable)

	proxy.Set(testenv.Clients, testenv.Pass)
	testenv.Wait(t, soon, func() bool {
		for _, v := range both {
			if _, err := v.Verify(t.Context(), jwt); !errors.Is(err, verify.ErrRevoked) {
				return false
			}
		}
		return true
	})
	both.accept(t, stays)
}
