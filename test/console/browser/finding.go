package browser

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/chromedp/cdproto/runtime"
)

// expectation is a finding that a test allows.
type expectation struct {
	pattern *regexp.Regexp
	met     bool
}

// find adds a finding, once.
func (w *watch) find(kind, text string) {
	finding := kind + ": " + strings.TrimSpace(text)
	if !w.quiet && !slices.Contains(w.findings, finding) {
		w.findings = append(w.findings, finding)
	}
}

// verdict returns the findings that nothing allowed, and the expectations that
// nothing met.
func (w *watch) verdict() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var wrong []string
	for _, finding := range w.findings {
		allowed := false
		for _, e := range w.expected {
			if e.pattern.MatchString(finding) {
				e.met, allowed = true, true
			}
		}
		if !allowed {
			wrong = append(wrong, finding)
		}
	}
	for _, e := range w.expected {
		if !e.met {
			wrong = append(wrong, "expected, but it did not happen: "+e.pattern.String())
		}
	}
	if len(w.answers) > 0 {
		wrong = append(wrong, fmt.Sprintf("expected, but not opened: %d dialogs", len(w.answers)))
	}
	return wrong
}

func (w *watch) expect(pattern string) error {
	compiled, err := regexp.Compile(pattern)
	if err != nil {
		return fmt.Errorf("not a pattern: %w", err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.expected = append(w.expected, &expectation{pattern: compiled})
	return nil
}

func (w *watch) expectDialog(accept bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.answers = append(w.answers, accept)
}

// violationText tells what an event securitypolicyviolation did.
func violationText(payload string) string {
	var v struct {
		Directive, Blocked, File, Sample string
		Line                             int
	}
	if err := json.Unmarshal([]byte(payload), &v); err != nil {
		return payload
	}
	return strings.TrimSpace(fmt.Sprintf("%s blocked %s at %s:%d %s", v.Directive, v.Blocked, v.File, v.Line, v.Sample))
}

func exceptionText(e *runtime.ExceptionDetails) string {
	text := e.Text
	if e.Exception != nil && e.Exception.Description != "" {
		text += " " + e.Exception.Description
	} else if e.Exception != nil {
		text += " " + string(e.Exception.Value)
	}
	return strings.TrimSpace(fmt.Sprintf("%s %s:%d", text, e.URL, e.LineNumber+1))
}

func argumentsText(args []*runtime.RemoteObject) string {
	texts := make([]string, len(args))
	for i, arg := range args {
		var text string
		switch {
		case json.Unmarshal(arg.Value, &text) == nil:
			texts[i] = text
		case arg.Description != "":
			texts[i] = arg.Description
		default:
			texts[i] = string(arg.Value)
		}
	}
	return strings.Join(texts, " ")
}
