package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/id"
	"github.com/cambio-sts/cambio/pat"
	boltstore "github.com/cambio-sts/cambio/storage/bolt"
	redisstore "github.com/cambio-sts/cambio/storage/redis"
	"github.com/cambio-sts/cambio/storage/transfer"
)

const (
	tokensOfOwner = 10
	managedOf     = 50   // one token of so many is managed, which the lists hide
	fillLen       = 2200 // items that are stored at once
)

// errTooLong says that a store could not be filled in the time it was given.
var errTooLong = errors.New("it takes too long to fill")

// filled is a store of the product that nobody serves, to be filled.
type filled interface {
	transfer.Store
	Catalog() directory.Catalogs
	Close() error
}

// fill puts n tokens into the organization of a world that is not served, as an import
// does, and returns how long that took. errTooLong if that is longer than most.
func fill(ctx context.Context, w *world, redisAddress string, n int, most time.Duration) (took time.Duration, err error) {
	var target filled
	if redisAddress != "" {
		target, err = redisstore.Open(ctx, redisstore.Config{
			Topology: redisstore.Standalone, Addrs: []string{redisAddress}, Durability: redisstore.BestEffort, Importing: true, Now: time.Now,
		})
	} else {
		target, err = boltstore.Open(boltstore.Config{Path: filepath.Join(w.dir, "data", "cambio.db"), Importing: true, Now: time.Now})
	}
	if err != nil {
		return 0, fmt.Errorf("open the store to fill it: %w", err)
	}
	defer func() { err = errors.Join(err, target.Close()) }()
	catalog, err := target.Catalog().Load(ctx)
	if err != nil {
		return 0, fmt.Errorf("find the organization: %w", err)
	}
	if len(catalog.Organizations) != 1 {
		return 0, fmt.Errorf("there are %d organizations, not one", len(catalog.Organizations))
	}
	began, mark := time.Now(), transfer.Mark{Run: id.New()}
	if err := target.Begin(ctx, mark); err != nil {
		return 0, err
	}
	items := make([]transfer.Item, 0, fillLen+tokensOfOwner+1)
	for i := 0; i < n; i += tokensOfOwner {
		items = append(items, ownerWithTokens(catalog.Organizations[0].ID, began, i, min(tokensOfOwner, n-i))...)
		if len(items) < fillLen && i+tokensOfOwner < n {
			continue
		}
		if err := target.Import(ctx, items, mark); err != nil {
			return 0, err
		}
		if items = items[:0]; time.Since(began) > most {
			return 0, fmt.Errorf("%w: %d of %d tokens in %v", errTooLong, i, n, most)
		}
	}
	return time.Since(began), target.Finish(ctx)
}

// ownerWithTokens is an identity and the tokens that it has, from the given one on.
func ownerWithTokens(organization directory.ID, now time.Time, first, n int) []transfer.Item {
	now = pat.Milliseconds(now)
	owner := directory.Identity{
		ID: directory.ID(id.New()), Organization: organization, Type: directory.User, Username: "user-" + id.New(), Enabled: first%30 > 0,
		DisplayName: fmt.Sprintf("User %d", first*7919%1_000_003), Issuer: "https://idp.example.com", Subject: id.New(), Created: now, LastLogin: now, Revision: 1,
	}
	owner.Email = owner.Username + "@example.com"
	items := []transfer.Item{{Identity: &owner}}
	for i := first; i < first+n; i++ {
		created := now.Add(-time.Duration(i*31%1_000_003) * time.Minute / 10)
		record := pat.Record{
			ID: pat.NewID(owner.ID), Organization: organization, Owner: owner.ID, Name: fmt.Sprintf("deploy %d", i*7919%1_000_003),
			Description: fmt.Sprintf("deploys shop %d", i%1000), Scope: []string{pat.ScopeAll}, Level: pat.Personal, Created: created, CreatedBy: owner.ID,
			Expiration: now.Add(time.Duration(i%90-9) * 24 * time.Hour), LastUsed: created.Add(time.Duration(i%600) * time.Minute / 100),
			Managed: i%managedOf == 0, State: pat.StateActive, Generation: 1, Revision: 1,
			Verifier: pat.Verifier{Current: pat.Digest{Pepper: 1, Sum: [32]byte{byte(i), byte(i >> 8), byte(i >> 16), 1}}},
		}
		items = append(items, transfer.Item{Token: &record})
	}
	return items
}
