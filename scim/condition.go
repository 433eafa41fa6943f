package scim

import (
	"slices"
	"strings"
	"time"

	"github.com/cambio-sts/cambio/internal/instant"
	"github.com/cambio-sts/cambio/scim/filter"
)

// kind says how values of an attribute are compared.
type kind int

const (
	exact  kind = iota + 1 // a text whose case counts
	loose                  // one whose case does not
	toggle                 // true or false
	moment                 // a time
	many                   // ids, of which one is looked for by eq
	asked                  // as many, but too many to be read: only those that are looked for are
)

// value is what a resource has in an attribute; the zero value is nothing.
type value struct {
	text string
	flag *bool
	time time.Time
	ids  []string
}

func textValue[T ~string](text T) value { return value{text: string(text)} }

func (v *value) present() bool {
	return v.text != "" || v.flag != nil || !v.time.IsZero() || len(v.ids) > 0
}

// resource is one kind of resource as filters see it.
type resource[T any] struct {
	schema string
	kinds  map[string]kind // of attributes, by their paths in lower case
	read   func(thing *T, attribute string) value
}

// condition turns a filter into what tells whether a resource fulfils it. prefix is the
// attribute, with a dot, in whose brackets the filter stands.
func (r *resource[T]) condition(e filter.Expr, prefix string) (func(*T) bool, error) {
	switch e := e.(type) {
	case *filter.Group:
		return r.group(e, prefix)
	case *filter.Not:
		inner, err := r.condition(e.Term, prefix)
		return func(thing *T) bool { return !inner(thing) }, err
	case *filter.Within:
		name := r.attribute(e.Path, "")
		if of := r.kinds[name+".value"]; of == many || of == asked {
			// Of several values one must fulfil all: one comparison says that.
			if _, single := e.Term.(*filter.Compare); !single {
				return nil, wrong(invalidFilter, "compare %s by value eq alone", e.Path.Name)
			}
		}
		return r.condition(e.Term, name+".")
	case *filter.Compare:
		return r.comparison(e, prefix)
	default:
		return nil, wrong(invalidFilter, "the filter is not supported")
	}
}

func (r *resource[T]) group(g *filter.Group, prefix string) (func(*T) bool, error) {
	terms := make([]func(*T) bool, len(g.Terms))
	for i := range g.Terms {
		var err error
		if terms[i], err = r.condition(g.Terms[i], prefix); err != nil {
			return nil, err
		}
	}
	return func(thing *T) bool {
		holds := func(term func(*T) bool) bool { return term(thing) == g.Any }
		return slices.ContainsFunc(terms, holds) == g.Any
	}, nil
}

// attribute is the path of an attribute in lower case.
func (r *resource[T]) attribute(path filter.Path, prefix string) string {
	if path.Schema != "" && !strings.EqualFold(path.Schema, r.schema) {
		return ""
	}
	path.Schema = ""
	return prefix + strings.ToLower(path.String())
}

func (r *resource[T]) comparison(c *filter.Compare, prefix string) (func(*T) bool, error) {
	name := r.attribute(c.Path, prefix)
	of, known := r.kinds[name]
	if !known {
		return nil, wrong(invalidFilter, "no resource is found by that attribute: use one of %s", strings.Join(sortedNames(r.kinds), ", "))
	}
	have := func(thing *T) value { return r.read(thing, name) }
	if of != asked && (c.Operator == filter.Present || c.Value.Kind == filter.Null) {
		return presence(c, have)
	}
	test, err := of.test(c)
	if err != nil {
		return nil, err
	}
	differs := c.Operator == filter.NotEqual
	return func(thing *T) bool {
		v := have(thing)
		return v.present() && test(&v) || differs && !v.present()
	}, nil
}

// presence asks whether there is a value; null is none.
func presence[T any](c *filter.Compare, have func(*T) value) (func(*T) bool, error) {
	switch c.Operator {
	case filter.Present, filter.NotEqual:
		return func(thing *T) bool { v := have(thing); return v.present() }, nil
	case filter.Equal:
		return func(thing *T) bool { v := have(thing); return !v.present() }, nil
	default:
		return nil, wrong(invalidFilter, "compare null by eq or ne")
	}
}

// test returns what tests a value that there is.
func (k kind) test(c *filter.Compare) (func(*value) bool, error) {
	switch k {
	case toggle:
		return testFlag(c)
	case moment:
		return testTime(c)
	case many, asked:
		if c.Operator != filter.Equal || c.Value.Kind != filter.Text {
			return nil, wrong(invalidFilter, "compare %s by eq with an id", c.Path)
		}
		return func(v *value) bool { return slices.Contains(v.ids, c.Value.Text) }, nil
	default:
		return k.testText(c)
	}
}

func testFlag(c *filter.Compare) (func(*value) bool, error) {
	wanted := c.Value.Flag
	if c.Value.Kind != filter.Flag {
		var err error
		if wanted, err = flag(c.Path.String(), c.Value.Text); err != nil {
			return nil, wrong(invalidFilter, "compare %s with true or false", c.Path)
		}
	}
	switch c.Operator {
	case filter.Equal:
		return func(v *value) bool { return *v.flag == wanted }, nil
	case filter.NotEqual:
		return func(v *value) bool { return *v.flag != wanted }, nil
	default:
		return nil, wrong(invalidFilter, "compare %s by eq or ne", c.Path)
	}
}

func testTime(c *filter.Compare) (func(*value) bool, error) {
	wanted, err := instant.Parse(c.Value.Text)
	if err != nil || c.Value.Kind != filter.Text {
		return nil, wrong(invalidFilter, "compare %s with a time of RFC 3339 in double quotes", c.Path)
	}
	compare := func(v *value) int { return v.time.Truncate(time.Millisecond).Compare(wanted) }
	if order, ok := ordered(c.Operator); ok {
		return func(v *value) bool { return order(compare(v)) }, nil
	}
	return nil, wrong(invalidFilter, "compare %s by eq, ne, gt, ge, lt or le", c.Path)
}

func (k kind) testText(c *filter.Compare) (func(*value) bool, error) {
	if c.Value.Kind != filter.Text {
		return nil, wrong(invalidFilter, "compare %s with a text in double quotes", c.Path)
	}
	turn := func(text string) string { return text }
	if k == loose {
		turn = strings.ToLower
	}
	wanted := turn(c.Value.Text)
	switch c.Operator {
	case filter.Contains:
		return func(v *value) bool { return strings.Contains(turn(v.text), wanted) }, nil
	case filter.StartsWith:
		return func(v *value) bool { return strings.HasPrefix(turn(v.text), wanted) }, nil
	case filter.EndsWith:
		return func(v *value) bool { return strings.HasSuffix(turn(v.text), wanted) }, nil
	default:
		order, _ := ordered(c.Operator)
		return func(v *value) bool { return order(strings.Compare(turn(v.text), wanted)) }, nil
	}
}

// ordered returns what the sign of a comparison must be.
func ordered(by filter.Operator) (func(int) bool, bool) {
	switch by {
	case filter.Equal:
		return func(sign int) bool { return sign == 0 }, true
	case filter.NotEqual:
		return func(sign int) bool { return sign != 0 }, true
	case filter.Greater:
		return func(sign int) bool { return sign > 0 }, true
	case filter.GreaterOrEqual:
		return func(sign int) bool { return sign >= 0 }, true
	case filter.Less:
		return func(sign int) bool { return sign < 0 }, true
	case filter.LessOrEqual:
		return func(sign int) bool { return sign <= 0 }, true
	default:
		return nil, false
	}
}
