package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/pflag"
)

// The exit codes of every command.
const (
	ExitDone        = 0
	ExitRefused     = 1 // the server or the command said no
	ExitUsage       = 2 // the command line, the environment or a file it names is wrong
	ExitUnreachable = 3 // no answer from the server
)

// Error is a failure as a person needs it told. Its texts may hold what a server
// or a user wrote; Fail makes them harmless.
type Error struct {
	Code  string // short and stable, or the server's own
	Cause string
	Fix   string // what to do; may be empty
	// Exit is one of the exit codes; 0 is taken as ExitRefused.
	Exit       int
	TrackingID string // names the request in the server's log; may be empty
	DenialID   string // names the refusal in the audit trail; may be empty
	// JSON makes Fail print one JSON object in place of lines.
	JSON bool
}

func (e *Error) Error() string { return e.Code + ": " + e.Cause }

// usage is a command that cannot be carried out as it was written.
func usage(cause, fix string) *Error {
	return &Error{Code: "usage", Cause: cause, Fix: fix, Exit: ExitUsage}
}

// Fail prints err to stderr as code, cause and fix, and returns the exit code of
// the process; ExitDone for nil. Errors that are no Error are told apart as
// usage errors of cobra and all others, which are ExitRefused. Whatever looks
// like a credential is left out.
func Fail(err error, stderr io.Writer) int {
	if err == nil {
		return ExitDone
	}
	e := *asError(err)
	if e.Exit == ExitDone {
		e.Exit = ExitRefused
	}
	for _, text := range []*string{&e.Code, &e.Cause, &e.Fix, &e.TrackingID, &e.DenialID} {
		*text = printableLines(redact(*text))
	}
	if e.JSON {
		_ = json.NewEncoder(stderr).Encode(struct { // nowhere is left to say that it failed
			Code       string `json:"code"`
			Cause      string `json:"cause"`
			Fix        string `json:"fix,omitempty"`
			Exit       int    `json:"exit"`
			TrackingID string `json:"trackingId,omitempty"`
			DenialID   string `json:"denialId,omitempty"`
		}{e.Code, e.Cause, e.Fix, e.Exit, e.TrackingID, e.DenialID})
		return e.Exit
	}
	_, _ = fmt.Fprintf(stderr, "error: %s\n  cause: %s\n", e.Code, indent(e.Cause))
	for _, line := range [][2]string{{"fix", e.Fix}, {"tracking id", e.TrackingID}, {"denial id", e.DenialID}} {
		if line[1] != "" {
			_, _ = fmt.Fprintf(stderr, "  %s: %s\n", line[0], indent(line[1]))
		}
	}
	return e.Exit
}

// indent sets the lines after the first deeper than the labels, so that no text
// looks like one.
func indent(text string) string { return strings.ReplaceAll(text, "\n", "\n    ") }

// asError returns err as an Error.
func asError(err error) *Error {
	if own, ok := errors.AsType[*Error](err); ok {
		return own
	}
	if isCobraUsage(err) {
		return flagError(err)
	}
	if errors.Is(err, context.Canceled) {
		return &Error{Code: "interrupted", Cause: "the command was interrupted", Exit: ExitRefused}
	}
	return &Error{Code: "failed", Cause: err.Error(), Exit: ExitRefused}
}

// isCobraUsage reports whether err is a complaint of cobra or pflag about the
// command line. cobra has no types for its own.
func isCobraUsage(err error) bool {
	for _, is := range []func(error) bool{
		isType[*pflag.NotExistError], isType[*pflag.ValueRequiredError], isType[*pflag.InvalidValueError], isType[*pflag.InvalidSyntaxError],
	} {
		if is(err) {
			return true
		}
	}
	for _, begin := range []string{"unknown command ", "required flag(s) ", "accepts ", "requires at least ", "if any flags in the group "} {
		if strings.HasPrefix(err.Error(), begin) {
			return true
		}
	}
	return false
}

func isType[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

// flagError is a command line that cobra or pflag did not understand.
func flagError(err error) *Error {
	if unknown, ok := errors.AsType[*pflag.NotExistError](err); ok {
		switch unknown.GetSpecifiedName() {
		case "token", "pat", "secret", "password":
			return usage("there is no flag --"+unknown.GetSpecifiedName()+": a credential on the command line can be read by others", safeWays)
		}
	}
	if invalid, ok := errors.AsType[*pflag.InvalidValueError](err); ok {
		return usage("--"+invalid.GetFlag().Name+" cannot be "+quote(invalid.GetValue()), "see --help")
	}
	cause, suggested, _ := strings.Cut(err.Error(), "\n\nDid you mean this?\n")
	fix := "see --help"
	if names := strings.Fields(suggested); len(names) > 0 {
		fix = "if you mean " + strings.Join(names, " or ") + ", write that; else see --help"
	}
	return usage(cause, fix)
}
