package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
)

// maxInput is the greatest size of a file with a body of the API, in bytes: that
// of a body.
const maxInput = 64 << 10

// argument returns the positional argument of that index, or none.
func (c *call) argument(index int) string {
	if index < len(c.args) {
		return c.args[index]
	}
	return ""
}

// named returns the name of what a command makes: its argument, or the value of the
// flag that says the same, as for tokens.
func (c *call) named(flag, value string) (string, error) {
	name := strings.ToUpper(flag)
	switch positional, flagged := len(c.args) > 0, c.changed(flag); {
	case positional && flagged:
		return "", usage("the "+flag+" is given twice", "write either "+name+" or --"+flag+" "+name)
	case positional:
		return c.args[0], nil
	case flagged:
		return value, nil
	}
	return "", usage("the "+flag+" is missing", "write "+c.command.CommandPath()+" "+name+", or --"+flag+" "+name)
}

// readObject reads the one JSON object in the file that flag names, or on stdin
// if its path is -.
func (c *call) readObject(path, flag string) (json.RawMessage, error) {
	return c.readObjectUpTo(maxInput, path, flag)
}

// readObjectUpTo is readObject for a file of at most so many bytes.
func (c *call) readObjectUpTo(most int64, path, flag string) (json.RawMessage, error) {
	input, source := c.env.Stdin, "what came on stdin"
	if path == "-" && c.opts.tokenFile == "-" {
		return nil, usage("stdin cannot hold both the token and the file of --"+flag, "name a file for one of them, with --"+flag+" or --token-file")
	}
	if path != "-" {
		file, err := os.Open(path) //nolint:gosec // the user names it
		if err != nil {
			return nil, unreadable(path, err)
		}
		defer func() { _ = file.Close() }()
		input, source = file, "the file "+quote(path)
	}
	data, err := io.ReadAll(io.LimitReader(input, most+1))
	if err != nil {
		return nil, unreadable(path, err)
	}
	data = bytes.TrimSpace(data)
	if int64(len(data)) > most || !json.Valid(data) || data[0] != '{' {
		return nil, usage(source+fmt.Sprintf(" is not one JSON object of at most %d KiB", most>>10), "write it in the form that get or export -o json prints")
	}
	return data, nil
}
