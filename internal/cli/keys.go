package cli

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
)

const keysPath = "/api/v1/keys"

// signingKey is what the table tells of a key.
type signingKey struct {
	KID         string `json:"kid"`
	Alg         string `json:"alg"`
	Generation  uint64 `json:"generation"`
	State       string `json:"state"`
	ActiveFrom  string `json:"activeFrom"`
	RetireFrom  string `json:"retireFrom"`
	RemoveAfter string `json:"removeAfter"`
}

func newKeys(env Env) *cobra.Command {
	head := &cobra.Command{Use: "keys", Short: "Look at, rotate and revoke the signing keys"}
	g := newServerGroup(env, head)
	head.AddCommand(g.keysList(), g.keysRotate(), g.keysRevoke())
	return head
}

func (g group) keysList() *cobra.Command {
	return g.command(action{
		use: "list", short: "List the signing keys", formats: dataFormats(),
		run: func(c *call) error { return c.keys(request{method: http.MethodGet, path: keysPath}) },
	})
}

func (g group) keysRotate() *cobra.Command {
	return g.command(action{
		use: "rotate", short: "Bring the next key of each algorithm into use, as soon as verifiers can know it", formats: dataFormats(),
		run: func(c *call) error { return c.keys(request{method: http.MethodPost, path: keysPath + "/rotate"}) },
	})
}

func (g group) keysRevoke() *cobra.Command {
	var yes bool
	command := g.command(action{
		use: "revoke KID", short: "End a key at once: what it signed is lost", min: 1, max: 1, formats: dataFormats(),
		long:    "End a key at once. No access token that it signed is valid any more. At a terminal it asks first.",
		example: "  cambio keys revoke KID\n  cambio keys revoke -- -KID-that-begins-with-a-dash",
		run: func(c *call) error {
			kid := c.args[0]
			if strings.Trim(kid, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_") != "" || kid == "" {
				return usage(quote(kid)+" is no key id", "name one that cambio keys list -o id prints")
			}
			if err := c.confirm("Revoke the key "+kid+", and with it every access token that it signed?", yes); err != nil {
				return err
			}
			r := request{method: http.MethodPost, path: keysPath + "/" + kid + "/revoke"}
			if c.format() == formatID { // the answer has all keys, also those that it did not end
				if _, err := c.send(r); err != nil {
					return err
				}
				return c.write([]byte(kid + "\n"))
			}
			return c.keys(r)
		},
	})
	command.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	return command
}

// keys sends r and prints the keys in its answer.
func (c *call) keys(r request) error {
	a, err := c.send(r)
	if err != nil {
		return err
	}
	var all []signingKey
	if err := decode(a.body, &all); err != nil {
		return err
	}
	return c.print(result{
		bodies: [][]byte{a.body},
		table: func() *table {
			out := &table{header: []string{"KID", "ALG", "GENERATION", "STATE", "ACTIVE FROM", "RETIRE FROM", "REMOVE AFTER"}}
			for _, k := range all {
				out.add(k.KID, k.Alg, strconv.FormatUint(k.Generation, 10), k.State, k.ActiveFrom, k.RetireFrom, k.RemoveAfter)
			}
			return out
		},
		ids: func() []string {
			ids := make([]string, len(all))
			for i, k := range all {
				ids[i] = k.KID
			}
			return ids
		},
	})
}
