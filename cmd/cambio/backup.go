package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/cambio-sts/cambio/internal/cli"
	"github.com/cambio-sts/cambio/internal/config"
	"github.com/cambio-sts/cambio/internal/instant"
	"github.com/cambio-sts/cambio/storage/bolt"
	"github.com/cambio-sts/cambio/storage/transfer"
)

func newBackup() *cobra.Command {
	var file string
	command := &cobra.Command{
		Use:   "backup FILE",
		Short: "Copy everything in the store to a new file, while it is served",
		Long: "Copy everything in the store to a new file (mode 0600), while it is served: a running server hands out a copy of its embedded\n" +
			"store on its admin listener. The file holds digests and sealed keys and no secret; keep the master key apart from it.",
		Args: cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			settings, err := loadConfig(file, command.Flags())
			if err != nil {
				return err
			}
			return backup(command.Context(), settings, args[0], command.ErrOrStderr(), command.OutOrStdout())
		},
	}
	addConfigFlags(command.Flags(), &file)
	return command
}

// backup makes the file beside its place and moves it there when it is whole and
// has been read through.
func backup(ctx context.Context, settings *config.Config, file string, told, out io.Writer) error {
	if exists(file) {
		return &cli.Error{Code: "file_exists", Cause: file + " exists, and a backup replaces nothing", Fix: "name a new file", Exit: cli.ExitRefused}
	}
	part := file + ".part"
	if err := os.Remove(part); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	defer func() { _ = os.Remove(part) }()
	began := time.Now()
	if err := fillBackup(ctx, settings, part, told); err != nil {
		return err
	}
	sum, err := stamp(ctx, part, began)
	if err != nil {
		return err
	}
	if err := os.Link(part, file); err != nil {
		return err
	}
	if err := syncFolderOf(file); err != nil {
		return err
	}
	_, _ = fmt.Fprintf(out, "wrote %s: %v, as of %s\n", file, sum, instant.Format(began))
	return nil
}

func fillBackup(ctx context.Context, settings *config.Config, part string, told io.Writer) error {
	if settings.Store.URL.Kind == config.KindBolt {
		return copyFile(ctx, settings, part)
	}
	from, err := openSource(ctx, &settings.Store)
	if err != nil {
		return err
	}
	defer func() { _ = from.Close() }()
	to, err := openFile(bolt.Config{Path: part, Create: true, Importing: true, Now: time.Now})
	if err != nil {
		return err
	}
	err = copyAll(ctx, &transfer.Source{Readable: from, Name: settings.Store.URL.String()}, to, part, told)
	if err == nil {
		err = to.Finish(ctx)
	}
	return errors.Join(err, to.Close())
}

// copyFile copies the file of an embedded store: from its server if one has it.
func copyFile(ctx context.Context, settings *config.Config, part string) error {
	into, err := os.OpenFile(part, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600) //nolint:gosec // the operator names it
	if err != nil {
		return err
	}
	from, err := bolt.Open(bolt.Config{Path: settings.Store.URL.Path, LockTimeout: time.Millisecond, Now: time.Now})
	locked, isFile := errors.AsType[*bolt.FileError](err)
	switch {
	case err == nil:
		err = errors.Join(from.Backup(ctx, into), from.Close())
	case errors.Is(err, bolt.ErrLocked):
		err = fetchBackup(ctx, settings, into)
	case isFile:
		err = &cli.Error{Code: "store_file", Cause: locked.Path + ": " + locked.Cause, Fix: locked.Fix, Exit: cli.ExitRefused}
	}
	if err == nil {
		err = into.Sync()
	}
	return errors.Join(err, into.Close())
}

// stamp notes in a copy when it was begun, and reads all of it.
func stamp(ctx context.Context, part string, began time.Time) (transfer.Sum, error) {
	copied, err := openFile(bolt.Config{Path: part, Now: time.Now})
	if err != nil {
		return transfer.Sum{}, err
	}
	sum, err := transfer.SumOf(ctx, copied)
	if err == nil {
		err = copied.SetTaken(ctx, began)
	}
	return sum, errors.Join(err, copied.Close())
}

// syncFolderOf makes the entry of a new file last.
func syncFolderOf(file string) error {
	folder, err := os.Open(filepath.Dir(file))
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}
