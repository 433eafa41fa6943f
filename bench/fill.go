package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/id"
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

// unserved is a store of the product that nobody serves, to be filled.
type unserved interface {
	transfer.Store
	Catalog() directory.Catalogs
	Close() error
}

// filling is how a store was filled.
type filling struct {
	took  time.Duration
	bytes float64 // that a token takes
}

// openFilled starts the product once, which makes the organization and its users, fills
// the store while nobody serves it, and starts the product again. Of the tokens some may
// be used, if there is a sample to put them into.
func (b *bench) openFilled(ctx context.Context, store store, n int, into *sample) (w *world, filled filling, err error) {
	w, err = b.openStore(ctx, store)
	defer func() {
		if err != nil {
			err = errors.Join(err, w.close())
		}
	}()
	if err != nil {
		return w, filled, err
	}
	if _, err = b.serveCambio(ctx, w); err != nil {
		return w, filled, err
	}
	w.cambio.stop()
	empty, err := w.storeBytes(ctx)
	if err != nil {
		return w, filled, err
	}
	if filled.took, err = fill(ctx, w, n, b.most, into); err != nil {
		return w, filled, err
	}
	full, err := w.storeBytes(ctx)
	if err != nil {
		return w, filled, err
	}
	filled.bytes = (full - empty) / float64(n)
	_, err = b.serveCambio(ctx, w)
	return w, filled, err
}

func (w *world) openToFill(ctx context.Context) (store unserved, err error) {
	if w.address != "" {
		return redisstore.Open(ctx, redisstore.Config{
			Topology: redisstore.Standalone, Addrs: []string{w.address}, Durability: redisstore.BestEffort, Importing: true, Now: time.Now,
		})
	}
	return boltstore.Open(boltstore.Config{Path: w.boltFile(), Importing: true, Now: time.Now})
}

func (w *world) boltFile() string { return filepath.Join(w.dir, "data", "cambio.db") }

// storeBytes is the memory that Redis uses, or the size of the file.
func (w *world) storeBytes(ctx context.Context) (float64, error) {
	if w.address == "" {
		info, err := os.Stat(w.boltFile())
		if err != nil {
			return 0, err
		}
		return float64(info.Size()), nil
	}
	client := goredis.NewClient(&goredis.Options{Addr: w.address})
	defer func() { _ = client.Close() }()
	text, err := client.Info(ctx, "memory").Result()
	if err != nil {
		return 0, err
	}
	_, used, _ := strings.Cut(text, "used_memory:")
	used, _, _ = strings.Cut(used, "\r\n")
	return strconv.ParseFloat(used, 64)
}

// fill puts n tokens into the organization of a world that is not served, as an import
// does, and returns how long that took. errTooLong if that is longer than most.
func fill(ctx context.Context, w *world, n int, most time.Duration, into *sample) (took time.Duration, err error) {
	target, err := w.openToFill(ctx)
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
	first, err := into.begin(w, &catalog)
	if err != nil {
		return 0, err
	}
	began, mark := time.Now(), transfer.Mark{Run: id.New()}
	if err := target.Begin(ctx, mark); err != nil {
		return 0, err
	}
	items := append(make([]transfer.Item, 0, fillLen+tokensOfOwner+2), first...)
	for i := 0; i < n; i += tokensOfOwner {
		owned := ownerWithTokens(catalog.Organizations[0].ID, began, i, min(tokensOfOwner, n-i))
		into.pick(owned, began)
		items = append(items, owned...)
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
