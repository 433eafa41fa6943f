package cli

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/cambio-sts/cambio/internal/plain"
)

// printable returns text with every character that could steer a terminal or
// deceive its reader as a visible escape: control characters, bidirectional
// overrides, invisible ones, line ends, and bytes that are no UTF-8.
func printable(text string) string {
	if utf8.ValidString(text) && !strings.ContainsFunc(text, isHidden) {
		return text
	}
	var out strings.Builder
	for text != "" {
		r, size := utf8.DecodeRuneInString(text)
		switch {
		case r == utf8.RuneError && size == 1:
			out.WriteString(`\x` + strconv.FormatUint(uint64(text[0]), 16))
		case isHidden(r):
			quoted := strconv.QuoteRuneToASCII(r)
			out.WriteString(quoted[1 : len(quoted)-1])
		default:
			out.WriteString(text[:size])
		}
		text = text[size:]
	}
	return out.String()
}

// printableLines is printable, but for the line ends.
func printableLines(text string) string {
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = printable(lines[i])
	}
	return strings.Join(lines, "\n")
}

// escaped returns JSON, or YAML that has such characters in double quotes alone, with
// \uXXXX for each that could steer a terminal: to whoever parses it, it is the same.
// Bytes that are no UTF-8, which parsers take for U+FFFD, become that.
func escaped(text []byte) []byte {
	if utf8.Valid(text) && !bytes.ContainsFunc(text, steersTerminal) {
		return text
	}
	var out []byte
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		if steersTerminal(r) || r == utf8.RuneError && size == 1 {
			out = fmt.Appendf(out, `\u%04x`, r)
		} else {
			out = append(out, text[:size]...)
		}
		text = text[size:]
	}
	return out
}

// steersTerminal leaves out the white space between values. In a JSON string it is
// escaped anyway.
func steersTerminal(r rune) bool { return plain.Steers(r) && !strings.ContainsRune("\t\n\r", r) }

func isHidden(r rune) bool { return !unicode.IsPrint(r) }

// quote returns what a user wrote in quotes, without a credential in it.
func quote(text string) string { return `"` + printable(redact(text)) + `"` }

// credentialShape is what a token, a Basic pair, the secret alone or a JWT looks
// like. Prefixes of tokens are configurable; those that are cut off are found by
// the usual prefix.
var credentialShape = regexp.MustCompile(
	`[a-z][a-z0-9_]*_[0-9a-f]{32}_[0-9A-Za-z]+|cambio_pat_\w+|[0-9a-f]{32}:[0-9A-Za-z_]{20,}|\b[0-9A-Za-z]{49}\b|eyJ[\w-]{10,}\.[\w-]+\.[\w-]*`,
)

// redact leaves out whatever looks like a credential.
func redact(text string) string { return credentialShape.ReplaceAllLiteralString(text, "[redacted]") }

func holdsCredential(text string) bool { return credentialShape.MatchString(text) }
