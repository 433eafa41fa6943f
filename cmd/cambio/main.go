package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"

	"github.com/cambio-sts/cambio/internal/cli"
)

func main() { os.Exit(run()) }

func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	env := cli.Env{
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Getenv: os.Getenv, StdoutIsTerminal: isatty.IsTerminal(os.Stdout.Fd()),
		ReadHidden: hiddenReader(), Now: time.Now, Exec: execute,
	}
	root := newRoot(env)
	if err := root.ExecuteContext(ctx); err != nil {
		return cli.Fail(describe(err), env.Stderr)
	}
	return 0
}

func newRoot(env cli.Env) *cobra.Command {
	root := &cobra.Command{
		Use:           "cambio",
		Short:         "Exchange personal access tokens for short-lived JWTs that any service verifies offline",
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetIn(env.Stdin)
	root.SetOut(env.Stdout)
	root.SetErr(env.Stderr)
	root.Version = cli.Version()
	root.SetVersionTemplate("{{.Version}}")
	root.Flags().Bool("version", false, "print the version of this program")
	root.AddCommand(newDev(), newServe(), newInit(), newBootstrap(), newLink(), newBackup(), newRestore(), newMigrate(), newMan(), newDoctor(), newMasterKey())
	root.AddCommand(cli.New(env)...)
	root.InitDefaultCompletionCmd() // cobra would make it later, out of reach
	for _, command := range root.Commands() {
		if command.Name() == "completion" {
			cli.RequireSubcommand(command)
		}
	}
	return root
}
