package cli

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"
)

// execInfo is the variable in which kubectl tells an exec plugin what it wants.
const execInfo = "KUBERNETES_EXEC_INFO"

// execVersions are those of an ExecCredential that are answered, the usual one first.
// They have the same members here.
func execVersions() []string {
	return []string{"client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1"}
}

// execCredential is an ExecCredential (Kubernetes client authentication v1).
type execCredential struct {
	APIVersion string      `json:"apiVersion"`
	Kind       string      `json:"kind"`
	Status     *execStatus `json:"status,omitempty"`
}

type execStatus struct {
	Expires string `json:"expirationTimestamp"` // RFC 3339
	Token   string `json:"token"`
}

func newExecPlugin(g group) *cobra.Command {
	var w wants
	command := g.command(action{
		use: "kubectl", short: "Answer kubectl as an exec credential plugin", formats: []format{""},
		long: "Exchange the personal access token of --token-file, CAMBIO_TOKEN or ~/.config/cambio/token and print the access token as\n" +
			"an ExecCredential, of the version that KUBERNETES_EXEC_INFO names, else client.authentication.k8s.io/v1. kubectl keeps it\n" +
			"in memory until it ends; nothing is written to disk.",
		example: "  kubectl config set-credentials sts --exec-api-version=client.authentication.k8s.io/v1 --exec-interactive-mode=Never \\\n" +
			"    --exec-command=cambio --exec-arg=credential --exec-arg=kubectl --exec-arg=--audience=https://k8s.example.com",
		run: func(c *call) error { return c.execCredential(w) },
	})
	g.opts.addServer(command.Flags())
	w.add(command.Flags())
	return command
}

func (c *call) execCredential(w wants) error {
	version, err := execVersion(c.env.Getenv(execInfo))
	if err != nil {
		return err
	}
	minted, err := c.mint(w)
	if err != nil {
		return err
	}
	text, err := json.Marshal(execCredential{
		APIVersion: version, Kind: "ExecCredential",
		Status: &execStatus{Expires: minted.expires.UTC().Format(time.RFC3339), Token: minted.token.Reveal()},
	})
	if err != nil {
		return fmt.Errorf("encode the credential: %w", err)
	}
	return c.write(append(text, '\n'))
}

// execVersion is the version that kubectl asks for in the text of execInfo. Without
// one a person runs the command.
func execVersion(info string) (string, error) {
	if info == "" {
		return execVersions()[0], nil
	}
	var asked execCredential
	if err := json.Unmarshal([]byte(info), &asked); err != nil || asked.Kind != "ExecCredential" {
		return "", usage(execInfo+" holds no ExecCredential", "let kubectl set it, or unset it")
	}
	if !slices.Contains(execVersions(), asked.APIVersion) {
		return "", usage("kubectl asks for "+quote(asked.APIVersion), "write apiVersion: "+execVersions()[0]+" under exec in the kubeconfig")
	}
	return asked.APIVersion, nil
}
