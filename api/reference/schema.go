package reference

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// part is a piece of a type's name, which may lead to its schema.
type part struct{ Text, Link string }

// note is one thing that a value is bound to: a label, and what stands beside it as
// text or as code.
type note struct {
	Label string
	Text  string
	Codes []string
}

// fieldView is a member of an object, a parameter or a header.
type fieldView struct {
	Name        string
	Type        []part
	Required    bool
	Deprecated  bool
	Description []block
	Notes       []note
	Fields      []fieldView // of an object that has no name of its own
}

// typeOf says what values of a schema are.
func (b *builder) typeOf(s *schema) []part {
	if s == nil {
		return []part{{Text: "any"}}
	}
	parts := b.bareType(s)
	if s.Nullable {
		parts = append(parts, part{Text: " or null"})
	}
	return parts
}

func (b *builder) bareType(s *schema) []part {
	switch {
	case s.Ref != "":
		return []part{b.link(s.Ref)}
	case len(s.AllOf) > 0:
		return b.join(s.AllOf, " and ")
	case len(s.OneOf) > 0:
		return b.join(s.OneOf, " or ")
	case len(s.AnyOf) > 0:
		return b.join(s.AnyOf, " or ")
	case s.Type == "array":
		return append([]part{{Text: "array of "}}, b.typeOf(s.Items)...)
	case s.Type == "object" && len(s.Properties) == 0 && s.AdditionalProperties != nil && s.AdditionalProperties.allowed:
		return append([]part{{Text: "map of text to "}}, b.typeOf(s.AdditionalProperties.schema)...)
	case s.Type == "":
		return []part{{Text: "any"}}
	case s.Format != "":
		return []part{{Text: s.Type + " (" + s.Format + ")"}}
	default:
		return []part{{Text: s.Type}}
	}
}

// join names several schemas; those that only describe have no name.
func (b *builder) join(all []*schema, between string) []part {
	var parts []part
	for _, one := range all {
		if one.Ref == "" && one.Type == "" && len(one.Properties) == 0 {
			continue
		}
		if len(parts) > 0 {
			parts = append(parts, part{Text: between})
		}
		parts = append(parts, b.typeOf(one)...)
	}
	return parts
}

// link leads to the section of a schema.
func (b *builder) link(ref string) part {
	name, err := component(ref, "schemas")
	if err == nil {
		_, err = follow(b.doc.Components.Schemas, ref, "schemas")
	}
	if err != nil {
		b.fail(err)
		return part{Text: ref}
	}
	return part{Text: name, Link: "schema-" + name}
}

// resolve returns the schema that a reference leads to, or the schema itself.
func (b *builder) resolve(s *schema) *schema {
	for depth := 0; s != nil && s.Ref != ""; depth++ {
		next, err := follow(b.doc.Components.Schemas, s.Ref, "schemas")
		if depth > maxDepth {
			err = fmt.Errorf("the reference %s leads back to itself", s.Ref)
		}
		if err != nil {
			b.fail(err)
			return nil
		}
		s = next
	}
	return s
}

// maxDepth bounds what lies within one another, which a document might make a ring.
const maxDepth = 8

// fields lists the members of an object, or of the objects in an array.
func (b *builder) fields(s *schema, depth int) []fieldView {
	s = b.resolve(s)
	if s == nil || depth > maxDepth {
		return nil
	}
	if s.Type == "array" {
		return b.fields(s.Items, depth+1)
	}
	var all []fieldView
	for _, part := range s.AllOf {
		all = append(all, b.fields(part, depth+1)...)
	}
	for _, property := range s.Properties {
		all = append(all, b.field(property.Name, property.Value, slices.Contains(s.Required, property.Name), depth))
	}
	return all
}

func (b *builder) field(name string, s *schema, required bool, depth int) fieldView {
	view := fieldView{Name: name, Required: required, Type: b.typeOf(s)}
	if s == nil {
		return view
	}
	view.Deprecated, view.Description, view.Notes = s.Deprecated, markdown(s.Description), b.notes(s)
	if inner := innermost(s); inner != nil && inner.Ref == "" && len(inner.Properties) > 0 {
		view.Fields = b.fields(inner, depth+1)
	}
	return view
}

// innermost is what an array is of, and else the schema itself.
func innermost(s *schema) *schema {
	for depth := 0; s != nil && s.Type == "array" && depth < maxDepth; depth++ {
		s = s.Items
	}
	return s
}

// notes lists what bounds the values of a schema.
func (b *builder) notes(s *schema) []note {
	var all []note
	add := func(label, text string) {
		if text != "" {
			all = append(all, note{Label: label, Text: text})
		}
	}
	code := func(label string, values ...string) {
		if len(values) > 0 && values[0] != "" {
			all = append(all, note{Label: label, Codes: values})
		}
	}
	code("One of", literals(s.Enum)...)
	if items := innermost(s); items != s && items != nil {
		code("Each one of", literals(items.Enum)...)
		add("Each", interval(items.MinLength, items.MaxLength, "characters"))
	}
	add("Value", interval(s.Minimum, s.Maximum, ""))
	add("Length", interval(s.MinLength, s.MaxLength, "characters"))
	add("Entries", interval(s.MinItems, s.MaxItems, ""))
	code("Pattern", s.Pattern)
	code("Default", literal(&s.Default))
	code("Example", example(s))
	if s.ReadOnly {
		add("Only in answers", "read-only")
	}
	if s.WriteOnly {
		add("Only in requests", "write-only")
	}
	if s.Type == "object" && s.AdditionalProperties != nil && !s.AdditionalProperties.allowed {
		add("Other members", "refused")
	}
	return all
}

// example is the one of a scalar, or of what an array is of.
func example(s *schema) string {
	if text := literal(&s.Example); text != "" {
		return text
	}
	if s.Type == "array" && s.Items != nil {
		return literal(&s.Items.Example)
	}
	return ""
}

// interval prints bounds, either of which may be absent.
func interval(least, most, unit string) string {
	var text string
	switch {
	case least != "" && most != "":
		text = least + " to " + most
	case least != "":
		text = "at least " + least
	case most != "":
		text = "at most " + most
	default:
		return ""
	}
	return strings.TrimSpace(text + " " + unit)
}

// literals prints values; null is not listed, since the type tells of it.
func literals(nodes []yaml.Node) []string {
	var all []string
	for i := range nodes {
		if nodes[i].ShortTag() != "!!null" {
			all = append(all, literal(&nodes[i]))
		}
	}
	return all
}

// literal prints a scalar as it is sent, and empty text visibly.
func literal(node *yaml.Node) string {
	switch {
	case node.Kind == 0:
		return ""
	case node.Kind != yaml.ScalarNode:
		text, err := toJSON(node)
		if err != nil {
			return ""
		}
		return strings.Join(strings.Fields(string(text)), " ")
	case node.Value == "":
		return `""`
	default:
		return node.Value
	}
}
