package query

import (
	"slices"
	"strings"

	"github.com/cambio-sts/cambio/internal/instant"
)

// operator compares a field with a value, or with none.
type operator string

const (
	opEqual          operator = "eq"
	opNotEqual       operator = "ne"
	opIn             operator = "in"
	opContains       operator = "co" // whatever the case of letters, as is sw
	opStartsWith     operator = "sw"
	opGreater        operator = "gt"
	opGreaterOrEqual operator = "ge"
	opLess           operator = "lt"
	opLessOrEqual    operator = "le"
	opIsNull         operator = "isnull"
	opPresent        operator = "pr"
)

// Filter is a conjunction of comparisons; an empty one matches everything.
type Filter []comparison

// comparison is one field compared with values: one, or several with in, or
// none with isnull and pr.
type comparison struct {
	field  Field
	op     operator
	values []Value
}

// String prints the filter as Columns.ParseFilter reads it.
func (f Filter) String() string {
	texts := make([]string, len(f))
	for i := range f {
		texts[i] = f[i].String()
	}
	return strings.Join(texts, " and ")
}

// String prints the comparison as it stands in a filter.
func (c *comparison) String() string {
	text := string(c.field) + " " + string(c.op)
	if len(c.values) == 0 {
		return text
	}
	values := make([]string, len(c.values))
	for i := range c.values {
		values[i] = c.values[i].literal()
	}
	list := strings.Join(values, ", ")
	if c.op == opIn {
		return text + " (" + list + ")"
	}
	return text + " " + list
}

// Quote returns a text as it stands in a filter.
func Quote(text string) string { return TextValue(text).literal() }

// literal prints the value as it stands in a filter.
func (v Value) literal() string {
	switch v.kind {
	case Time:
		return instant.Format(v.time)
	case Flag:
		if v.flag {
			return "true"
		}
		return "false"
	default:
		return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(v.text) + `"`
	}
}

// Fields lists the fields that the filter reads.
func (f Filter) Fields() []Field {
	var fields []Field
	for i := range f {
		fields = append(fields, f[i].field)
	}
	return fields
}

// Match reports whether all comparisons hold for what read says of each field.
func (f Filter) Match(read func(Field) Value) bool {
	for i := range f {
		if !f[i].match(read(f[i].field)) {
			return false
		}
	}
	return true
}

// match reports whether the comparison holds. Null is only ever not equal to
// something; every other comparison with it fails.
func (c *comparison) match(have Value) bool {
	switch c.op {
	case opIsNull:
		return have.null()
	case opPresent:
		return !have.null()
	case opNotEqual:
		return !have.equal(c.values[0])
	default:
	}
	if have.null() {
		return false
	}
	switch c.op {
	case opEqual, opIn:
		return slices.ContainsFunc(c.values, have.equal)
	case opContains:
		return strings.Contains(strings.ToLower(have.text), strings.ToLower(c.values[0].text))
	case opStartsWith:
		return strings.HasPrefix(strings.ToLower(have.text), strings.ToLower(c.values[0].text))
	default:
		return c.orders(have.compare(c.values[0]))
	}
}

func (c *comparison) orders(sign int) bool {
	switch c.op {
	case opGreater:
		return sign > 0
	case opGreaterOrEqual:
		return sign >= 0
	case opLess:
		return sign < 0
	case opLessOrEqual:
		return sign <= 0
	default:
		return false
	}
}

// operators are what fields of a kind may be compared by.
func operators(k Kind) []operator {
	common := []operator{opEqual, opNotEqual, opIn, opIsNull, opPresent}
	order := []operator{opGreater, opGreaterOrEqual, opLess, opLessOrEqual}
	parts := []operator{opContains, opStartsWith}
	switch k {
	case Text:
		return slices.Concat(common, parts, order)
	case Choice:
		return slices.Concat(common, parts)
	case Time:
		return slices.Concat(common, order)
	default:
		return common
	}
}
