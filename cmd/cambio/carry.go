package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/mattn/go-isatty"
	"github.com/schollz/progressbar/v3"
	"go.uber.org/zap"

	"github.com/cambio-sts/cambio/internal/cli"
	"github.com/cambio-sts/cambio/internal/config"
	"github.com/cambio-sts/cambio/storage/bolt"
	"github.com/cambio-sts/cambio/storage/redis"
	"github.com/cambio-sts/cambio/storage/transfer"
)

// carrier is a store as backup, restore and migrate use it.
type carrier interface {
	store
	transfer.Store
}

var (
	_ carrier = (*bolt.DB)(nil)
	_ carrier = (*redis.DB)(nil)
)

// openSource opens a store to read all of.
func openSource(ctx context.Context, settings *config.Store) (carrier, error) {
	opened, err := openStore(ctx, settings, opening{patient: true}, zap.NewNop(), live{})
	if err != nil {
		return nil, err
	}
	from, ok := opened.(carrier)
	if !ok {
		return nil, errors.Join(fmt.Errorf("%T cannot be read as a whole", opened), opened.Close())
	}
	if err := from.Ping(ctx); err != nil { // the clocks count: what ended when is told by them
		return nil, errors.Join(err, from.Close())
	}
	return from, nil
}

// openTarget opens a store to fill, or to go on with, and makes its file.
func openTarget(ctx context.Context, settings *config.Store) (carrier, error) {
	if settings.URL.Kind == config.KindBolt {
		return openFile(bolt.Config{Path: settings.URL.Path, Create: true, Importing: true, Now: time.Now})
	}
	target, err := redisConfig(settings)
	if err != nil {
		return nil, err
	}
	target.Importing, target.Patient = true, true
	db, err := redis.Open(ctx, target)
	if err != nil {
		return nil, describeRedis(err, &settings.URL)
	}
	if err := db.Ping(ctx); err != nil {
		return nil, errors.Join(err, db.Close()) //nolint:contextcheck // it has a time of its own
	}
	return db, nil
}

func openFile(from bolt.Config) (*bolt.DB, error) {
	db, err := bolt.Open(from)
	if file, ok := errors.AsType[*bolt.FileError](err); ok {
		return nil, &cli.Error{Code: "store_file", Cause: file.Path + ": " + file.Cause, Fix: file.Fix, Exit: cli.ExitRefused}
	}
	return db, err
}

// requireStopped refuses servers that a process serves: what it changes meanwhile
// would be lost. The file of an embedded store is locked by its server anyhow.
func requireStopped(ctx context.Context, s carrier, settings *config.Store) error {
	servers, ok := s.(*redis.DB)
	if !ok {
		return nil
	}
	served, err := servers.Served(ctx)
	if err == nil && served {
		err = &cli.Error{
			Code: "store_in_use", Cause: fmt.Sprintf("a cambio serves %s, or was killed less than five seconds ago", settings.URL),
			Fix: "stop every `cambio serve` on it and repeat", Exit: cli.ExitRefused,
		}
	}
	return err
}

// stopped is a source that nobody writes to, so that all of it can be told from any
// other state of it.
func stopped(ctx context.Context, from transfer.Readable, name string) (*transfer.Source, error) {
	sum, err := transfer.SumOf(ctx, from)
	if err != nil {
		return nil, err
	}
	return &transfer.Source{Readable: from, Name: name, Sum: &sum}, nil
}

// copyAll brings all of from into to and shows how far it is, where somebody looks.
func copyAll(ctx context.Context, from *transfer.Source, to carrier, target string, told io.Writer) error {
	total, err := from.Count(ctx)
	if err != nil {
		return err
	}
	bar := progressbar.DefaultSilent(int64(total))
	if file, ok := told.(*os.File); ok && isatty.IsTerminal(file.Fd()) {
		bar = progressbar.NewOptions(total, progressbar.OptionSetWriter(told), progressbar.OptionShowCount(), progressbar.OptionShowIts(),
			progressbar.OptionSetItsString("items"), progressbar.OptionSetPredictTime(true), progressbar.OptionThrottle(100*time.Millisecond),
			progressbar.OptionClearOnFinish(), progressbar.OptionSetWidth(30))
	}
	err = transfer.Copy(ctx, from, to, func(items int) { _ = bar.Add(items) })
	_ = bar.Finish()
	return describeCopy(err, target)
}

// describeCopy adds the fix to what ends a copy.
func describeCopy(err error, target string) error {
	refused := func(code, fix string) error {
		return &cli.Error{Code: code, Cause: target + ": " + err.Error(), Fix: fix, Exit: cli.ExitRefused}
	}
	other, isOther := errors.AsType[*transfer.OtherSourceError](err)
	_, isMismatch := errors.AsType[*transfer.MismatchError](err)
	switch {
	case errors.Is(err, transfer.ErrNotEmpty):
		return refused("target_not_empty", "name a store that holds nothing: a file that does not exist, or an empty Redis database")
	case isOther:
		return refused("target_half_filled", "go on from "+other.Source+", or empty the target")
	case errors.Is(err, transfer.ErrTaken):
		return refused("target_taken", "let that one end, and look at what it says")
	case isMismatch:
		return refused("target_differs", "something else wrote to one of the two: stop it, empty the target and repeat")
	}
	return err
}
