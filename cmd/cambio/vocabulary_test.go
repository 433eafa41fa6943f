package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/cli"
	"github.com/cambio-sts/cambio/pat"
)

// TestCompletionKnowsTheWords has the client, which knows no package of the
// domain, complete what those have.
func TestCompletionKnowsTheWords(t *testing.T) {
	var rights []string
	for _, right := range directory.Rights() {
		rights = append(rights, string(right))
	}
	require.ElementsMatch(t, rights, completed(t, "role", "assign", "--right", ""))
	require.Subset(t, completed(t, "pat", "create", "--scope", ""), append(rights, pat.ScopeAll, pat.ScopeDefault, pat.ScopeAdminister))
}

// completed returns what a shell offers after args.
func completed(t *testing.T, args ...string) []string {
	t.Helper()
	var stdout, stderr bytes.Buffer
	root := newRoot(cli.Env{
		Stdin: strings.NewReader(""), Stdout: &stdout, Stderr: &stderr, Getenv: func(string) string { return "" }, Now: time.Now,
	})
	root.SetArgs(append([]string{"__complete"}, args...))
	require.NoError(t, root.ExecuteContext(t.Context()))
	words := strings.Fields(stdout.String())
	require.NotEmpty(t, words)
	return words[:len(words)-1] // the last one is a directive
}
