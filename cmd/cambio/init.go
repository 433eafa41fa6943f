package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"github.com/cambio-sts/cambio/console"
	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/exchange"
	"github.com/cambio-sts/cambio/internal/cli"
	"github.com/cambio-sts/cambio/internal/config"
	"github.com/cambio-sts/cambio/keys"
	"github.com/cambio-sts/cambio/manage"
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
	if err := writeConfig(out, file, issuer); err != nil {
		return err
	}
	draft, err := config.Unchecked(config.Sources{File: file, Env: os.Environ()}) // it cannot be loaded before the master key is there
	if err != nil {
		return describeConfig(err, file)
	}
	master := draft.MasterKey.File
	made, err := writeOnce(master, keys.GenerateMaster().Reveal())
	if err != nil {
		return err
	}
	settings, access, sealed, err := prepareStore(command.Context(), file, issuer != "")
	if err != nil {
		if made && !sealed { // it opens nothing: the store has another, or was not reached
			err = errors.Join(err, os.Remove(master))
		}
		return err
	}
	if made {
		_, _ = fmt.Fprintf(out, "wrote %s: keep a copy of it apart from the store; without it no token and no key can be read\n", master)
	}
	_, _ = fmt.Fprintf(out, "prepared %s\n%s", settings.Store.URL, nextSteps(settings, file, issuer, access))
	return nil
}

// writeConfig writes the configuration if there is none. An issuer is checked
// before, so that a wrong one leaves nothing to clean up, and may be given again,
// so that the command may be repeated.
func writeConfig(out io.Writer, file, issuer string) error {
	if issuer != "" {
		if wrong := config.Check("issuer", issuer); wrong != nil {
			return &cli.Error{Code: "usage", Cause: "--issuer " + wrong.Cause, Fix: wrong.Fix, Exit: cli.ExitUsage}
		}
	}
	made, err := writeOnce(file, exampleFor(issuer))
	if err != nil {
		return err
	}
	if made {
		_, _ = fmt.Fprintf(out, "wrote %s\n", file)
		return nil
	}
	if issuer == "" {
		return nil
	}
	existing, err := config.Unchecked(config.Sources{File: file})
	if err != nil {
		return describeConfig(err, file)
	}
	if existing.Issuer != issuer {
		return &cli.Error{
			Code: "config_exists", Cause: fmt.Sprintf("%s exists, and its issuer %q is not changed by --issuer", file, existing.Issuer),
			Fix: "edit issuer in the file, or leave out --issuer", Exit: cli.ExitUsage,
		}
	}
	return nil
}

// access is how the first administrator comes in.
type access struct {
	needed bool   // there is none yet
	link   string // sets the console up; empty where nobody knows its address yet
}

// nextSteps is what there is to do before tokens are exchanged.
func nextSteps(settings *config.Config, file, issuer string, first access) string {
	steps := "next:\n"
	if issuer == "" && settings.Issuer == placeholderIssuer {
		steps += fmt.Sprintf("  edit issuer in %s: %s is a placeholder\n", file, placeholderIssuer)
	}
	if settings.Token.DefaultAudience == "" {
		steps += fmt.Sprintf("  set services and token.defaultAudience in %s; without them clients have to say --audience %s%s\n", file, settings.Issuer, exchange.ManagementPath)
	}
	serve := fmt.Sprintf("  cambio serve --config %s\n", file)
	bootstrap := fmt.Sprintf("cambio bootstrap --config %s\n", file)
	switch {
	case !first.needed:
		return steps + serve
	case first.link == "":
		return steps + "  " + bootstrap + "    or, for a link to the console in its place, set issuer and run cambio init again\n" + serve
	default:
		return steps + serve + fmt.Sprintf("  open %s\n    it works once, within 24 hours, and makes the first administrator\n", first.link) +
			"  or, without a browser, before serve: " + bootstrap
	}
}

// prepareStore prepares the store of a configuration. sealed says that there may be
// something in it under the master key now, also where an error came after. given
// says that the operator named the issuer.
func prepareStore(ctx context.Context, file string, given bool) (settings *config.Config, first access, sealed bool, err error) {
	if settings, err = loadConfig(file, nil); err != nil {
		return nil, access{}, false, err
	}
	n, err := openDomain(ctx, settings, opening{create: true, patient: true}, zap.NewNop())
	if err != nil {
		return nil, access{}, false, err
	}
	_, err = n.prepare(ctx)
	refused, ok := errors.AsType[*cli.Error](err)
	sealed = !ok || refused.Code != codeWrongMasterKey
	if err == nil {
		first, err = n.firstAccess(ctx, given || settings.Issuer != placeholderIssuer)
	}
	return settings, first, sealed, errors.Join(err, n.store.Close())
}

// firstAccess makes a link by which the console is set up, if there is no administrator
// and its address is known.
func (n *node) firstAccess(ctx context.Context, addressed bool) (first access, err error) {
	if first.needed, err = manage.SetupNeeded(ctx, n.directory, directory.DefaultOrganizationName); err != nil || !first.needed || !addressed {
		return first, err
	}
	first.link, err = n.link(ctx, console.LinkSetup, directory.DefaultOrganizationName, setupLinkLife)
	return first, err
}

// placeholderIssuer is the issuer of config.Example.
const placeholderIssuer = "https://sts.example.com"

func exampleFor(issuer string) string {
	if issuer == "" {
		return config.Example()
	}
	return strings.Replace(config.Example(), "issuer: "+placeholderIssuer, "issuer: "+issuer, 1)
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
