package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/cli"
	"github.com/cambio-sts/cambio/internal/testenv"
)

func manRoot(t *testing.T) *cobra.Command {
	t.Helper()
	return newRoot(cli.Env{
		Stdin: strings.NewReader(""), Stdout: &bytes.Buffer{}, Stderr: &bytes.Buffer{}, Getenv: func(string) string { return "" }, Now: time.Now,
	})
}

// writtenPages has the command write its pages, and returns their paths.
func writtenPages(t *testing.T) []string {
	t.Helper()
	dir := t.TempDir()
	root := manRoot(t)
	root.SetArgs([]string{"man", dir})
	require.NoError(t, root.ExecuteContext(t.Context()))
	pages, err := filepath.Glob(filepath.Join(dir, "*"))
	require.NoError(t, err)
	return pages
}

func TestManHasEachCommand(t *testing.T) {
	pages := writtenPages(t)
	dir := filepath.Dir(pages[0])
	count := 0
	var walk func(command *cobra.Command)
	walk = func(command *cobra.Command) {
		count++
		text, err := os.ReadFile(filepath.Join(dir, strings.ReplaceAll(command.CommandPath(), " ", "-")+".1"))
		require.NoError(t, err)
		require.Contains(t, string(text), roff(command.Short))
		for _, below := range command.Commands() {
			if !below.Hidden && below.Name() != "help" {
				require.Contains(t, string(text), `"`+roff(pageName(below))+`" "(1)`)
				walk(below)
			}
		}
	}
	walk(manRoot(t))
	require.Len(t, pages, count)
	require.NoFileExists(t, filepath.Join(dir, "cambio-man.1"), "it is hidden")
}

func TestManNamesEachKeyOfServe(t *testing.T) {
	text := page(func() *cobra.Command {
		command, _, err := manRoot(t).Find([]string{"serve"})
		require.NoError(t, err)
		return command
	}())
	require.Contains(t, text, "\n.TP\n\\fB\\-\\-store\\-url\\fR")
	require.Contains(t, text, "\n.SH \"NAME\"\ncambio\\-serve \\- Run the server\n")
	require.NotContains(t, text, "`")
}

func TestManIsFormattedWithoutAWarning(t *testing.T) {
	groff := testenv.Need(t, "groff")
	arguments := append([]string{"-ww", "-man", "-Tutf8"}, writtenPages(t)...)
	command := exec.CommandContext(t.Context(), groff, arguments...)
	var complaints bytes.Buffer
	command.Stderr = &complaints
	output, err := command.Output()
	require.NoError(t, err)
	require.Empty(t, complaints.String())
	require.True(t, bytes.Contains(output, []byte("cambio-serve - Run the server")))
}

func TestRoffEscapes(t *testing.T) {
	require.Equal(t, `a\-b \(aqc\(aq \(gad\(ga \e \(ti\(ha \[u2026]`, roff("a-b 'c' `d` \\ ~^ …"))
	var out strings.Builder
	line(&out, ".profile")
	line(&out, "")
	macro(&out, "SH", `say "x"`)
	require.Equal(t, "\\&.profile\n\\&\n.SH \"say \\(dqx\\(dq\"\n", out.String())
}
