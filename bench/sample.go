package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/id"
	"github.com/cambio-sts/cambio/keys"
	"github.com/cambio-sts/cambio/pat"
	"github.com/cambio-sts/cambio/storage/transfer"
)

// sampled is how many of a store's tokens are used at most: more than the processors'
// caches have room for.
const sampled = 20_000

// sample is tokens that lie all over a store and may be used. A nil *sample is none.
type sample struct {
	every   int // of so many owners one has a token in it
	format  pat.Format
	peppers *pat.Peppers
	tokens  []string
	owners  int // until now
}

func newSample(n int) (*sample, error) {
	format, err := pat.NewFormat("cambio_pat")
	return &sample{every: max(1, n/tokensOfOwner/sampled), format: format}, err
}

// begin reads the master key of a world, under which digests are made, and returns what
// gives everyone the right to use tokens.
func (s *sample) begin(w *world, catalog *directory.Catalog) ([]transfer.Item, error) {
	if s == nil {
		return nil, nil
	}
	text, err := os.ReadFile(filepath.Join(w.dir, "data", "master.key"))
	if err != nil {
		return nil, fmt.Errorf("read the master key: %w", err)
	}
	master, err := keys.ParseMaster(text)
	if err != nil {
		return nil, err
	}
	newest := master.Peppers()[0]
	if s.peppers, err = pat.NewPeppers(pat.Pepper{Version: newest.Version, Key: []byte(newest.Key.Reveal())}); err != nil {
		return nil, err
	}
	everyone := slices.IndexFunc(catalog.Groups, func(g directory.Group) bool { return g.Name == directory.Everyone })
	if everyone < 0 {
		return nil, errors.New("the organization has no group " + directory.Everyone)
	}
	return []transfer.Item{{Assignment: &directory.Assignment{
		ID: directory.ID(id.New()), Role: directory.AccessAsNonInteractiveUser, Scope: directory.OnOrganization,
		ScopeID: catalog.Organizations[0].ID, Holder: catalog.Groups[everyone].ID,
	}}}, nil
}

// pick makes one token of an owner usable, now and then. It was used before, so that a
// use writes nothing.
func (s *sample) pick(owned []transfer.Item, now time.Time) {
	if s == nil {
		return
	}
	if s.owners++; s.owners%s.every != 0 || !owned[0].Identity.Enabled {
		return
	}
	for _, item := range owned[1:] {
		if item.Token.Expiration.Before(now.Add(24 * time.Hour)) {
			continue
		}
		token := s.format.New(item.Token.ID)
		item.Token.Verifier.Current, item.Token.LastUsed = s.peppers.Newest(token), pat.Milliseconds(now)
		s.tokens = append(s.tokens, token.Reveal().Reveal())
		return
	}
}
