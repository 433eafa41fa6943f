package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

const tokensPath = "/api/v1/personal-access-tokens"

// token is what the tables tell of a personal access token.
type token struct {
	ID             string   `json:"id"`
	Name           string   `json:"name"`
	Description    string   `json:"description"`
	Scope          []string `json:"scope"`
	Level          string   `json:"level"`
	OwnerUsername  string   `json:"ownerUsername"`
	OwnerStatus    string   `json:"ownerStatus"`
	Audience       []string `json:"audience"`
	Networks       []string `json:"allowedNetworks"`
	Validity       int64    `json:"accessTokenValiditySeconds"`
	Created        string   `json:"created"`
	Modified       string   `json:"modified"`
	Expiration     string   `json:"expirationDate"`
	LastUsed       string   `json:"lastUsed"`
	LastSeen       string   `json:"lastSeen"`
	Status         string   `json:"status"`
	RevokedAt      string   `json:"revokedAt"`
	RevokeReason   string   `json:"revokeReason"`
	OldSecretUntil string   `json:"oldSecretUntil"`
	OldSecretUses  []oldUse `json:"oldSecretUses"`
	Token          string   `json:"token"` // after create and rotate only
}

// oldUse is a use of the secret before the last rotation.
type oldUse struct {
	Time      string `json:"time"`
	IP        string `json:"ip"`
	UserAgent string `json:"userAgent"`
}

func newPAT(env Env) *cobra.Command {
	head := &cobra.Command{Use: "pat", Short: "Create, look at and end personal access tokens"}
	g := newServerGroup(env, head)
	head.AddCommand(g.patCreate(), g.patList(), g.patGet(), g.patUpdate(), g.patRevoke(), g.patRotate(), g.patDelete())
	return head
}

// dataFormats are those of commands that print what the API answers.
func dataFormats() []format { return []format{formatTable, formatJSON, formatYAML, formatID} }

func (g group) patGet() *cobra.Command {
	return g.command(action{
		use: "get ID", short: "Show a token", min: 1, max: 1, formats: dataFormats(),
		run: func(c *call) error {
			if err := checkIDs(c.args); err != nil {
				return err
			}
			a, err := c.send(request{method: http.MethodGet, path: tokenPath(c.args[0])})
			if err != nil {
				return err
			}
			return c.printToken(a.body)
		},
	})
}

func tokenPath(id string, verb ...string) string {
	return strings.Join(append([]string{tokensPath, id}, verb...), "/")
}

// printToken prints an answer that is one token.
func (c *call) printToken(body []byte) error {
	var t token
	if err := decode(body, &t); err != nil {
		return err
	}
	return c.print(result{bodies: [][]byte{body}, table: t.table, ids: func() []string { return []string{t.ID} }})
}

func (t *token) table() *table {
	out := &table{}
	out.add("id", t.ID)
	out.add("name", t.Name)
	out.addPresent("description", t.Description)
	out.add("status", t.Status)
	out.add("owner", t.OwnerUsername)
	if t.OwnerStatus != "Active" {
		out.addPresent("owner status", t.OwnerStatus)
	}
	if t.Level != "personal" {
		out.addPresent("level", t.Level)
	}
	out.add("scope", strings.Join(t.Scope, " "))
	out.add("audience", firstOf(strings.Join(t.Audience, " "), "any"))
	out.add("networks", firstOf(strings.Join(t.Networks, " "), "any"))
	out.add("access tokens", fmt.Sprintf("valid for %d s", t.Validity))
	out.add("created", t.Created)
	out.addPresent("modified", t.Modified)
	out.add("expires", firstOf(t.Expiration, "never"))
	out.add("last used", firstOf(t.LastUsed, "never"))
	out.addPresent("last seen", t.LastSeen)
	out.addPresent("revoked", strings.TrimSpace(t.RevokedAt+" "+t.RevokeReason))
	out.addPresent("old secret until", t.OldSecretUntil)
	for _, use := range t.OldSecretUses {
		out.add("old secret used", use.Time+" from "+use.IP+" by "+use.UserAgent)
	}
	out.addPresent("token", t.Token)
	return out
}

// printTokens prints several tokens.
func (c *call) printTokens(bodies [][]byte, tokens []token) error {
	return c.print(result{
		bodies: bodies,
		table:  func() *table { return tokensTable(tokens) },
		ids: func() []string {
			ids := make([]string, len(tokens))
			for i := range tokens {
				ids[i] = tokens[i].ID
			}
			return ids
		},
	})
}

func tokensTable(tokens []token) *table {
	out := &table{header: []string{"ID", "NAME", "OWNER", "STATUS", "SCOPE", "EXPIRES", "LAST USED"}}
	for i := range tokens {
		t := &tokens[i]
		out.add(t.ID, t.Name, t.OwnerUsername, t.Status, strings.Join(t.Scope, " "), firstOf(t.Expiration, "never"), firstOf(t.LastUsed, "never"))
	}
	return out
}

// tokenOut is where a new secret goes besides, or instead of, stdout.
type tokenOut struct{ path string }

func (o *tokenOut) add(flags *pflag.FlagSet) {
	flags.StringVar(&o.path, "token-out", "", "new file, readable by its owner only, to write the token to")
}

// issue sends a request whose answer holds a new secret, and keeps it.
func (c *call) issue(r request, out tokenOut) error {
	if c.format() == formatID && out.path == "" {
		return usage("-o id would lose the new secret, which is shown only once", "add --token-out FILE, or use -o table, json or yaml")
	}
	// Made before the secret is: one that cannot be kept must not come to be.
	var file *os.File
	if out.path != "" {
		var err error
		if file, err = createPrivate(out.path); err != nil {
			return err
		}
	}
	a, err := c.send(r)
	if err != nil {
		return errors.Join(err, discard(file))
	}
	var t token
	if err := decode(a.body, &t); err != nil {
		return errors.Join(err, discard(file))
	}
	if t.Token == "" {
		return errors.Join(unreadableAnswer(errors.New("no token")), discard(file))
	}
	if file != nil {
		if err := keep(file, t.Token); err != nil {
			return &Error{
				Code: "token_lost", Cause: fmt.Sprintf("the secret of the token %s was made, yet not written: %v", t.ID, err),
				Fix: "rotate the token with --grace 0, or revoke it",
			}
		}
		t.Token = ""
		c.note("the token was written to %s", out.path)
	} else {
		c.note("warning: the token is shown this once; store it now, for nothing can show it again")
	}
	return c.print(result{bodies: [][]byte{a.body}, table: t.table, ids: func() []string { return []string{t.ID} }})
}

// createPrivate makes a file that only its owner may read, and never takes one
// that is there.
func createPrivate(path string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // the user names it
	if errors.Is(err, fs.ErrExist) {
		return nil, &Error{Code: "file_exists", Cause: quote(path) + " exists", Fix: "remove it, or name another file with --token-out", Exit: ExitUsage}
	}
	if err != nil {
		return nil, unreadable(path, err)
	}
	return file, nil
}

// keep writes the token and its line end to disk.
func keep(file *os.File, token string) error {
	_, err := file.WriteString(token + "\n")
	return errors.Join(err, file.Sync(), file.Close())
}

// discard removes a file into which nothing came.
func discard(file *os.File) error {
	if file == nil {
		return nil
	}
	return errors.Join(file.Close(), os.Remove(file.Name()))
}

// joined returns the JSON arrays in bodies as one array, its elements byte for
// byte; a single one untouched.
func joined(bodies [][]byte) []byte {
	if len(bodies) == 1 {
		return bodies[0]
	}
	var elements [][]byte
	for _, body := range bodies {
		inside := bytes.TrimSpace(body)
		if inside = bytes.TrimSpace(inside[1 : len(inside)-1]); len(inside) > 0 {
			elements = append(elements, inside)
		}
	}
	return append(append([]byte("["), bytes.Join(elements, []byte(","))...), ']', '\n')
}
