package doctor

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/cambio-sts/cambio/internal/plain"
)

// Schema is the version of the JSON form of a Report. Members may be added to it;
// none is removed or changes its meaning without another number.
const Schema = 1

// Status is how a check ended.
type Status string

// The ways.
const (
	OK   Status = "OK"
	Warn Status = "WARN" // it works, and will not always
	Fail Status = "FAIL" // it does not work, or is not safe
	Skip Status = "SKIP" // it is of no use here, or cannot be looked at
)

// The exit codes of a Report.
const (
	ExitOK   = 0
	ExitWarn = 1 // something is WARN, nothing FAIL
	ExitFail = 2
)

// Report is what was found.
type Report struct {
	Schema int       `json:"schema"`
	At     time.Time `json:"at"`
	Status Status    `json:"status"` // the worst of all checks: OK, WARN or FAIL
	Exit   int       `json:"exit"`
	// Configuration has every key with its value and where that came from; none if it
	// cannot be read.
	Configuration []Setting `json:"configuration"`
	Checks        []Result  `json:"checks"` // each of the table, in its order
}

// Setting is one key of the configuration.
type Setting struct {
	Key   string `json:"key"`
	Value string `json:"value"` // of a list of maps how many there are
	From  string `json:"from"`  // file and line, variable, flag, or "default"
}

// Result is what one check found.
type Result struct {
	ID     string `json:"id"`
	Title  string `json:"title"`
	Status Status `json:"status"`
	// Looked is what was looked at, and seen; of a check that was skipped, why.
	Looked   string    `json:"looked"`
	Findings []Finding `json:"findings"`
}

// Finding is one thing that is wrong.
type Finding struct {
	Status Status `json:"status"` // WARN or FAIL
	Cause  string `json:"cause"`
	Fix    Fix    `json:"fix"`
}

// Fix is what to do. Where it has more than one of Command, Edit and Place all of them are needed.
type Fix struct {
	// Text says it in words.
	Text string `json:"text"`
	// Command is for a shell on this machine.
	Command string `json:"command,omitempty"`
	// Edit changes a key of the configuration.
	Edit *Edit `json:"edit,omitempty"`
	// Place puts a file that only its owner has where it belongs.
	Place *Place `json:"place,omitempty"`
}

// Edit is a change of one key in a configuration file.
type Edit struct {
	File string `json:"file"`
	Key  string `json:"key"` // dotted, such as listen.addr or webhooks[0].url
	// Value is what to write; of no meaning with Remove.
	Value  any  `json:"value,omitempty"`
	Remove bool `json:"remove,omitempty"` // take the key out of the file
}

// value is Value as YAML has it on one line, which JSON is.
func (e *Edit) value() string {
	var text strings.Builder
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(e.Value); err != nil {
		return fmt.Sprint(e.Value)
	}
	return strings.TrimSuffix(text.String(), "\n")
}

// Place is a file to be put into place.
type Place struct {
	File string `json:"file"`
	What string `json:"what"` // what has to be in it
}

func fail(cause string, fix Fix) Finding { return Finding{Fail, cause, fix} }
func warn(cause string, fix Fix) Finding { return Finding{Warn, cause, fix} }

// say is a fix that is told in words alone.
func say(text string) Fix { return Fix{Text: text} }

// run is a fix that is a command of words.
func run(text string, words ...string) Fix { return Fix{Text: text, Command: shell(words...)} }

// shell joins words to a command that a shell takes apart again.
func shell(words ...string) string {
	quoted := make([]string, len(words))
	for i, word := range words {
		quoted[i] = word
		if word == "" || strings.ContainsFunc(word, func(r rune) bool { return !isPlain(r) }) {
			quoted[i] = "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
		}
	}
	return strings.Join(quoted, " ")
}

func isPlain(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./:@%+=,", r)
}

// Write prints the report for people: a line for each check, and below it what is
// wrong and how to mend it. With settings it begins with the configuration.
func (r *Report) Write(w io.Writer, settings bool) error {
	var b strings.Builder
	if settings {
		for _, s := range r.Configuration {
			fmt.Fprintf(&b, "%s = %s  (%s)\n", s.Key, line(s.Value), line(s.From))
		}
	}
	counts := map[Status]int{}
	for i := range r.Checks {
		check := &r.Checks[i]
		counts[check.Status]++
		fmt.Fprintf(&b, "%-4s  %-18s  %s: %s\n", check.Status, check.ID, check.Title, line(check.Looked))
		for j := range check.Findings {
			check.Findings[j].write(&b)
		}
	}
	fmt.Fprintf(&b, "%d OK, %d WARN, %d FAIL, %d SKIP\n", counts[OK], counts[Warn], counts[Fail], counts[Skip])
	_, err := io.WriteString(w, b.String())
	return err
}

// line is text without what steers a terminal or ends a line: some of it was said by
// other machines.
func line(text string) string {
	var b strings.Builder
	for _, r := range text {
		if plain.Steers(r) {
			fmt.Fprintf(&b, `\u%04x`, r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

func (f *Finding) write(b *strings.Builder) {
	fmt.Fprintf(b, "      %s: %s\n      fix: %s\n", f.Status, line(f.Cause), line(f.Fix.Text))
	if f.Fix.Command != "" {
		fmt.Fprintf(b, "        $ %s\n", line(f.Fix.Command))
	}
	switch edit := f.Fix.Edit; {
	case edit == nil:
	case edit.Remove:
		fmt.Fprintf(b, "        in %s remove %s\n", line(edit.File), line(edit.Key))
	default:
		fmt.Fprintf(b, "        in %s set %s: %s\n", line(edit.File), line(edit.Key), line(edit.value()))
	}
	if place := f.Fix.Place; place != nil {
		fmt.Fprintf(b, "        put into %s: %s\n", line(place.File), line(place.What))
	}
}
