package httpx

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/cambio-sts/cambio/internal/secret"
)

const (
	typeForm      = "application/x-www-form-urlencoded"
	typeMultipart = "multipart/form-data"

	// maxParams bounds the parameters of one form, so that finding duplicates by
	// comparing stays cheap. No OAuth request has a fifth of it.
	maxParams = 100
)

// FormOptions says what ReadForm takes.
type FormOptions struct {
	MaxBytes       int64    // of the body; 0 means DefaultMaxBytes
	AllowMultipart bool     // take multipart/form-data with text fields too
	Repeatable     []string // parameters that may occur more than once

	// LooksSecret reports whether a value in the query string is a credential
	// whatever its parameter is called; nil goes by the names of parameters only.
	LooksSecret func(value string) bool
}

// Form is the parameters of one request body, decoded. The zero value is the
// empty form. It prints as redacted, since forms carry credentials.
type Form struct {
	fields    []field
	multipart bool
}

type field struct{ name, value string }

var _ fmt.Formatter = Form{}

// ReadForm reads the body of r as the OAuth endpoints take it: form-urlencoded,
// or multipart where allowed, within the limit, uncompressed, UTF-8 without NUL,
// each parameter once. The query string takes no part, but a credential in it,
// or a parameter that the body has too, is refused. Any error is a *FormError;
// w is only told to end the connection where the body is too large.
func ReadForm(w http.ResponseWriter, r *http.Request, opt FormOptions) (Form, error) {
	if err := CheckQuery(r.URL.RawQuery, opt.LooksSecret); err != nil {
		return Form{}, err
	}
	if err := checkEncoding(r.Header); err != nil {
		return Form{}, &FormError{Kind: err}
	}
	boundary, err := formType(r.Header, opt.AllowMultipart)
	if err != nil {
		return Form{}, &FormError{Kind: err}
	}
	body, err := readBody(w, r, opt.MaxBytes)
	if err != nil {
		return Form{}, &FormError{Kind: err}
	}
	collected := collector{repeatable: opt.Repeatable}
	if boundary != "" {
		err = collected.multipart(body, boundary)
	} else {
		err = collected.urlencoded(string(body))
	}
	if err != nil {
		return Form{}, err
	}
	form := Form{fields: collected.fields, multipart: boundary != ""}
	for name := range queryParams(r.URL.RawQuery) {
		if form.index(name) >= 0 {
			return Form{}, &FormError{Kind: ErrDuplicate, Param: knownParam(name)}
		}
	}
	return form, nil
}

// formType returns the boundary of a multipart body, empty for a urlencoded one.
func formType(h http.Header, allowMultipart bool) (boundary string, err error) {
	if values := h["Content-Type"]; len(values) == 1 && values[0] == typeForm {
		return "", nil
	}
	media, params, err := mediaType(h)
	if err != nil {
		return "", err
	}
	switch {
	case media == typeForm && len(params) == 0:
		return "", nil
	case media == typeMultipart && allowMultipart && len(params) == 1 && params["boundary"] != "":
		return params["boundary"], nil
	}
	return "", ErrMediaType
}

// Get returns the first value of name; empty when it is absent.
func (f Form) Get(name string) string {
	if i := f.index(name); i >= 0 {
		return f.fields[i].value
	}
	return ""
}

// All returns the values of name that are not empty, in the order sent.
func (f Form) All(name string) []string {
	var values []string
	for _, field := range f.fields {
		if field.name == name && field.value != "" {
			values = append(values, field.value)
		}
	}
	return values
}

// Has reports whether name has a value. A parameter sent without one counts as
// omitted (RFC 6749 §3.2).
func (f Form) Has(name string) bool {
	for _, field := range f.fields {
		if field.name == name && field.value != "" {
			return true
		}
	}
	return false
}

// Multipart reports whether the body was multipart/form-data.
func (f Form) Multipart() bool { return f.multipart }

// Values returns a copy of the form as net/http has it.
func (f Form) Values() url.Values {
	values := make(url.Values, len(f.fields))
	for _, field := range f.fields {
		values[field.name] = append(values[field.name], field.value)
	}
	return values
}

// Format writes secret.Redacted for every verb.
func (Form) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, secret.Redacted) }

func (f Form) index(name string) int { return index(f.fields, name) }

// collector takes up the parameters of a body, one by one, and refuses what no
// form may hold.
type collector struct {
	fields     []field
	repeatable []string
}

// urlencoded adds the parameters of a urlencoded body. Empty pairs, as in `a=1&&b=2`
// or a trailing ampersand, are passed over as browsers and net/url do.
func (c *collector) urlencoded(body string) error {
	c.fields = make([]field, 0, min(strings.Count(body, "&")+1, maxParams))
	for body != "" {
		var pair string
		pair, body, _ = strings.Cut(body, "&")
		if pair == "" {
			continue
		}
		if strings.IndexByte(pair, ';') >= 0 {
			return &FormError{Kind: ErrMalformed}
		}
		rawName, rawValue, _ := strings.Cut(pair, "=")
		name, err := url.QueryUnescape(rawName)
		if err != nil {
			return &FormError{Kind: ErrMalformed}
		}
		value, err := url.QueryUnescape(rawValue)
		if err != nil {
			return &FormError{Kind: ErrMalformed, Param: knownParam(name)}
		}
		if err := c.add(name, value); err != nil {
			return err
		}
	}
	return nil
}

func (c *collector) add(name, value string) error {
	if name == "" || len(c.fields) == maxParams || !isText(name) {
		return &FormError{Kind: ErrMalformed}
	}
	if strings.IndexByte(value, 0) >= 0 {
		return &FormError{Kind: ErrNUL, Param: knownParam(name)}
	}
	if !utf8.ValidString(value) {
		return &FormError{Kind: ErrMalformed, Param: knownParam(name)}
	}
	if index(c.fields, name) >= 0 && !slices.Contains(c.repeatable, name) {
		return &FormError{Kind: ErrDuplicate, Param: knownParam(name)}
	}
	c.fields = append(c.fields, field{name, value})
	return nil
}

func index(fields []field, name string) int {
	return slices.IndexFunc(fields, func(field field) bool { return field.name == name })
}

// isText reports whether s is UTF-8 without NUL.
func isText(s string) bool {
	return strings.IndexByte(s, 0) < 0 && utf8.ValidString(s)
}
