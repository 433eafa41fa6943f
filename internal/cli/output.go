package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"go.yaml.in/yaml/v3"
)

// result is what a command prints on stdout.
type result struct {
	bodies [][]byte // JSON, as the server sent it
	table  func() *table
	ids    func() []string // nil where the format is not taken
}

// dataFormats are those of commands that print what the API answers.
func dataFormats() []format { return []format{formatTable, formatJSON, formatYAML, formatID} }

// print writes r in the chosen format.
func (c *call) print(r result) error {
	switch c.format() {
	case formatJSON:
		return c.printJSON(r.bodies)
	case formatYAML:
		return c.printYAML(r.bodies)
	case formatID:
		var out bytes.Buffer
		for _, id := range r.ids() {
			out.WriteString(printable(id) + "\n")
		}
		return c.write(out.Bytes())
	default:
		text, err := r.table().render()
		if err != nil {
			return fmt.Errorf("render table: %w", err)
		}
		return c.write(text)
	}
}

// printJSON writes bodies byte for byte, but for what could steer a terminal, each
// with a line end: the OAuth endpoints send none.
func (c *call) printJSON(bodies [][]byte) error {
	var out []byte
	for _, body := range bodies {
		out = append(out, escaped(body)...)
		if !bytes.HasSuffix(body, []byte("\n")) {
			out = append(out, '\n')
		}
	}
	return c.write(out)
}

func (c *call) printYAML(bodies [][]byte) error {
	var out bytes.Buffer
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	for _, body := range bodies {
		node, err := yamlOf(json.NewDecoder(bytes.NewReader(body)))
		if err != nil {
			return unreadableAnswer(err)
		}
		if err := encoder.Encode(node); err != nil {
			return fmt.Errorf("encode YAML: %w", err)
		}
	}
	if err := encoder.Close(); err != nil {
		return fmt.Errorf("encode YAML: %w", err)
	}
	return c.write(escaped(out.Bytes()))
}

func (c *call) write(data []byte) error {
	if _, err := c.env.Stdout.Write(data); err != nil {
		return &Error{Code: "output_failed", Cause: "the command was carried out, yet its output could not be written: " + err.Error(), Fix: "free the disk or the pipe and look at how things are now"}
	}
	return nil
}

// decode reads an answer that table, id or a warning is made of.
func decode(body []byte, into any) error {
	if err := json.Unmarshal(body, into); err != nil {
		return unreadableAnswer(err)
	}
	return nil
}

func unreadableAnswer(err error) *Error {
	what := err.Error()
	if other, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		what = other.Value + " at " + firstOf(other.Field, "its root")
	}
	return &Error{Code: "unexpected_answer", Cause: "the answer has another shape than the documented one: " + what, Fix: "use a command of the server's version, or -o json"}
}

// member is one member of a JSON object, in the order of the document.
type member struct {
	name  string
	value json.RawMessage
}

// members reads a JSON object. Of a repeated name each value is kept.
func members(body []byte) ([]member, error) {
	decoder := json.NewDecoder(bytes.NewReader(body))
	start, err := decoder.Token()
	if err != nil || start != json.Delim('{') {
		return nil, unreadableAnswer(errors.Join(err, errors.New("no object")))
	}
	var all []member
	for decoder.More() {
		var one member
		name, err := decoder.Token()
		if err == nil {
			one.name, _ = name.(string)
			err = decoder.Decode(&one.value)
		}
		if err != nil {
			return nil, unreadableAnswer(err)
		}
		all = append(all, one)
	}
	if _, err := decoder.Token(); err != nil {
		return nil, unreadableAnswer(err)
	}
	return all, nil
}

// yamlOf reads one JSON value as YAML in block style, members in their order.
func yamlOf(decoder *json.Decoder) (*yaml.Node, error) {
	decoder.UseNumber()
	token, err := decoder.Token()
	if err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	node := &yaml.Node{Kind: yaml.ScalarNode}
	switch value := token.(type) {
	case json.Delim:
		node.Kind = yaml.SequenceNode
		if value == '{' {
			node.Kind = yaml.MappingNode
		}
		for decoder.More() { // of an object, its names are values here like any other
			child, err := yamlOf(decoder)
			if err != nil {
				return nil, err
			}
			node.Content = append(node.Content, child)
		}
		_, err = decoder.Token()
	case json.Number:
		node.Value = value.String()
	case string:
		err = node.Encode(value) // quotes what other readers take for no string
		if strings.ContainsFunc(value, steersTerminal) || strings.Contains(value, "\r") {
			node.Style = yaml.DoubleQuotedStyle // the style that has escapes
		}
	case bool:
		node.Tag, node.Value = "!!bool", fmt.Sprint(value)
	default:
		node.Tag, node.Value = "!!null", "null"
	}
	return node, err
}
