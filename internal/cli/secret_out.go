package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/pflag"
)

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
	return tokenKind().print(c, a.body, &t)
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
