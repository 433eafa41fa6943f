package pat_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"testing"

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
