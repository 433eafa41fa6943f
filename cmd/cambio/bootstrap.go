package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/cli"
	"github.com/cambio-sts/cambio/internal/id"
	"github.com/cambio-sts/cambio/internal/instant"
	"github.com/cambio-sts/cambio/manage"
	"github.com/cambio-sts/cambio/pat"
)

// administration is whom bootstrap makes, and for whom.
type administration struct {
	organization string // name
	username     string
	users        string // name of the group that may use personal tokens
}

func newBootstrap() *cobra.Command {
	var file, who string
	var of administration
	command := &cobra.Command{
		Use:   "bootstrap",
		Short: "Make the first administrator, decide who may use tokens, and print a first token",
		Long: "Make the built-in administrator of a prepared store, with the roles platform_admin, ManageSystemSecurityRoles and\n" +
			"ManageSystemSecurityGroups, and decide who may use personal access tokens. It prints a first token, once. There is no default\n" +
			"password. With an embedded store the server must be stopped. Repeated, it replaces the answer, and prints another token for\n" +
			"the same administrator.\n\n" +
			"With --organization it does so for another organization, which exists: its administrator has organization_admin in place of\n" +
			"platform_admin.",
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error { return bootstrap(command, file, who, of) },
	}
	addConfigFlags(command.Flags(), &file)
	command.Flags().StringVar(&of.organization, "organization", directory.DefaultOrganizationName, "name of the organization")
	command.Flags().StringVar(&of.username, "username", "admin", "username of the administrator")
	command.Flags().StringVar(&who, "who", "", "who may use personal access tokens: nobody, everyone, or group:<name> (asked if absent)")
	_ = command.RegisterFlagCompletionFunc("who", completeWho) // fails without the flag only
	return command
}

// completeWho tells a shell the answers to the question. The name of a group
// follows without a blank.
func completeWho(_ *cobra.Command, _ []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if begun != "" && strings.HasPrefix("group:", begun) {
		return []cobra.Completion{"group:"}, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	}
	return []cobra.Completion{"nobody", "everyone", "group:"}, cobra.ShellCompDirectiveNoFileComp
}

func bootstrap(command *cobra.Command, file, who string, of administration) error {
	ctx := command.Context()
	settings, err := loadConfig(file, command.Flags())
	if err != nil {
		return err
	}
	if who == "" {
		if who, err = askWho(command); err != nil {
			return err
		}
	}
	if of.users, err = groupOf(who); err != nil {
		return err
	}
	n, err := openDomain(ctx, settings, opening{patient: true}, zap.NewNop())
	if err != nil {
		return err
	}
	token, err := n.bootstrap(ctx, command.ErrOrStderr(), of)
	if err := errors.Join(err, n.store.Close()); err != nil {
		return err
	}
	_, _ = fmt.Fprintf(command.ErrOrStderr(), "administrator %q is ready. This token is shown once:\n", of.username)
	_, err = fmt.Fprintln(command.OutOrStdout(), token.Reveal().Reveal())
	return err
}

func askWho(command *cobra.Command) (string, error) {
	_, _ = fmt.Fprint(command.ErrOrStderr(), "Who may use personal access tokens? nobody, everyone, or group:<name>: ")
	answer, err := bufio.NewReader(command.InOrStdin()).ReadString('\n')
	if answer = strings.TrimSpace(answer); answer == "" {
		return "", &cli.Error{
			Code: "usage", Cause: fmt.Sprintf("nobody said who may use personal access tokens (%v)", err), Fix: "answer the question, or pass --who", Exit: cli.ExitUsage,
		}
	}
	return answer, nil
}

// groupOf returns the name of the group that an answer to the question means.
func groupOf(who string) (string, error) {
	name, isGroup := strings.CutPrefix(who, "group:")
	name = strings.TrimSpace(name)
	switch {
	case who == "nobody":
		return directory.Nobody, nil
	case who == "everyone":
		return directory.Everyone, nil
	case !isGroup || name == "":
		return "", &cli.Error{Code: "usage", Cause: "who may use tokens is neither nobody, everyone nor a group", Fix: "pass --who nobody, --who everyone or --who group:<name>", Exit: cli.ExitUsage}
	}
	return name, nil
}

// bootstrap says on told what it has changed as soon as it has: what comes after
// may fail.
func (n *node) bootstrap(ctx context.Context, told io.Writer, of administration) (pat.Token, error) {
	if err := n.open(ctx); err != nil {
		return pat.Token{}, err
	}
	done, err := manage.Bootstrap(ctx, n.directory, manage.Setup{Organization: of.organization, Username: of.username, Users: of.users}, directory.Actor{})
	if done.MadeGroup {
		_, _ = fmt.Fprintf(told, "made the group %q, which has no members yet\n", of.users)
	}
	if err != nil {
		return pat.Token{}, notSetUp(err, &of)
	}
	_, _ = fmt.Fprintf(told, "personal access tokens: %s\n", usersOf(of.users))
	admin, organization := &done.Identity, &done.Organization
	// a part of an id besides the time: whoever runs it twice in a moment gets two
	draft := pat.Draft{Name: "bootstrap " + instant.Format(time.Now()) + " " + id.New()[:8], Scope: []string{pat.ScopeAll}, Level: pat.Personal}
	draft.NeverExpiresAcknowledged = organization.Policy.AllowNeverExpire && organization.Policy.MaxLifetimeSeconds == 0
	if !draft.NeverExpiresAcknowledged {
		draft.Expiration = time.Now().Add(firstTokenLife(&organization.Policy))
	}
	token, _, err := n.tokens.Create(ctx, admin, &draft, &organization.Policy, pat.Actor{Identity: admin.ID})
	if errors.Is(err, pat.ErrLimit) {
		return pat.Token{}, &cli.Error{
			Code: "token_limit", Cause: fmt.Sprintf("the administrator %q has as many tokens as are allowed, so none was made", of.username),
			Fix: "end some that are not needed, by means of one of them: cambio pat list, then cambio pat delete ID", Exit: cli.ExitRefused,
		}
	}
	return token, err
}

// firstTokenLife is how long the first token lives where none may live forever.
func firstTokenLife(policy *directory.Policy) time.Duration {
	life := 365 * 24 * time.Hour
	if policy.MaxLifetimeSeconds > 0 {
		life = min(life, time.Duration(policy.MaxLifetimeSeconds)*time.Second)
	}
	return life
}

func errNoOrganization(name string) error {
	if name != directory.DefaultOrganizationName {
		return &cli.Error{
			Code: "organization_unknown", Cause: fmt.Sprintf("the store has no organization %q", name),
			Fix: "make it over the management API, or pass the name of one that exists with --organization", Exit: cli.ExitRefused,
		}
	}
	return &cli.Error{
		Code: "store_not_prepared", Cause: "the store has no organization \"" + directory.DefaultOrganizationName + "\"",
		Fix: "run `cambio init` again: it adds what is missing", Exit: cli.ExitRefused,
	}
}

// notSetUp tells the operator why the administrator or the group could not be set up.
func notSetUp(err error, of *administration) error {
	other, isOther := errors.AsType[*manage.AdministratorError](err)
	switch {
	case errors.Is(err, manage.ErrNoOrganization):
		return errNoOrganization(of.organization)
	case errors.Is(err, manage.ErrUsernameTaken):
		return &cli.Error{Code: "username_taken", Cause: "that username belongs to somebody who is not the built-in administrator", Fix: "pass another --username", Exit: cli.ExitRefused}
	case isOther:
		return &cli.Error{
			Code: "administrator_exists", Cause: fmt.Sprintf("the built-in administrator is %q, and there is only one", other.Username),
			Fix: fmt.Sprintf("pass --username %s", other.Username), Exit: cli.ExitRefused,
		}
	case errors.Is(err, directory.ErrReserved):
		return &cli.Error{Code: "name_reserved", Cause: fmt.Sprintf("a group cannot have the name of a role, %q", of.users), Fix: "choose another name for the group", Exit: cli.ExitUsage}
	default:
		return err
	}
}

// usersOf tells who may use tokens. The administrator may in any case, by an
// assignment of its own.
func usersOf(group string) string {
	switch group {
	case directory.Nobody:
		return "nobody but the administrator"
	case directory.Everyone:
		return "everyone"
	default:
		return fmt.Sprintf("the group %q and the administrator", group)
	}
}
