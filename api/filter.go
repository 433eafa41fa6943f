package api

import (
	"slices"
	"strings"
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

// filter is a conjunction of comparisons; an empty one matches everything.
type filter []comparison

// comparison is one field compared with values: one, or several with in, or
// none with isnull and pr.
type comparison struct {
	field  field
	op     operator
	values []value
}

// String prints the filter as parseFilter reads it.
func (f filter) String() string {
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

// literal prints the value as it stands in a filter.
func (v value) literal() string {
	switch v.kind {
	case ofTime:
		return Instant(v.time).String()
	case ofFlag:
		if v.flag {
			return "true"
		}
		return "false"
	default:
		return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(v.text) + `"`
	}
}

// fields lists the fields that the filter reads.
func (f filter) fields() []field {
	var fields []field
	for i := range f {
		fields = append(fields, f[i].field)
	}
	return fields
}

// match reports whether all comparisons hold for what read says of each field.
func (f filter) match(read func(field) value) bool {
	for i := range f {
		if !f[i].match(read(f[i].field)) {
			return false
		}
	}
	return true
}

// match reports whether the comparison holds. Null is only ever not equal to
// something; every other comparison with it fails.
func (c *comparison) match(have value) bool {
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

// filterKind is the kind of a field by which a list may be filtered.
func filterKind(f field) (kind, bool) {
	switch f {
	case fieldID, fieldName, fieldOwnerID, fieldOwnerUsername:
		return ofText, true
	case fieldStatus, fieldLevel:
		return ofChoice, true
	case fieldCreated, fieldExpiration, fieldLastUsed:
		return ofTime, true
	case fieldManaged:
		return ofFlag, true
	default:
		return 0, false
	}
}

// choices are the values that a field of that kind may have.
func choices(f field) []string {
	if f == fieldLevel {
		return []string{"personal", "group", "organization"}
	}
	return []string{"Active", "Revoked", "Expired", "Auto-revoked"}
}

// operators are what fields of a kind may be compared by.
func operators(k kind) []operator {
	common := []operator{opEqual, opNotEqual, opIn, opIsNull, opPresent}
	order := []operator{opGreater, opGreaterOrEqual, opLess, opLessOrEqual}
	parts := []operator{opContains, opStartsWith}
	switch k {
	case ofText:
		return slices.Concat(common, parts, order)
	case ofChoice:
		return slices.Concat(common, parts)
	case ofTime:
		return slices.Concat(common, order)
	default:
		return common
	}
}
