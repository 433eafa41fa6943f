package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"github.com/cambio-sts/cambio/internal/cli"
	"github.com/cambio-sts/cambio/internal/config"
	"github.com/cambio-sts/cambio/keys"
)

func newInit() *cobra.Command {
	var file, issuer string
	command := &cobra.Command{
		Use:   "init",
		Short: "Write a commented configuration and a master key, and prepare the store",
		Long: "Write what is missing of a configuration and a master key (mode 0600), and prepare the store they name: its canary, its first\n" +
			"signing keys and the organization \"default\". Nothing that exists is changed, so it may be repeated.",
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error { return initialise(command, file, issuer) },
	}
	command.Flags().StringVar(&file, "config", configFile, "configuration file to write, or to use if it exists")
	command.Flags().StringVar(&issuer, "issuer", "", "issuer to write into a new configuration, such as https://sts.example.com")
	return command
}

func initialise(command *cobra.Command, file, issuer string) error {
	out := command.OutOrStdout()
	made, err := writeOnce(file, exampleFor(issuer))
	if err != nil {
		return err
	}
	if made {
		_, _ = fmt.Fprintf(out, "wrote %s\n", file)
	} else if issuer != "" {
		return &cli.Error{
			Code: "config_exists", Cause: file + " exists, and its issuer is not changed by --issuer", Fix: "edit issuer in the file, or leave out --issuer", Exit: cli.ExitUsage,
		}
	}
	master, err := masterFile(file)
	if err != nil {
		return err
	}
	if made, err = writeOnce(master, keys.GenerateMaster().Reveal()); err != nil {
		return err
	}
	settings, sealed, err := prepareStore(command.Context(), file)
	if err != nil {
		if made && !sealed { // it opens nothing: the store has another, or was not reached
			err = errors.Join(err, os.Remove(master))
		}
		return err
	}
	if made {
		_, _ = fmt.Fprintf(out, "wrote %s: keep a copy of it apart from the store; without it no token and no key can be read\n", master)
	}
	_, _ = fmt.Fprintf(out, "prepared %s\nnext: cambio bootstrap --config %s, then cambio serve --config %s\n", settings.Store.URL, file, file)
	return nil
}

// prepareStore prepares the store of a configuration. sealed says that there may
// be something in it under the master key now, also where an error came after.
func prepareStore(ctx context.Context, file string) (settings *config.Config, sealed bool, err error) {
	if settings, err = loadConfig(file, nil); err != nil {
		return nil, false, err
	}
	n, err := openDomain(ctx, settings, true, zap.NewNop())
	if err != nil {
		return nil, false, err
	}
	_, err = n.prepare(ctx)
	refused, ok := errors.AsType[*cli.Error](err)
	return settings, !ok || refused.Code != codeWrongMasterKey, errors.Join(err, n.store.Close())
}

func exampleFor(issuer string) string {
	if issuer == "" {
		return config.Example()
	}
	return strings.Replace(config.Example(), "issuer: https://sts.example.com", "issuer: "+issuer, 1)
}

// masterFile is where a configuration that cannot be loaded yet, because its
// master key is missing, wants the key.
func masterFile(file string) (string, error) {
	path, err := config.MasterKeyFile(config.Sources{File: file, Env: os.Environ()})
	if err != nil {
		return "", describeConfig(err, file)
	}
	return path, nil
}

// writeOnce makes a file with mode 0600, complete or not at all. It reports
// false if there is one already, whoever made it.
func writeOnce(path, content string) (made bool, err error) {
	if _, err := os.Lstat(path); err == nil {
		return false, nil
	}
	temporary, err := os.CreateTemp(filepath.Dir(path), ".cambio-*")
	if err != nil {
		return false, fmt.Errorf("write %s: %w", path, err)
	}
	defer func() { _ = os.Remove(temporary.Name()) }() // the link is what stays
	_, err = temporary.WriteString(content)
	if err := errors.Join(err, temporary.Sync(), temporary.Close()); err != nil {
		return false, fmt.Errorf("write %s: %w", path, err)
	}
	if err := os.Link(temporary.Name(), path); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return false, nil
		}
		return false, fmt.Errorf("write %s: %w", path, err)
	}
	return true, nil
}
