package cli

import (
	"fmt"
	"io"
	"net"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cambio-sts/cambio/internal/secret"
)

// gitAsk is what git tells a credential helper (gitcredentials(7)): one attribute a
// line. The password in it is not read.
type gitAsk struct{ protocol, host, username string }

// maxGitAsk is the greatest size of what git tells, in bytes.
const maxGitAsk = 64 << 10

// gitHelper answers git for some hosts.
type gitHelper struct {
	hosts []string
	jwt   bool
	wants wants
}

func newCredentials(env Env) *cobra.Command {
	head := &cobra.Command{Use: "credential", Short: "Hand credentials to git and kubectl, each by its own protocol"}
	g := newGroup(env, head)
	head.AddCommand(newGitHelper(g), newExecPlugin(g))
	return head
}

func newGitHelper(g group) *cobra.Command {
	h := &gitHelper{}
	command := g.command(action{
		use: "git get|store|erase --host HOST", short: "Answer git as a credential helper", min: 1, max: 1, formats: []format{""},
		long: "Read what git asks from stdin and answer `get` for the hosts of --host with the id and the secret of the personal access\n" +
			"token of --token-file, CAMBIO_TOKEN or ~/.config/cambio/token; with --jwt with a short-lived access token as password.\n" +
			"Other hosts get no answer. Nothing is stored, and nothing is erased: the token is where it was.",
		example: "  git config --global credential.https://git.example.com.helper '!cambio credential git --host git.example.com'",
		run:     func(c *call) error { return h.answer(c, c.args[0]) },
	})
	command.ValidArgs = []cobra.Completion{"get", "store", "erase"}
	flags := command.Flags()
	g.opts.addServer(flags)
	h.wants.add(flags)
	flags.StringSliceVar(&h.hosts, "host", nil, "host, with its port if the URL has one, that may see the credential; repeatable")
	flags.BoolVar(&h.jwt, "jwt", false, "answer with an access token, exchanged anew, and the time it ends")
	return command
}

// answer does what git asks. What it may ask in later versions is ignored, as
// gitcredentials(7) wants it.
func (h *gitHelper) answer(c *call, operation string) error {
	switch {
	case len(h.hosts) == 0:
		return usage("no host is named, and a token is not for every host that asks", "add --host git.example.com")
	case c.opts.tokenFile == "-":
		return usage("stdin holds what git asks, and no token", "name a file with --token-file, or set CAMBIO_TOKEN")
	case !h.jwt && (c.changed("audience") || c.changed("resource") || c.changed("scope")):
		return usage("--audience, --resource and --scope are for an access token", "add --jwt, or leave them out")
	}
	ask, err := readGitAsk(c.env.Stdin)
	if err != nil {
		return err
	}
	if !slices.Contains(h.hosts, ask.host) || ask.protocol != "https" && ask.protocol != "http" {
		return nil
	}
	switch operation {
	case "get":
		if ask.protocol == "http" && !c.opts.insecureHTTP && !isLoopback(hostname(ask.host)) {
			return &Error{
				Code: "insecure_http", Cause: "the token would be readable on its way to " + quote(ask.host),
				Fix: "use https, or add --insecure-http where the network is yours alone", Exit: ExitUsage,
			}
		}
		return h.get(c, ask)
	case "erase":
		c.note("note: %s did not take the credential; nothing was erased. cambio me tells whether the token is in order", ask.host)
	}
	return nil
}

// get answers with a credential. git keeps the username of a URL.
func (h *gitHelper) get(c *call, ask gitAsk) error {
	if h.jwt {
		minted, err := c.mint(h.wants)
		if err != nil {
			return err
		}
		username := ""
		if ask.username == "" {
			username = "username=" + firstOf(minted.clientID, "cambio") + "\n"
		}
		return c.write(fmt.Appendf(nil, "%spassword=%s\npassword_expiry_utc=%d\n", username, minted.token.Reveal(), minted.expires.Unix()))
	}
	token, err := c.tokenAtHand()
	if err != nil {
		return err
	}
	id, password, ok := basicOf(token)
	switch {
	case !ok:
		return usage(token.source+" holds no personal access token", "put one there, as it was shown once; an access token is answered with --jwt")
	case ask.username != "" && ask.username != id:
		c.note("note: the URL names another user than the token %s, so there is no answer; leave the user out of it", id)
		return nil
	}
	return c.write(fmt.Appendf(nil, "username=%s\npassword=%s\n", id, password.Reveal()))
}

// readGitAsk reads attributes up to an empty line or the end. Those it does not
// know are left out. One that is there twice comes from a URL with a line end in it
// (CVE-2020-5260): the host that is asked for is not the one that is connected to.
func readGitAsk(stdin io.Reader) (gitAsk, error) {
	text, err := io.ReadAll(io.LimitReader(stdin, maxGitAsk+1))
	if err != nil {
		return gitAsk{}, fmt.Errorf("read stdin: %w", err)
	}
	if len(text) > maxGitAsk {
		return gitAsk{}, usage("what came on stdin is larger than 64 KiB", "let git run this command")
	}
	var ask gitAsk
	known := map[string]*string{"protocol": &ask.protocol, "host": &ask.host, "username": &ask.username}
	seen := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSuffix(line, "\n")
		if line == "" {
			break
		}
		name, value, found := strings.Cut(line, "=")
		if !found {
			return gitAsk{}, usage("what came on stdin are no lines of name=value", "let git run this command")
		}
		into := known[name]
		if into == nil {
			continue
		}
		if seen[name] {
			return gitAsk{}, usage("git tells its "+name+" twice", "use a git that refuses URLs with line ends in them (2.26.1 or later)")
		}
		*into, seen[name] = value, true
	}
	return ask, nil
}

// hostname is a host without its port.
func hostname(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		return name
	}
	return strings.Trim(host, "[]")
}

// basicOf splits a personal access token, <prefix>_<id>_<secret>, into what stands
// for it in HTTP Basic.
func basicOf(token credential) (id string, password secret.Text, ok bool) {
	parts := strings.Split(token.text.Reveal(), "_")
	if len(parts) < 3 {
		return "", secret.Text{}, false
	}
	id = parts[len(parts)-2]
	return id, secret.New(parts[len(parts)-1]), isID(id) && parts[len(parts)-1] != ""
}
