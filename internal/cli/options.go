package cli

import (
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// format is how an answer is printed.
type format string

const (
	formatTable format = "table"
	formatJSON  format = "json"
	formatYAML  format = "yaml"
	formatID    format = "id"
	formatToken format = "token" // the JWT of an exchange alone
	formatAWS   format = "aws"   // what the SDKs of AWS read of a credential_process
)

// options are the flags that every command of a group takes.
type options struct {
	output       string
	server       string
	caFile       string
	tokenFile    string
	insecureHTTP bool
}

// addOutput registers -o with the formats of the group. flags are those of
// command, persistent or its own.
func (o *options) addOutput(command *cobra.Command, flags *pflag.FlagSet, formats ...format) {
	flags.StringVarP(&o.output, "output", "o", string(formatTable), "how to print the answer: "+join(formats, "|"))
	complete(command, "output", formats...)
}

// complete tells a shell the values of a flag of command.
func complete[T ~string](command *cobra.Command, flag string, values ...T) {
	choices := make([]cobra.Completion, len(values))
	for i, value := range values {
		choices[i] = string(value)
	}
	_ = command.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(choices, cobra.ShellCompDirectiveNoFileComp)) // fails without the flag only
}

// addServer registers what a command that talks to a server needs.
func (o *options) addServer(flags *pflag.FlagSet) {
	flags.StringVar(&o.server, "server", "", "URL of the server (default: CAMBIO_SERVER, else CAMBIO_URL, else that of cambio login)")
	flags.StringVar(&o.caFile, "ca-file", "", "PEM file with the only certificate authorities to trust (default: CAMBIO_CA_FILE, else that of cambio login, else the system's)")
	flags.StringVar(&o.tokenFile, "token-file", "", "file with the token to use, - for stdin (default: CAMBIO_TOKEN, else that of cambio login)")
	flags.BoolVar(&o.insecureHTTP, "insecure-http", false, "send the token over plain http to a host that is not this machine (default: as cambio login was told for that server)")
}

// newServerGroup is newGroup for commands that talk to a server.
func newServerGroup(env Env, command *cobra.Command) group {
	g := newGroup(env, command)
	g.opts.addOutput(command, command.PersistentFlags(), formatTable, formatJSON, formatYAML, formatID)
	g.opts.addServer(command.PersistentFlags())
	return g
}

// parseServer returns the address of a server: scheme and host, nothing else.
func parseServer(text string, insecureHTTP bool) (*url.URL, error) {
	if text == "" {
		return nil, usage("no server is named", "add --server https://sts.example.com, set CAMBIO_SERVER, or log in once with cambio login")
	}
	base, err := url.Parse(text)
	if err != nil || base.Hostname() == "" || !slices.Contains([]string{"http", "https"}, base.Scheme) {
		return nil, usage("the server's address is no http or https URL", "write it as https://sts.example.com")
	}
	if base.User != nil {
		return nil, usage("the server's address has credentials in it", "remove them; "+safeWays)
	}
	if strings.Trim(base.Path, "/") != "" || base.RawQuery != "" || base.Fragment != "" {
		return nil, usage("the server's address "+quote(text)+" has more than scheme, host and port", "write it as "+base.Scheme+"://"+base.Host)
	}
	if base.Scheme == "http" && !insecureHTTP && !isLoopback(base.Hostname()) {
		return nil, &Error{
			Code: "insecure_http", Cause: "the token would be readable on its way to " + quote(base.Host),
			Fix: "use https://" + base.Host + ", or add --insecure-http where the network is yours alone", Exit: ExitUsage,
		}
	}
	return &url.URL{Scheme: base.Scheme, Host: base.Host}, nil
}

func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && net.IP(addr.AsSlice()).IsLoopback()
}

func firstOf(texts ...string) string {
	for _, text := range texts {
		if text != "" {
			return text
		}
	}
	return ""
}

func join[T ~string](items []T, separator string) string {
	texts := make([]string, len(items))
	for i, item := range items {
		texts[i] = string(item)
	}
	return strings.Join(texts, separator)
}
