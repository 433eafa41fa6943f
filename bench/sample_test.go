package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/id"
	"github.com/cambio-sts/cambio/keys"
)

func TestASampleLiesAllOverTheTokensAndMayBeUsed(t *testing.T) {
	w, organization, everyone := &world{dir: t.TempDir()}, directory.ID(id.New()), directory.ID(id.New())
	require.NoError(t, os.Mkdir(filepath.Join(w.dir, "data"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(w.dir, "data", "master.key"), []byte(keys.GenerateMaster().Reveal()), 0o600))
	catalog := directory.Catalog{Organizations: []directory.Organization{{ID: organization}}, Groups: []directory.Group{{ID: everyone, Name: directory.Everyone}}}

	const n = 2 * sampled * tokensOfOwner
	s, err := newSample(n)
	require.NoError(t, err)
	items, err := s.begin(w, &catalog)
	require.NoError(t, err)
	require.Len(t, items, 1)
	require.Equal(t, everyone, items[0].Assignment.Holder)
	_, err = s.begin(w, &directory.Catalog{})
	require.ErrorContains(t, err, "Everyone")

	now := time.Now()
	for i := 0; i < n/100; i += tokensOfOwner {
		owned := ownerWithTokens(organization, now, i, tokensOfOwner)
		before := len(s.tokens)
		s.pick(owned, now)
		for _, token := range s.tokens[before:] {
			require.True(t, owned[0].Identity.Enabled)
			parsed, err := s.format.Parse(token)
			require.NoError(t, err)
			found := 0
			for _, item := range owned[1:] {
				if item.Token.ID == parsed.ID() {
					found++
					require.Equal(t, s.peppers.Newest(parsed), item.Token.Verifier.Current)
					require.True(t, item.Token.Expiration.After(now))
				}
			}
			require.Equal(t, 1, found)
		}
	}
	require.InDelta(t, sampled/100, len(s.tokens), sampled/200)

	var none *sample
	items, err = none.begin(w, &catalog)
	require.NoError(t, err)
	require.Empty(t, items)
	none.pick(nil, now)
}
