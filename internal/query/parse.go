package query

import (
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
			return nil, p.fault(at, FixAnd)
		}
		if len(parsed) == maxComparisons {
			return nil, p.fault(at, FixComparisons, maxComparisons)
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
		return p.fault(maxFilterLength, FixBytes, maxFilterLength)
	}
	at := strings.IndexFunc(p.text, unicode.IsControl)
	if !utf8.ValidString(p.text) || at >= 0 {
		return p.fault(max(at, 0), FixText)
	}
	return nil
}

func (p *filterParser) fault(at int, fix Fix, args ...any) error {
	at = min(at, len(p.text))
	return &Error{Parameter: "filters", Position: utf8.RuneCountInString(p.text[:at]) + 1, Fix: fix, Args: args}
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
		return c, p.fault(at, FixField, joined(p.columns.names(func(c Column) bool { return c.Filter })))
	}
	p.space()
	at = p.at
	c.op = operator(p.word())
	if allowed := operators(column.Kind); !slices.Contains(allowed, c.op) {
		return c, p.fault(at, FixOperator, c.field, joined(allowed))
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
		return p.fault(p.at, FixList)
	}
	for {
		one, err := p.value(c, of)
		if err != nil {
			return err
		}
		c.values = append(c.values, one)
		if len(c.values) > maxInValues {
			return p.fault(p.at, FixValues, maxInValues)
		}
		p.space()
		if p.take(')') {
			return nil
		}
		if !p.take(',') {
			return p.fault(p.at, FixNext)
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
			return Value{}, p.fault(at, FixFlag, c.field)
		}
		return FlagValue(word == "true"), nil
	default:
		text, err := p.quoted()
		if err != nil {
			return Value{}, err
		}
		whole := c.op == opEqual || c.op == opNotEqual || c.op == opIn
		if of.Kind == Choice && whole && !slices.Contains(of.Choices, text) {
			return Value{}, p.fault(at, FixChoice, c.field, joined(of.Choices))
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
		return Value{}, p.fault(at, FixTime)
	}
	return Value{kind: Time, time: parsed}, nil
}

// quoted reads a text in double quotes, in which a backslash goes before a
// quote or backslash.
func (p *filterParser) quoted() (string, error) {
	at := p.at
	if !p.take('"') {
		return "", p.fault(at, FixQuotes)
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
				return "", p.fault(p.at-1, FixEscape)
			}
			c = p.text[p.at]
			p.at++
		}
		_ = text.WriteByte(c)
	}
	return "", p.fault(at, FixEnd)
}

func joined[T ~string](names []T) string {
	texts := make([]string, len(names))
	for i, name := range names {
		texts[i] = string(name)
	}
	return strings.Join(texts, ", ")
}
