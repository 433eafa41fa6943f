package cli

import (
	"context"
	"io"
	"time"

	"github.com/spf13/cobra"
)

// Env is what the commands see of the process. All members but ReadHidden are
// required.
type Env struct {
	Stdin  io.Reader
	Stdout io.Writer // data only
	Stderr io.Writer // warnings and questions
	Getenv func(string) string
	// StdoutIsTerminal says that a person is watching: deletions are confirmed.
	StdoutIsTerminal bool
	// ReadHidden reads a line from the terminal without showing it; nil where
	// stdin is none.
	ReadHidden func(context.Context) ([]byte, error)
	Now        func() time.Time
	// Exec runs a command in place of this process, with variables added to its
	// environment and the token taken out. It returns only if that fails.
	Exec func(ctx context.Context, argv, env []string) error
}

// New returns the commands of the package, see its documentation. Their errors
// are for Fail.
func New(env Env) []*cobra.Command {
	return []*cobra.Command{
		newLogin(env), newLogout(env), newMe(env),
		newPAT(env), newOrganizations(env), newPolicy(env), newGroups(env), newIdentities(env), newRoles(env), newDirectory(env),
		newExchange(env), newCredentials(env), newIntrospect(env), newServices(env), newKeys(env), newAudit(env), newReports(env), newVersion(env),
	}
}

// group is a command on the first level with what its subcommands share.
type group struct {
	env  Env
	opts *options
}

// newGroup makes command the head of a group. Without a subcommand it is a
// usage error.
func newGroup(env Env, command *cobra.Command) group {
	g := group{env: env, opts: &options{}}
	g.under(command)
	return g
}

// under makes command the head of a group within g. Without a subcommand it is a
// usage error.
func (g group) under(command *cobra.Command) {
	g.adopt(command)
	RequireSubcommand(command)
	run := command.RunE
	command.RunE = func(command *cobra.Command, args []string) error { return g.mark(run(command, args)) }
}

// RequireSubcommand makes it a usage error to run command without one of its
// subcommands, where cobra prints the help and reports success.
func RequireSubcommand(command *cobra.Command) {
	command.Args = cobra.ArbitraryArgs
	command.RunE = func(command *cobra.Command, args []string) error {
		cause := "a subcommand is missing"
		if len(args) > 0 {
			cause = "there is no subcommand " + quote(args[0])
		}
		return usage(cause, "see "+command.CommandPath()+" --help")
	}
}

// adopt gives command the manners of all commands of the package.
func (g group) adopt(command *cobra.Command) {
	command.SilenceErrors, command.SilenceUsage = true, true
	command.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return g.mark(flagError(err)) })
}

// action is a command that does something.
type action struct {
	use, short, long, example string
	min, max                  int // of positional arguments
	formats                   []format
	run                       func(*call) error
}

// anyNumber of positional arguments.
const anyNumber = 1 << 10

// command makes a command of a.
func (g group) command(a action) *cobra.Command {
	command := &cobra.Command{
		Use: a.use, Short: a.short, Long: a.long, Example: a.example,
		Args: cobra.ArbitraryArgs,
		RunE: func(command *cobra.Command, args []string) error {
			c := &call{env: g.env, opts: g.opts, command: command, args: args}
			defer c.close()
			if err := c.check(a); err != nil {
				return g.mark(err)
			}
			return g.mark(a.run(c))
		},
	}
	g.adopt(command)
	return command
}

// mark makes err one that Fail prints in the chosen format.
func (g group) mark(err error) error {
	if err == nil {
		return nil
	}
	marked := *asError(err)
	marked.JSON = g.opts.output == string(formatJSON)
	return &marked
}
