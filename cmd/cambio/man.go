package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"unicode"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/cambio-sts/cambio/internal/cli"
)

// newMan makes the command that writes the manual. It is hidden: archives of a
// release have the pages, and who builds the program from source finds it in
// docs/deploy.md.
func newMan() *cobra.Command {
	return &cobra.Command{
		Use:    "man DIRECTORY",
		Short:  "Write a manual page for each command",
		Long:   "Write a manual page for each command into an existing folder, such as share/man/man1.",
		Args:   cobra.ExactArgs(1),
		Hidden: true,
		RunE: func(command *cobra.Command, args []string) error {
			return writePages(command.Root(), args[0])
		},
	}
}

// writePages writes the pages of a command and of all below it that are no
// secret.
func writePages(command *cobra.Command, dir string) error {
	file := filepath.Join(dir, pageName(command)+".1")
	if err := os.WriteFile(file, []byte(page(command)), 0o644); err != nil { //nolint:gosec // a manual is for everybody
		return fmt.Errorf("write a manual page: %w", err)
	}
	for _, below := range visible(command) {
		if err := writePages(below, dir); err != nil {
			return err
		}
	}
	return nil
}

func visible(command *cobra.Command) []*cobra.Command {
	var found []*cobra.Command
	for _, below := range command.Commands() {
		if below.IsAvailableCommand() {
			found = append(found, below)
		}
	}
	return found
}

func pageName(command *cobra.Command) string {
	return strings.ReplaceAll(command.CommandPath(), " ", "-")
}

// page is the manual page of one command, in the macros of man(7).
func page(command *cobra.Command) string {
	var out strings.Builder
	title := pageName(command)
	macro(&out, "TH", strings.ToUpper(title), "1", "", "cambio "+cli.BareVersion(), "Cambio")
	macro(&out, "SH", "NAME")
	line(&out, roff(title)+` \- `+roff(command.Short))
	macro(&out, "SH", "SYNOPSIS")
	line(&out, `\fB`+roff(command.CommandPath())+`\fR`+roff(strings.TrimPrefix(command.UseLine(), command.CommandPath())))
	macro(&out, "SH", "DESCRIPTION")
	prose(&out, firstText(command.Long, command.Short+"."))
	flags(&out, "OPTIONS", command.NonInheritedFlags())
	flags(&out, "INHERITED OPTIONS", command.InheritedFlags())
	if command.HasExample() {
		macro(&out, "SH", "EXAMPLES")
		literal(&out, command.Example)
	}
	var related []string
	if command.HasParent() {
		related = append(related, pageName(command.Parent()))
	}
	for _, below := range visible(command) {
		related = append(related, pageName(below))
	}
	macro(&out, "SH", "SEE ALSO")
	for i, name := range related {
		end := ","
		if i == len(related)-1 {
			end = ""
		}
		macro(&out, "BR", name, "(1)"+end)
	}
	return out.String()
}

func firstText(texts ...string) string {
	for _, text := range texts {
		if strings.TrimSpace(text) != "" {
			return text
		}
	}
	return ""
}

// prose writes paragraphs. Lines that are indented stay as they are.
func prose(out *strings.Builder, text string) {
	for paragraph := range strings.SplitSeq(strings.Trim(text, "\n"), "\n\n") {
		macro(out, "PP")
		if strings.HasPrefix(paragraph, " ") {
			literal(out, paragraph)
			continue
		}
		for written := range strings.SplitSeq(paragraph, "\n") {
			line(out, roff(written))
		}
	}
}

func literal(out *strings.Builder, text string) {
	macro(out, "nf")
	for written := range strings.SplitSeq(strings.Trim(text, "\n"), "\n") {
		line(out, roff(written))
	}
	macro(out, "fi")
}

func flags(out *strings.Builder, title string, set *pflag.FlagSet) {
	if !set.HasAvailableFlags() {
		return
	}
	macro(out, "SH", title)
	set.VisitAll(func(flag *pflag.Flag) {
		if flag.Hidden || flag.Deprecated != "" {
			return
		}
		kind, usage := pflag.UnquoteUsage(flag)
		label := `\fB` + roff("--"+flag.Name) + `\fR`
		if flag.Shorthand != "" {
			label = `\fB` + roff("-"+flag.Shorthand) + `\fR, ` + label
		}
		if kind != "" {
			label += ` \fI` + roff(kind) + `\fR`
		}
		macro(out, "TP")
		line(out, label)
		if flag.DefValue != "" && flag.DefValue != "false" && flag.DefValue != "[]" && flag.DefValue != "0" {
			usage += fmt.Sprintf(" (default %s)", flag.DefValue)
		}
		for written := range strings.SplitSeq(usage, "\n") {
			line(out, roff(written))
		}
	})
}

// macro writes a request or macro with quoted arguments.
func macro(out *strings.Builder, name string, arguments ...string) {
	out.WriteString("." + name)
	for _, argument := range arguments {
		out.WriteString(` "` + strings.ReplaceAll(roff(argument), `"`, `\(dq`) + `"`)
	}
	out.WriteByte('\n')
}

// line writes a line of text; one that is empty or begins like a request would be
// read as something else.
func line(out *strings.Builder, text string) {
	if text == "" || text[0] == '.' || text[0] == '\'' {
		text = `\&` + text
	}
	out.WriteString(text + "\n")
}

// roff escapes what the formatter would interpret, and what is no ASCII, and keeps a
// hyphen one that can be copied.
func roff(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`, "`", `\(ga`, "'", `\(aq`, "^", `\(ha`, "~", `\(ti`).Replace(text)
	var out strings.Builder
	for _, r := range text {
		if r > unicode.MaxASCII {
			fmt.Fprintf(&out, `\[u%04X]`, r)
			continue
		}
		out.WriteRune(r)
	}
	return out.String()
}
