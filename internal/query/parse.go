package query

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/cambio-sts/cambio/internal/instant"
)

const (
	maxFilterLength = 4000 // bytes
	maxComparisons  = 20
	maxInValues     = 250
)

// Error says where a filter or sorter is wrong and how to mend it.
type Error struct {
	Parameter string // filters or sorters
	Position  int    // of the character at fault, from 1
	Fix       string
}

func (e *Error) Error() string {
	return fmt.Sprintf("%s: at character %d: %s", e.Parameter, e.Position, e.Fix)
}

// ParseFilter reads comparisons joined by and. Any error is an *Error.
func (c Columns) ParseFilter(text string) (Filter, error) {
	p := filterParser{columns: c, text: text}
	if err := p.checkText(); err != nil {
		return nil, err
	}
	var parsed Filter
	for {
		one, err := p.comparison()
		if err != nil {
			return nil, err
		}
		parsed = append(parsed, one)
		p.space()
		if p.done() {
			return parsed, nil
		}
		at := p.at
		if p.word() != "and" {
			return nil, p.fault(at, `join comparisons by "and"; there is no "or", "not" or parenthesis around them`)
		}
		if len(parsed) == maxComparisons {
			return nil, p.fault(at, fmt.Sprintf("use at most %d comparisons", maxComparisons))
		}
	}
}

// filterParser goes through a filter once, byte by byte.
type filterParser struct {
	columns Columns
	text    string
	at      int
}

func (p *filterParser) checkText() error {
	if len(p.text) > maxFilterLength {
		return p.fault(maxFilterLength, fmt.Sprintf("use at most %d bytes", maxFilterLength))
	}
	at := strings.IndexFunc(p.text, unicode.IsControl)
	if !utf8.ValidString(p.text) || at >= 0 {
		return p.fault(max(at, 0), "use UTF-8 without control characters")
	}
	return nil
}

func (p *filterParser) fault(at int, fix string) error {
	at = min(at, len(p.text))
	return &Error{Parameter: "filters", Position: utf8.RuneCountInString(p.text[:at]) + 1, Fix: fix}
}

func (p *filterParser) done() bool { return p.at == len(p.text) }

func (p *filterParser) space() {
	for !p.done() && p.text[p.at] == ' ' {
		p.at++
	}
}

// word takes what is left up to a space, quote, comma or parenthesis.
func (p *filterParser) word() string {
	rest := p.text[p.at:]
	if end := strings.IndexAny(rest, ` "(),`); end >= 0 {
		rest = rest[:end]
	}
	p.at += len(rest)
	return rest
}

func (p *filterParser) comparison() (comparison, error) {
	p.space()
	at := p.at
	c := comparison{field: Field(p.word())}
	column, ok := p.columns.filterable(c.field)
	if !ok {
		return c, p.fault(at, "begin with one of the fields "+joined(p.columns.names(func(c Column) bool { return c.Filter })))
	}
	p.space()
	at = p.at
	c.op = operator(p.word())
	if allowed := operators(column.Kind); !slices.Contains(allowed, c.op) {
		return c, p.fault(at, fmt.Sprintf("compare %s by one of %s", c.field, joined(allowed)))
	}
	return c, p.operand(&c, &column)
}

// operand reads what follows the operator.
func (p *filterParser) operand(c *comparison, of *Column) error {
	switch c.op {
	case opIsNull, opPresent:
		return nil
	case opIn:
		return p.list(c, of)
	default:
		one, err := p.value(c, of)
		c.values = []Value{one}
		return err
	}
}

// list reads the values of in.
func (p *filterParser) list(c *comparison, of *Column) error {
	p.space()
	if !p.take('(') {
		return p.fault(p.at, `write the values of in as ("a", "b")`)
	}
	for {
		one, err := p.value(c, of)
		if err != nil {
			return err
		}
		c.values = append(c.values, one)
		if len(c.values) > maxInValues {
			return p.fault(p.at, fmt.Sprintf("use at most %d values", maxInValues))
		}
		p.space()
		if p.take(')') {
			return nil
		}
		if !p.take(',') {
			return p.fault(p.at, `go on with "," and another value, or end the values with ")"`)
		}
	}
}

func (p *filterParser) take(c byte) bool {
	if p.done() || p.text[p.at] != c {
		return false
	}
	p.at++
	return true
}

func (p *filterParser) value(c *comparison, of *Column) (Value, error) {
	p.space()
	at := p.at
	switch of.Kind {
	case Time:
		return p.timeValue()
	case Flag:
		word := p.word()
		if word != "true" && word != "false" {
			return Value{}, p.fault(at, fmt.Sprintf("compare %s with true or false", c.field))
		}
		return FlagValue(word == "true"), nil
	default:
		text, err := p.quoted()
		if err != nil {
			return Value{}, err
		}
		whole := c.op == opEqual || c.op == opNotEqual || c.op == opIn
		if of.Kind == Choice && whole && !slices.Contains(of.Choices, text) {
			return Value{}, p.fault(at, fmt.Sprintf("%s is one of %s", c.field, joined(of.Choices)))
		}
		return TextValue(text), nil
	}
}

// timeValue reads a time, in quotes or not.
func (p *filterParser) timeValue() (Value, error) {
	at := p.at
	read := func() (string, error) { return p.word(), nil }
	if !p.done() && p.text[p.at] == '"' {
		read = p.quoted
	}
	text, err := read()
	if err != nil {
		return Value{}, err
	}
	parsed, err := instant.Parse(text)
	if err != nil {
		return Value{}, p.fault(at, "write a time of RFC 3339 such as 2017-07-11T18:45:37.098Z")
	}
	return Value{kind: Time, time: parsed}, nil
}

// quoted reads a text in double quotes, in which a backslash goes before a
// quote or backslash.
func (p *filterParser) quoted() (string, error) {
	at := p.at
	if !p.take('"') {
		return "", p.fault(at, `put the value in double quotes`)
	}
	var text strings.Builder
	for !p.done() {
		c := p.text[p.at]
		p.at++
		switch c {
		case '"':
			return text.String(), nil
		case '\\':
			if p.done() || (p.text[p.at] != '"' && p.text[p.at] != '\\') {
				return "", p.fault(p.at-1, `write a backslash as \\ and a quote as \"`)
			}
			c = p.text[p.at]
			p.at++
		}
		_ = text.WriteByte(c)
	}
	return "", p.fault(at, "end the value with a double quote")
}

func joined[T ~string](names []T) string {
	texts := make([]string, len(names))
	for i, name := range names {
		texts[i] = string(name)
	}
	return strings.Join(texts, ", ")
}
