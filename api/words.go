package api

import (
	"net/http"
	"regexp"
	"time"
)

// Words tells the errors of the use cases as the API does, for another door that
// people read. It is safe to share.
type Words struct{ catalogues catalogues }

// NewWords returns the words of the product's languages and of others.
func NewWords(others ...Catalogue) *Words { return &Words{newCatalogues(others...)} }

// Explanation is what went wrong, for who asked.
type Explanation struct {
	Status     int // of HTTP
	Message    string
	Causes     []Cause
	RetryAfter time.Duration
}

// Cause is one thing that is wrong, and what to do.
type Cause struct {
	Field string // as the API names it, without an index; empty: no single one
	Text  string
}

// fieldPrefix begins a cause that tells of one field.
var fieldPrefix = regexp.MustCompile(`^([A-Za-z]+)(\[\d+\])?: `)

// Explain tells an error in the language of the reader (RFC 9110 §12.5.4). Status is
// 500 for one that the API does not know.
func (w *Words) Explain(err error, acceptLanguage string) Explanation {
	found, _ := answerTo(err)
	speaker := w.catalogues.speaker(acceptLanguage)
	if found.unauthorized != "" { // of a credential that a page never has
		found = answer{status: http.StatusUnauthorized, message: messageForbidden}
	}
	told := Explanation{Status: found.status, RetryAfter: found.retryAfter}
	if found.message != "" {
		told.Message = speaker.text(found.message, nil)
	}
	for _, one := range found.causes {
		text, field := speaker.text(one.key, one.args), ""
		if match := fieldPrefix.FindStringSubmatch(text); match != nil {
			field, text = match[1], text[len(match[0]):]
		}
		told.Causes = append(told.Causes, Cause{Field: field, Text: text})
	}
	return told
}
