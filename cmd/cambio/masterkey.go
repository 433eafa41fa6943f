package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/cambio-sts/cambio/internal/cli"
	"github.com/cambio-sts/cambio/internal/config"
	"github.com/cambio-sts/cambio/internal/instant"
	"github.com/cambio-sts/cambio/internal/secret"
	"github.com/cambio-sts/cambio/keys"
)

func newMasterKey() *cobra.Command {
	command := &cobra.Command{
		Use:   "master-key",
		Short: "Change the master key while servers run",
		Long: "Change the master key, and with it the pepper of the digests of tokens, while servers run. A new version is added, then activated\n" +
			"when every server has it, and the old one retired when nothing needs it any more. Each step writes the file of the master key\n" +
			"anew, and keeps the one before beside it.",
	}
	cli.RequireSubcommand(command)
	var tokens, asJSON bool
	list := newMasterKeyStep("list", "Tell the versions, what is under each, and which servers have them", cobra.NoArgs,
		func(s *step) error { return s.list(tokens, asJSON) })
	list.Flags().BoolVar(&tokens, "tokens", false, "name each token whose digest is under another version than the one that seals, too")
	list.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	command.AddCommand(
		newMasterKeyStep("add", "Write a new version into the file: it opens and does not seal yet", cobra.NoArgs, (*step).add),
		newMasterKeyStep("activate", "Have the newest version seal, once every server has it", cobra.NoArgs, (*step).activate),
		list,
		newMasterKeyStep("retire VERSION", "Take an old version out of the file, once nothing needs it", cobra.ExactArgs(1), (*step).retire),
	)
	return command
}

// step is one step of a change of the master key.
type step struct {
	ctx      context.Context //nolint:containedctx // lives as long as the command it belongs to
	settings *config.Config
	args     []string
	out      io.Writer
	text     []byte // what the file holds
	master   *keys.Master
}

func newMasterKeyStep(use, short string, args cobra.PositionalArgs, run func(*step) error) *cobra.Command {
	var file string
	command := &cobra.Command{
		Use: use, Short: short, Args: args,
		RunE: func(command *cobra.Command, args []string) error {
			settings, err := loadConfig(file, command.Flags())
			if err != nil {
				return err
			}
			s := &step{ctx: command.Context(), settings: settings, args: args, out: command.OutOrStdout()}
			if s.text, err = readMasterFile(settings.MasterKey.File); err != nil {
				return err
			}
			if s.master, err = parseMaster(s.text); err != nil {
				return err
			}
			return run(s)
		},
	}
	addConfigFlags(command.Flags(), &file)
	return command
}

// write replaces the file, and says what was done and what is to do.
func (s *step) write(changed secret.Text, done, next string) error {
	file := s.settings.MasterKey.File
	kept, err := replaceFile(file, changed.Reveal(), s.text, time.Now())
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(s.out, "%s; %s is as it was before, keep it as safe\nnext: %s\n", done, kept, next)
	return err
}

func (s *step) add() error {
	changed, version, err := keys.AddVersion(s.text)
	if errors.Is(err, keys.ErrPendingVersion) {
		return &cli.Error{Code: codeMasterKey, Cause: err.Error(), Fix: "run `cambio master-key activate` first, or retire that version", Exit: cli.ExitRefused}
	}
	if err != nil {
		return err
	}
	return s.write(changed, fmt.Sprintf("added version %d to %s", version, s.settings.MasterKey.File),
		"give every server this file, which takes it within seconds, then `cambio master-key activate`")
}

func (s *step) activate() error {
	changed, version, err := keys.ActivateVersion(s.text)
	if errors.Is(err, keys.ErrNothingToActivate) {
		return &cli.Error{Code: codeMasterKey, Cause: err.Error(), Fix: "run `cambio master-key add` for a new one", Exit: cli.ExitRefused}
	}
	if err != nil {
		return err
	}
	look, err := lookAt(s.ctx, s.settings, nil)
	if err != nil {
		return err
	}
	if without := look.serversWithout(version); without > 0 {
		return &cli.Error{
			Code:  "master_key_not_everywhere",
			Cause: fmt.Sprintf("%d of %d servers do not have version %d: they could open nothing that is sealed by it, and would refuse tokens", without, look.serving, version),
			Fix:   "give them the file and wait two seconds, or restart them with it; a server that ended without a word counts for five seconds", Exit: cli.ExitRefused,
		}
	}
	return s.write(changed, fmt.Sprintf("activated version %d in %s", version, s.settings.MasterKey.File),
		"give every server this file; `cambio master-key list` tells what is still under the old version")
}

func (s *step) retire() error {
	version, err := strconv.Atoi(s.args[0])
	if err != nil {
		return &cli.Error{Code: "usage", Cause: "VERSION is no number", Fix: "name one that `cambio master-key list` shows", Exit: cli.ExitUsage}
	}
	changed, err := keys.RetireVersion(s.text, version)
	switch {
	case errors.Is(err, keys.ErrSealingVersion):
		return &cli.Error{Code: codeMasterKey, Cause: err.Error(), Fix: "add and activate another version first", Exit: cli.ExitRefused}
	case err != nil:
		return &cli.Error{Code: codeMasterKey, Cause: err.Error(), Fix: "name one that `cambio master-key list` shows", Exit: cli.ExitRefused}
	}
	look, err := lookAt(s.ctx, s.settings, nil)
	if err != nil {
		return err
	}
	if err := look.needed(version); err != nil {
		return err
	}
	return s.write(changed, fmt.Sprintf("retired version %d in %s", version, s.settings.MasterKey.File),
		"give every server this file; a backup from before needs the file that was kept")
}

// needed refuses to retire a version that something still needs.
func (l *look) needed(version int) error {
	refused := func(cause, fix string) error {
		return &cli.Error{Code: "master_key_in_use", Cause: cause, Fix: fix, Exit: cli.ExitRefused}
	}
	if n := l.serversSealing(version); n > 0 {
		return refused(fmt.Sprintf("%d of %d servers seal by version %d, or do not tell", n, l.serving, version),
			"give them the file in which another version was activated and wait two seconds, or restart them with it")
	}
	if n := l.sealed[version]; n > 0 {
		return refused(fmt.Sprintf("%d of the signing keys and the canary are sealed under version %d", n, version),
			"let a server run with the file in which another version was activated: it seals them anew within ten seconds")
	}
	if n := l.tokens[version]; n > 0 {
		return refused(fmt.Sprintf("the digests of %d tokens are under version %d: without it nobody could use them", n, version),
			"each moves with its next use; `cambio master-key list --tokens` names them: have them used, rotate or revoke them, or keep the version")
	}
	return nil
}

// Where a version is in its life.
const (
	stateSeals   = "seals"
	stateOpens   = "opens"
	stateWaits   = "waits"   // to be activated
	stateMissing = "missing" // from the file, though something needs it
)

// listed is what list tells.
type listed struct {
	Versions []listedVersion `json:"versions"` // the newest first
	// Servers is how many use the store; nil where only one can.
	Servers *int          `json:"servers,omitempty"`
	Tokens  []listedToken `json:"tokens,omitempty"`
}

type listedVersion struct {
	Version int    `json:"version"`
	State   string `json:"state"`
	Keys    int    `json:"keys"`
	Tokens  int    `json:"tokens"`
	// Servers is how many have the version.
	Servers *int `json:"servers,omitempty"`
}

type listedToken struct {
	Version  int    `json:"version"`
	ID       string `json:"id"`
	Owner    string `json:"owner"`
	Name     string `json:"name"`
	LastUsed string `json:"lastUsed,omitempty"`
}

func (s *step) list(tokens, asJSON bool) error {
	held := s.master.Versions()
	look, err := lookAt(s.ctx, s.settings, func(version int) bool { return tokens && version != held[0] })
	if err != nil {
		return err
	}
	told := look.tell(held)
	if asJSON {
		encoder := json.NewEncoder(s.out)
		encoder.SetIndent("", "  ")
		return encoder.Encode(told)
	}
	return told.write(s.out, tokens)
}

// tell is what was seen, beside the versions that the file holds.
func (l *look) tell(held []int) *listed {
	all := slices.Clone(held)
	for _, version := range l.versions() {
		if !slices.Contains(all, version) {
			all = append(all, version)
		}
	}
	slices.SortFunc(all, func(a, b int) int { return b - a })
	out := &listed{}
	if l.shared {
		out.Servers = &l.serving
	}
	for _, version := range all {
		row := listedVersion{Version: version, State: stateOpens, Keys: l.sealed[version], Tokens: l.tokens[version]}
		switch {
		case !slices.Contains(held, version):
			row.State = stateMissing
		case version == held[0]:
			row.State = stateSeals
		case version > held[0]:
			row.State = stateWaits
		}
		if l.shared {
			with := l.serving - l.serversWithout(version)
			row.Servers = &with
		}
		out.Versions = append(out.Versions, row)
	}
	for _, token := range l.named {
		row := listedToken{Version: token.version, ID: string(token.id), Owner: string(token.owner), Name: token.name}
		if !token.lastUsed.IsZero() {
			row.LastUsed = instant.Format(token.lastUsed)
		}
		out.Tokens = append(out.Tokens, row)
	}
	return out
}

// write prints tables for people.
func (l *listed) write(out io.Writer, tokens bool) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "VERSION\tSTATE\tKEYS\tTOKENS\tSERVERS")
	for i := range l.Versions {
		row, servers := &l.Versions[i], "-"
		if row.Servers != nil && l.Servers != nil {
			servers = fmt.Sprintf("%d of %d", *row.Servers, *l.Servers)
		}
		_, _ = fmt.Fprintf(table, "%d\t%s\t%d\t%d\t%s\n", row.Version, row.State, row.Keys, row.Tokens, servers)
	}
	if tokens {
		_, _ = fmt.Fprintln(table, "\nVERSION\tTOKEN\tOWNER\tLAST USED\tNAME")
		for i := range l.Tokens {
			token := &l.Tokens[i]
			_, _ = fmt.Fprintf(table, "%d\t%s\t%s\t%s\t%q\n", token.Version, token.ID, token.Owner, cmp.Or(token.LastUsed, "never"), token.Name)
		}
	}
	return table.Flush()
}
