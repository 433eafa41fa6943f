package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"github.com/cambio-sts/cambio/internal/cli"
	"github.com/cambio-sts/cambio/internal/config"
	"github.com/cambio-sts/cambio/storage/transfer"
)

func newMigrate() *cobra.Command {
	var from, to string
	command := &cobra.Command{
		Use:   "migrate --from FILE --to FILE",
		Short: "Move everything from the store of one configuration to that of another",
		Long: "Move everything from the store of one configuration to the empty store of another, which has the same master key: from a file to\n" +
			"Redis, from Redis to a file, or between two Redis. Both must be stopped. What was moved is compared by count and digest.\n" +
			"A migration that was interrupted goes on where it was when it is repeated.",
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			return migrate(command.Context(), from, to, command.ErrOrStderr(), command.OutOrStdout())
		},
	}
	command.Flags().StringVar(&from, "from", "", "configuration file of the store to read")
	command.Flags().StringVar(&to, "to", "", "configuration file of the store to fill")
	_, _ = command.MarkFlagRequired("from"), command.MarkFlagRequired("to") // fails without the flags only
	return command
}

func migrate(ctx context.Context, fromFile, toFile string, told, out io.Writer) error {
	source, err := loadFile(fromFile)
	if err != nil {
		return err
	}
	target, err := loadFile(toFile)
	if err != nil {
		return err
	}
	if source.Store.URL.String() == target.Store.URL.String() {
		return &cli.Error{Code: "usage", Cause: "both configurations name the store " + source.Store.URL.String(), Fix: "name two stores", Exit: cli.ExitUsage}
	}
	from, err := openSource(ctx, &source.Store)
	if err != nil {
		return err
	}
	defer func() { _ = from.Close() }()
	if err := requireStopped(ctx, from, &source.Store); err != nil {
		return err
	}
	if _, err := openFilled(ctx, from, target); err != nil {
		return err
	}
	to, err := openTarget(ctx, &target.Store)
	if err != nil {
		return err
	}
	sum, err := fillFrom(ctx, from, source, to, target, told)
	if err := errors.Join(err, to.Close()); err != nil {
		return err
	}
	_, _ = fmt.Fprintf(out, "moved to %s: %v\nstart no server on %s any more: it knows nothing of what happens from now on\n",
		target.Store.URL, sum, source.Store.URL)
	return nil
}

// loadFile reads a configuration from its file alone: what the environment says
// would count for both.
func loadFile(file string) (*config.Config, error) {
	settings, _, err := config.Load(config.Sources{File: file})
	if err != nil {
		return nil, describeConfig(err, file)
	}
	return settings, nil
}

func fillFrom(ctx context.Context, from carrier, source *config.Config, to carrier, target *config.Config, told io.Writer) (transfer.Sum, error) {
	whole, err := stopped(ctx, from, source.Store.URL.String())
	if err == nil {
		err = requireStopped(ctx, to, &target.Store)
	}
	if err == nil {
		err = copyAll(ctx, whole, to, target.Store.URL.String(), told)
	}
	// whoever was started meanwhile has not seen the other store
	for _, end := range []struct {
		store    carrier
		settings *config.Store
	}{{from, &source.Store}, {to, &target.Store}} {
		if err == nil {
			err = requireStopped(ctx, end.store, end.settings)
		}
	}
	if err != nil {
		return transfer.Sum{}, err
	}
	return *whole.Sum, to.Finish(ctx)
}

// openFilled is the domain over a store by another configuration, whose master key
// has to be the one of what is in it.
func openFilled(ctx context.Context, to carrier, settings *config.Config) (*node, error) {
	master, err := openMasterFile(settings.MasterKey.File, zap.NewNop())
	if err != nil {
		return nil, err
	}
	n := &node{config: settings, logger: zap.NewNop(), store: to, masterFile: master}
	if err := n.wireDomain(); err != nil {
		return nil, err
	}
	return n, n.open(ctx)
}
