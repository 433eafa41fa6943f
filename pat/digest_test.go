package pat_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/pat"
)

func pepper(version int) pat.Pepper {
	return pat.Pepper{Version: version, Key: bytes.Repeat([]byte{byte(version)}, 32)}
}

func TestDigestIsAsSpecified(t *testing.T) {
	peppers, err := pat.NewPeppers(pepper(2), pepper(1))
	require.NoError(t, err)
	token := newFormat(t).New(pat.NewID(ownerID))

	mac := hmac.New(sha256.New, pepper(2).Key)
	parts := [][]byte{binary.BigEndian.AppendUint64(nil, 2), []byte(token.ID()), []byte(token.Secret().Reveal()[:43])}
	for _, part := range parts {
		mac.Write(binary.BigEndian.AppendUint32(nil, uint32(len(part))))
		mac.Write(part)
	}
	newest := peppers.Newest(token)
	require.Equal(t, 2, newest.Pepper)
	require.Equal(t, mac.Sum(nil), newest.Sum[:])

	candidates := peppers.Candidates(token)
	require.Len(t, candidates, 2)
	require.Equal(t, newest, candidates[0])
	require.Equal(t, 1, candidates[1].Pepper)
	require.NotEqual(t, candidates[0].Sum, candidates[1].Sum)
	require.True(t, pat.Digest{}.IsZero())
	require.False(t, newest.IsZero())
}

func TestDigestDependsOnEverything(t *testing.T) {
	peppers, err := pat.NewPeppers(pepper(1))
	require.NoError(t, err)
	format := newFormat(t)
	one := format.New(pat.NewID(ownerID))
	require.NotEqual(t, peppers.Newest(one), peppers.Newest(format.New(one.ID())), "another secret")
	require.NotEqual(t, peppers.Newest(one), peppers.Newest(format.New(pat.NewID(ownerID))), "another id")
}

func TestNewPeppersRefuses(t *testing.T) {
	for name, live := range map[string][]pat.Pepper{
		"none":      {},
		"version 0": {{Version: 0, Key: pepper(1).Key}},
		"twice":     {pepper(1), pepper(1)},
		"short key": {{Version: 1, Key: make([]byte, 31)}},
	} {
		_, err := pat.NewPeppers(live...)
		require.Error(t, err, name)
	}
}

func TestReplaceOfPeppers(t *testing.T) {
	peppers, err := pat.NewPeppers(pepper(1))
	require.NoError(t, err)
	token := newFormat(t).New(pat.NewID(ownerID))
	before := peppers.Newest(token)
	require.Error(t, peppers.Replace())
	require.Error(t, peppers.Replace(pepper(2), pepper(2)))
	require.Equal(t, before, peppers.Newest(token))
	live := []pat.Pepper{pepper(2), pepper(1)}
	require.NoError(t, peppers.Replace(live...))
	live[0] = pepper(3)
	require.Equal(t, 2, peppers.Newest(token).Pepper)
	require.Equal(t, before, peppers.Candidates(token)[1])
}

func TestPeppersAt(t *testing.T) {
	now := time.Now()
	current, previous := pat.Digest{Pepper: 2}, pat.Digest{Pepper: 1}
	for name, tc := range map[string]struct {
		record pat.Record
		want   []int
	}{
		"active":                {pat.Record{State: pat.StateActive, Verifier: pat.Verifier{Current: current}}, []int{2}},
		"expired":               {pat.Record{State: pat.StateActive, Expiration: now.Add(-time.Hour), Verifier: pat.Verifier{Current: current}}, []int{2}},
		"may be reactivated":    {pat.Record{State: pat.StateRevoked, Reversible: true, Verifier: pat.Verifier{Current: current}}, []int{2}},
		"revoked for good":      {pat.Record{State: pat.StateRevoked, Verifier: pat.Verifier{Current: current}}, nil},
		"auto-revoked":          {pat.Record{State: pat.StateAutoRevoked, Verifier: pat.Verifier{Current: current}}, nil},
		"grace":                 {pat.Record{State: pat.StateActive, Verifier: pat.Verifier{Current: current, Previous: previous, PreviousUntil: now.Add(time.Second)}}, []int{2, 1}},
		"grace of the same":     {pat.Record{State: pat.StateActive, Verifier: pat.Verifier{Current: current, Previous: current, PreviousUntil: now.Add(time.Second)}}, []int{2}},
		"grace is over":         {pat.Record{State: pat.StateActive, Verifier: pat.Verifier{Current: current, Previous: previous, PreviousUntil: now}}, []int{2}},
		"no secret before this": {pat.Record{State: pat.StateActive, Verifier: pat.Verifier{Current: current, PreviousUntil: now.Add(time.Second)}}, []int{2}},
	} {
		require.Equal(t, tc.want, tc.record.PeppersAt(now), name)
	}
}
