package reference

import (
	"errors"

	"go.yaml.in/yaml/v3"
)

// named is one member of a map.
type named[T any] struct {
	Name  string
	Value T
}

// ordered is a map whose members keep the order of the document, which is the one
// that its author thought best to read.
type ordered[T any] []named[T]

var errNoMap = errors.New("is not a map")

// UnmarshalYAML implements yaml.Unmarshaler.
func (o *ordered[T]) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind != yaml.MappingNode {
		return errNoMap
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		member := named[T]{Name: node.Content[i].Value}
		if err := node.Content[i+1].Decode(&member.Value); err != nil {
			return err
		}
		*o = append(*o, member)
	}
	return nil
}

// find returns the member of a name.
func (o ordered[T]) find(name string) (member T, found bool) {
	for _, one := range o {
		if one.Name == name {
			return one.Value, true
		}
	}
	return member, false
}
