package cli

import (
	"errors"
	"io"
	"io/fs"
	"net/url"
	"os"
	"strings"

	"github.com/cambio-sts/cambio/internal/secret"
)

// safeWays is how a credential reaches a command.
const safeWays = "set CAMBIO_TOKEN, name a file with --token-file FILE, or pipe it in with --token-file -"

// maxCredential is the greatest size of a credential, in bytes.
const maxCredential = 64 << 10

// credential is a token and where it came from, for messages.
type credential struct {
	text   secret.Text
	source string
}

// credential returns the token to use: of --token-file, else CAMBIO_TOKEN, else
// ~/.config/cambio/token. That one is sent to the server it was kept for alone;
// without a base it is that.
func (c *call) credential(base *url.URL) (credential, error) {
	if c.opts.tokenFile != "" {
		return c.credentialAt(c.opts.tokenFile)
	}
	if text := c.env.Getenv("CAMBIO_TOKEN"); text != "" {
		return newCredential(text, "CAMBIO_TOKEN")
	}
	text, found, err := c.home().read(privateToken)
	if err != nil {
		return credential{}, err
	}
	if !found {
		return credential{}, usage("there is no token", safeWays+"; or keep one with cambio login")
	}
	kept, err := c.home().server()
	if err != nil {
		return credential{}, err
	}
	if base != nil && kept.Server != "" && kept.Server != base.String() {
		return credential{}, &Error{
			Code: "other_server", Cause: "the token of cambio login is for " + quote(kept.Server) + ", and is not sent to " + quote(base.String()),
			Fix: "log in there with cambio login --server " + base.String() + "; or " + safeWays, Exit: ExitUsage,
		}
	}
	return credentialOf(text, "the file "+quote(c.home().path(homeTokenFile)))
}

// credentialAt reads a token from the file at path, or from stdin if path is -.
func (c *call) credentialAt(path string) (credential, error) {
	input, source := c.env.Stdin, "what came on stdin"
	if path != "-" {
		file, err := os.Open(path) //nolint:gosec // the user names it
		if err != nil {
			return credential{}, unreadable(path, err)
		}
		defer func() { _ = file.Close() }()
		input, source = file, "the file "+quote(path)
	}
	data, err := io.ReadAll(io.LimitReader(input, maxCredential+1))
	if err != nil {
		return credential{}, unreadable(path, err)
	}
	return credentialOf(data, source)
}

// credentialOf is the token on the one line of a file.
func credentialOf(data []byte, source string) (credential, error) {
	text, _ := strings.CutSuffix(string(data), "\n")
	text, _ = strings.CutSuffix(text, "\r")
	return newCredential(text, source)
}

// newCredential refuses what cannot stand in a header.
func newCredential(text, source string) (credential, error) {
	if text == "" {
		return credential{}, usage("there is no token: "+source+" is empty", safeWays)
	}
	if len(text) > maxCredential || strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return credential{}, usage(source+" holds more or other than one token", "put the token alone there, on one line")
	}
	return credential{secret.New(text), source}, nil
}

func unreadable(path string, err error) *Error {
	if failed, ok := errors.AsType[*fs.PathError](err); ok {
		err = failed.Err
	}
	return &Error{Code: "file_unreadable", Cause: quote(path) + ": " + err.Error(), Fix: "check its name and permissions", Exit: ExitUsage}
}
