package main

import (
	"context"
	"os"

	"golang.org/x/term"
)

// hiddenReader returns what reads a line from the terminal on stdin without
// showing it; nil where stdin is none.
func hiddenReader() func(context.Context) ([]byte, error) {
	terminal := int(os.Stdin.Fd())
	if !term.IsTerminal(terminal) {
		return nil
	}
	return func(ctx context.Context) ([]byte, error) {
		before, err := term.GetState(terminal)
		if err != nil {
			return nil, err
		}
		type read struct {
			line []byte
			err  error
		}
		done := make(chan read, 1)
		go func() {
			line, err := term.ReadPassword(terminal)
			done <- read{line, err}
		}()
		select {
		case got := <-done:
			return got.line, got.err
		case <-ctx.Done(): // the read goes on until the process ends, which is soon
			_ = term.Restore(terminal, before) // or else nothing that is typed would be seen afterwards
			return nil, ctx.Err()
		}
	}
}
