package cli

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// call is one run of a command.
type call struct {
	env     Env
	opts    *options
	command *cobra.Command
	args    []string
	opened  *client
}

// check refuses a command line that an action does not take, and any
// credential on it.
func (c *call) check(a action) error {
	leaked := slices.ContainsFunc(c.args, holdsCredential)
	c.command.Flags().Visit(func(f *pflag.Flag) { leaked = leaked || holdsCredential(f.Value.String()) })
	if leaked {
		return &Error{
			Code: "token_on_command_line", Cause: "what looks like a token is on the command line, where others can read it",
			Fix: safeWays + "; and revoke that token if this machine or its shell history is not yours alone", Exit: ExitUsage,
		}
	}
	switch {
	case len(c.args) < a.min:
		return usage("an argument is missing", "write "+c.command.UseLine())
	case len(c.args) > a.max:
		return usage("there is no place for the argument "+quote(c.args[a.max]), "write "+c.command.UseLine())
	case !slices.Contains(a.formats, c.format()):
		return usage("-o "+quote(c.opts.output)+" is not to be had here", "use one of "+join(a.formats, ", "))
	}
	return nil
}

func (c *call) format() format { return format(c.opts.output) }

func (c *call) changed(flag string) bool { return c.command.Flags().Changed(flag) }

// client returns a client with the token, made once.
func (c *call) client() (*client, error) {
	if c.opened != nil {
		return c.opened, nil
	}
	to, err := c.target()
	if err != nil {
		return nil, err
	}
	token, err := c.credential(to.base)
	if err != nil {
		return nil, err
	}
	err = c.open(to, token)
	return c.opened, err
}

// open makes the client that sends token to the server.
func (c *call) open(to target, token credential) error {
	transport, err := newTransport(to.caFile)
	if err != nil {
		return err
	}
	c.opened = newClient(to.base, transport, token, c.env.Now)
	return nil
}

// send sends one request.
func (c *call) send(r request) (answer, error) {
	client, err := c.client()
	if err != nil {
		return answer{}, err
	}
	return client.send(c.command.Context(), r)
}

func (c *call) close() {
	if c.opened != nil {
		c.opened.http.CloseIdleConnections()
	}
}

// note tells a person something beside the data.
func (c *call) note(format string, args ...any) {
	_, _ = fmt.Fprintln(c.env.Stderr, printable(fmt.Sprintf(format, args...)))
}

// ask writes a question, which is answered on the same line.
func (c *call) ask(question string) { _, _ = fmt.Fprint(c.env.Stderr, printable(question)+" ") }

// confirm asks a person at a terminal. A script meant what it wrote.
func (c *call) confirm(question string, yes bool) error {
	if yes || !c.env.StdoutIsTerminal {
		return nil
	}
	if c.opts.tokenFile == "-" {
		return usage("stdin holds the token, so the question cannot be answered there", "add --yes")
	}
	c.ask(question + " [y/N]")
	line, err := bufio.NewReader(io.LimitReader(c.env.Stdin, 1<<10)).ReadString('\n')
	if answer := strings.ToLower(strings.TrimSpace(line)); answer == "y" || answer == "yes" {
		return nil
	}
	if err != nil {
		_, _ = fmt.Fprintln(c.env.Stderr)
	}
	return &Error{Code: "not_confirmed", Cause: "nothing was changed", Fix: "answer y, or add --yes"}
}

// isID reports whether text has the form of the ids of the API.
func isID(text string) bool { return len(text) == 32 && strings.Trim(text, "0123456789abcdef") == "" }
