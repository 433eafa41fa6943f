package main

import (
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const token = "cambio_pat_0123456789abcdef0123456789abcdef_0123456789abcdefghijABCDEFGHIJ0123456789abc012345"

// floorUnderLoad starts the floor with a map, and two connections to it.
func floorUnderLoad(t *testing.T) *contender {
	t.Helper()
	b := &bench{options: &options{procs: 1, cambio: "none"}, dir: t.TempDir(), cambio: "none", floor: "", progress: io.Discard}
	b.floor = b.dir + "/floor"
	require.NoError(t, b.build(t.Context()))
	s, _, err := b.serve(t.Context(), b.dir, b.floor, []string{"--token", token})
	if s != nil {
		t.Cleanup(s.stop)
	}
	require.NoError(t, err)
	s.exchangeOf(token)
	c, err := newContender(t.Context(), s, nil, 2)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.close()) })
	return c
}

func TestTheFloorAnswersTokensForASecond(t *testing.T) {
	c := floorUnderLoad(t)
	result, err := c.measure(t.Context(), &bench{options: &options{length: time.Second}})
	require.NoError(t, err)
	require.Positive(t, result.Requests)
	require.Positive(t, result.PerSecond)
	require.LessOrEqual(t, result.P50, result.P99)
	require.LessOrEqual(t, result.P99, result.Max)
	require.Positive(t, result.Allocations)
	require.Positive(t, result.RSS)
	require.GreaterOrEqual(t, result.Peak, result.RSS)

	require.Equal(t, shape{
		answer: []string{"access_token", "client_id", "expires_in", "issued_token_type", "issuer", "scope", "token_type"},
		header: []string{"alg", "kid", "typ"},
		claims: strings.Fields("aud azp client_id exp iat iss jti org pat_gen pat_id pat_level scope sub"),
	}, c.shape)

	for name, body := range map[string]string{
		"a token that was there before": string(c.conns[0].last),
		"a signature of another":        strings.Replace(string(c.conns[0].last), "eyJ", "eyK", 1),
		"no token":                      `{"token_type":"Bearer"}`,
		"no JSON":                       "OK",
	} {
		_, err := c.verifier.check([]byte(body))
		require.Error(t, err, name)
	}
}

func TestTheFloorRefusesAWrongSecret(t *testing.T) {
	c := floorUnderLoad(t)
	for name, wrong := range map[string]string{
		"another secret": token[:len(token)-1] + "6", "another id": strings.Replace(token, "0", "1", 1), "none": "", "malformed": "x",
	} {
		c.conns[0].requests = [][]byte{exchangeRequest(c.server, wrong)}
		err := c.conns[0].turn(time.Now())
		require.ErrorContains(t, err, "answer 400", name)
	}
}
