package reference

import (
	"bytes"
	"encoding/json"
	"strings"

	"go.yaml.in/yaml/v3"
)

// strip removes what only our build reads: the extensions of the code generator.
func strip(node *yaml.Node) {
	if node.Kind == yaml.MappingNode {
		kept := node.Content[:0]
		for i := 0; i+1 < len(node.Content); i += 2 {
			if !strings.HasPrefix(node.Content[i].Value, "x-go-") && !strings.HasPrefix(node.Content[i].Value, "x-oapi-") {
				kept = append(kept, node.Content[i], node.Content[i+1])
			}
		}
		node.Content = kept
	}
	for _, child := range node.Content {
		strip(child)
	}
}

// toYAML prints a document.
func toYAML(node *yaml.Node) ([]byte, error) {
	var out bytes.Buffer
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	if err := encoder.Encode(node); err != nil {
		return nil, err
	}
	return out.Bytes(), encoder.Close()
}

// toJSON prints a document, its members in the order that they have in YAML.
func toJSON(node *yaml.Node) ([]byte, error) {
	var out bytes.Buffer
	if err := writeJSON(&out, node); err != nil {
		return nil, err
	}
	var indented bytes.Buffer
	if err := json.Indent(&indented, out.Bytes(), "", "  "); err != nil {
		return nil, err
	}
	return append(indented.Bytes(), '\n'), nil
}

func writeJSON(out *bytes.Buffer, node *yaml.Node) error {
	switch node.Kind {
	case yaml.DocumentNode:
		return writeJSON(out, node.Content[0])
	case yaml.AliasNode:
		return writeJSON(out, node.Alias)
	case yaml.MappingNode:
		return writeMembers(out, node, '{', '}', 2)
	case yaml.SequenceNode:
		return writeMembers(out, node, '[', ']', 1)
	default:
		return writeScalar(out, node)
	}
}

// writeMembers writes what lies in a node: pairs of a name and a value, or values.
func writeMembers(out *bytes.Buffer, node *yaml.Node, begin, end byte, step int) error {
	out.WriteByte(begin)
	for i, child := range node.Content {
		switch {
		case step == 2 && i%2 == 1:
			out.WriteByte(':')
		case i > 0:
			out.WriteByte(',')
		default:
		}
		if step == 2 && i%2 == 0 { // a name is text, even where it looks like a number
			child = &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: child.Value}
		}
		if err := writeJSON(out, child); err != nil {
			return err
		}
	}
	out.WriteByte(end)
	return nil
}

func writeScalar(out *bytes.Buffer, node *yaml.Node) error {
	var value any = node.Value
	switch node.ShortTag() {
	case "!!int", "!!float", "!!bool", "!!null":
		if err := node.Decode(&value); err != nil {
			return err
		}
	default:
	}
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(value)
}
