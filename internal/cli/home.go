package cli

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// The files that login keeps, below the home folder.
const (
	homeFolder     = ".config/cambio"
	homeTokenFile  = homeFolder + "/token"
	homeServerFile = homeFolder + "/server"
)

// home is the home folder of who runs the command; empty if there is none.
type home string

func (c *call) home() home { return home(c.env.Getenv("HOME")) }

func (h home) path(file string) string { return filepath.Join(string(h), filepath.FromSlash(file)) }

// keep writes the token and its server, each as a whole or not at
// all and for nobody else to read. No link leads it out of the home folder, and
// at no time is there a token beside the address of another server.
func (h home) keep(server kept, token string) error {
	address, err := server.text()
	if err != nil {
		return fmt.Errorf("encode the server: %w", err)
	}
	root, err := os.OpenRoot(string(h))
	if err != nil {
		return h.unwritable(err)
	}
	defer func() { _ = root.Close() }()
	if err := root.MkdirAll(homeFolder, 0o700); err != nil {
		return h.unwritable(err)
	}
	if err := root.Chmod(homeFolder, 0o700); err != nil {
		return h.unwritable(err)
	}
	if err := root.Remove(homeTokenFile); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return h.unwritable(err)
	}
	for _, file := range [][2]string{{homeServerFile, address}, {homeTokenFile, token}} {
		if err := replaceFile(root, file[0], file[1]+"\n"); err != nil {
			return h.unwritable(err)
		}
	}
	return nil
}

// replaceFile puts a new file of that text where name is; a link there is
// replaced, not followed.
func replaceFile(root *os.Root, name, text string) error {
	draft := name + ".new-" + rand.Text()
	file, err := root.OpenFile(draft, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = file.WriteString(text)
	if err = errors.Join(err, file.Sync(), file.Close()); err == nil {
		err = root.Rename(draft, name)
	}
	if err != nil {
		return errors.Join(err, root.Remove(draft))
	}
	return nil
}

// forget removes what login kept, and reports whether there was a token.
func (h home) forget() (bool, error) {
	root, err := os.OpenRoot(string(h))
	if err != nil {
		return false, h.unwritable(err)
	}
	defer func() { _ = root.Close() }()
	was := false
	for _, file := range []string{homeTokenFile, homeServerFile} {
		switch err := root.Remove(file); {
		case err == nil:
			was = was || file == homeTokenFile
		case !errors.Is(err, fs.ErrNotExist):
			return was, h.unwritable(err)
		}
	}
	return was, nil
}

func (h home) unwritable(err error) *Error {
	return &Error{
		Code: "home_unwritable", Cause: fmt.Sprintf("%s cannot be changed: %v", quote(h.path(homeFolder)), err),
		Fix: "check who owns it, its permissions, and that no link leads out of the home folder", Exit: ExitUsage,
	}
}

// errNoHome is the want of a home folder.
func errNoHome() *Error {
	return usage("HOME is not set, so there is nowhere to keep a token", "set HOME; or do without: "+safeWays)
}
