package filter

import (
	"fmt"
	"strings"
)

// Operator compares an attribute with a value; Present takes none.
type Operator string

// The operators.
const (
	Equal          Operator = "eq"
	NotEqual       Operator = "ne"
	Contains       Operator = "co"
	StartsWith     Operator = "sw"
	EndsWith       Operator = "ew"
	Greater        Operator = "gt"
	GreaterOrEqual Operator = "ge"
	Less           Operator = "lt"
	LessOrEqual    Operator = "le"
	Present        Operator = "pr"
)

// Path names an attribute, as it was written: letters may be of either case.
type Path struct {
	Schema string // its URN; empty: none was given
	Name   string
	Sub    string // of a complex attribute; may be empty
}

// String prints the path as it parses.
func (p Path) String() string {
	text := p.Name
	if p.Schema != "" {
		text = p.Schema + ":" + text
	}
	if p.Sub != "" {
		text += "." + p.Sub
	}
	return text
}

// Kind says of what kind a literal is.
type Kind int

// The kinds of literal.
const (
	Text Kind = iota + 1
	Flag
	Number
	Null
)

// Literal is a value of a filter: what JSON has, but for arrays and objects.
type Literal struct {
	Kind Kind
	Text string // of Text; of Number, as it was written
	Flag bool
}

// String prints the literal as it parses.
func (l Literal) String() string {
	switch l.Kind {
	case Text:
		return quote(l.Text)
	case Flag:
		return fmt.Sprint(l.Flag)
	case Number:
		return l.Text
	default:
		return "null"
	}
}

// Expr is a filter: *Group, *Not, *Compare or *Within.
type Expr interface {
	fmt.Stringer
	expr()
}

// Group joins at least two filters by "and" or by "or".
type Group struct {
	Any   bool // or
	Terms []Expr
}

// Not turns a filter round.
type Not struct{ Term Expr }

// Compare holds one attribute against a value, which is zero with Present.
type Compare struct {
	Path     Path
	Operator Operator
	Value    Literal
}

// Within asks for one value of a multi-valued attribute for which all of the filter
// holds, whose paths start there.
type Within struct {
	Path Path
	Term Expr
}

func (*Group) expr()   {}
func (*Not) expr()     {}
func (*Compare) expr() {}
func (*Within) expr()  {}

// String prints the group as it parses.
func (g *Group) String() string {
	joiner := " and "
	if g.Any {
		joiner = " or "
	}
	texts := make([]string, len(g.Terms))
	for i, term := range g.Terms {
		texts[i] = term.String()
		if inner, ok := term.(*Group); ok && inner.Any && !g.Any {
			texts[i] = "(" + texts[i] + ")"
		}
	}
	return strings.Join(texts, joiner)
}

// String prints the negation as it parses.
func (n *Not) String() string { return "not (" + n.Term.String() + ")" }

// String prints the comparison as it parses.
func (c *Compare) String() string {
	if c.Operator == Present {
		return c.Path.String() + " pr"
	}
	return c.Path.String() + " " + string(c.Operator) + " " + c.Value.String()
}

// String prints the filter as it parses.
func (w *Within) String() string { return w.Path.String() + "[" + w.Term.String() + "]" }

// Target is what an operation of a patch is about.
type Target struct {
	Path  Path // Sub is what follows the bracket if there is a filter
	Where Expr // which values of a multi-valued attribute; nil: all
}

// String prints the target as it parses.
func (t *Target) String() string {
	if t.Where == nil {
		return t.Path.String()
	}
	whole := t.Path
	whole.Sub = ""
	text := whole.String() + "[" + t.Where.String() + "]"
	if t.Path.Sub != "" {
		text += "." + t.Path.Sub
	}
	return text
}

// Error says where a text breaks the syntax, and what to write there. It repeats
// nothing of the text.
type Error struct {
	Position int // in characters, from 1
	Fix      string
}

func (e *Error) Error() string { return fmt.Sprintf("at character %d: %s", e.Position, e.Fix) }
