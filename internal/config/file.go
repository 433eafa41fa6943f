package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// readFile checks the YAML node by node against the table, since only the nodes
// know lines, duplicates and what was quoted. It reports whether there are
// nodes to read at all.
func (l *loader) readFile(data []byte) bool {
	l.file = map[string]any{}
	if len(data) > maxFile {
		l.problems.addAt(l.fileName, "", &fault{"is larger than 1 MiB", "write a smaller one"})
		return false
	}
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var document, second yaml.Node
	err := decoder.Decode(&document)
	if errors.Is(err, io.EOF) {
		return true
	}
	if err != nil {
		l.syntaxProblem(err)
		return false
	}
	if err := decoder.Decode(&second); !errors.Is(err, io.EOF) {
		l.problems.addAt(l.fileName, "", &fault{"holds more than one YAML document", "keep one and remove the --- between them"})
		return false
	}
	l.readSection("", document.Content[0])
	return !l.problems.unread[""]
}

var yamlLine = regexp.MustCompile(`line (\d+): `)

// syntaxProblem reports the parser's complaint without what it quotes from the
// file.
func (l *loader) syntaxProblem(err error) {
	where, cause := l.fileName, strings.TrimPrefix(err.Error(), "yaml: ")
	if at := yamlLine.FindStringSubmatchIndex(cause); at != nil {
		where += ":" + cause[at[2]:at[3]]
		cause = cause[at[1]:]
	}
	if strings.HasPrefix(cause, "unknown anchor") {
		cause = "unknown anchor"
	}
	l.problems.addAt(where, "", &fault{"is not valid YAML (" + cause + ")", "mend the line, or the one before it"})
}

// readSection reads the map at path, which is "" for the whole file.
func (l *loader) readSection(path string, node *yaml.Node) {
	l.eachKey(path, node, l.known(), func(key string, value *yaml.Node) {
		switch key {
		case servicesKey:
			l.readServices(value)
			return
		case webhooksKey:
			l.readWebhooks(value)
			return
		case credentialsKey:
			l.readCredentials(value)
			return
		case routesKey:
			l.readRoutes(value)
			return
		default:
		}
		s, ok := l.row(func(s setting) bool { return s.path == key })
		if !ok {
			l.readSection(key, value)
			return
		}
		if parsed, f := s.parseNode(value, l.fileDir); f != nil {
			l.problems.add(key, f)
		} else {
			l.file[key] = parsed
		}
	})
}

// known lists every key and every section.
func (l *loader) known() []string {
	section, _, _ := strings.Cut(routesKey, delimiter)
	known := []string{servicesKey, webhooksKey, credentialsKey, section, routesKey}
	for _, s := range l.rows {
		if section, _, nested := strings.Cut(s.path, delimiter); nested && !slices.Contains(known, section) {
			known = append(known, section)
		}
		known = append(known, s.path)
	}
	return known
}

// eachKey calls read for each known key of the map at path whose value is not
// null: a key without a value is a key not written.
func (l *loader) eachKey(path string, node *yaml.Node, known []string, read func(key string, value *yaml.Node)) {
	if node.Kind != yaml.MappingNode {
		if !isNull(node) {
			l.problems.unread[path] = true
			l.problems.addAt(l.at(node), path, &fault{"is not a map", "write keys with their values"})
		}
		return
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(node.Content); i += 2 {
		name, value := node.Content[i], node.Content[i+1]
		key := join(path, name.Value)
		switch {
		case name.Kind != yaml.ScalarNode || name.Tag == "!!merge":
			l.problems.addAt(l.at(name), path, &fault{"has a key that is no plain text", "anchors, merges and complex keys are not read; write the keys out"})
		case !slices.Contains(known, key):
			l.problems.addAt(l.at(name), printableKey(key), &fault{"is not a known key", didYouMean(key, known, "remove it, or see the reference for the keys there are")})
		case seen[key]:
			l.problems.addAt(l.at(name), key, &fault{"is written twice", "remove one"})
		case value.Kind == yaml.AliasNode:
			l.problems.addAt(l.at(value), key, &fault{"is an alias", "write the value out; anchors and aliases are not read"})
		default:
			seen[key] = true
			if !isNull(value) {
				l.problems.where[key] = l.at(name)
				read(key, value)
			}
		}
	}
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + delimiter + name
}

// printableKey keeps a key from the file on its line of the message.
func printableKey(key string) string {
	const longest = 80
	if len(key) > longest {
		key = key[:longest] + "…"
	}
	if checkPrintable(key) != nil {
		return fmt.Sprintf("%q", key)
	}
	return key
}

func (l *loader) at(node *yaml.Node) string { return fmt.Sprintf("%s:%d", l.fileName, node.Line) }

func isNull(node *yaml.Node) bool { return node.Kind == yaml.ScalarNode && node.Tag == "!!null" }

// parseNode reads the value of a key. The YAML type must be the key's own: a
// number where text belongs is more often a slip than meant.
func (s setting) parseNode(node *yaml.Node, base string) (any, *fault) {
	if s.kind.isList() {
		items, f := textItems(node)
		if f != nil {
			return nil, f
		}
		return s.parseList(items, base)
	}
	if s.kind == kindPairs {
		return pairsOf(node)
	}
	tag, f := "!!str", &fault{"is not text", "write one text; quote it if it looks like a number"}
	switch s.kind {
	case kindRatio:
		if tag, f = "!!float", notRatio(); node.Tag == "!!int" { // 0 and 1
			tag = node.Tag
		}
	case kindInteger:
		tag, f = "!!int", &fault{"is not a whole number", s.boundsFix()}
	case kindBoolean:
		tag, f = "!!bool", &fault{"is neither true nor false", "write true or false, without quotes"}
	case kindDuration:
		f = &fault{"is not a duration", "write a number with its unit (h, m, s), such as 720h or 15m"}
	default:
	}
	if node.Kind != yaml.ScalarNode || node.Tag != tag {
		return nil, f
	}
	return s.parse(node.Value, base)
}

// textItems reads a sequence of texts.
func textItems(node *yaml.Node) ([]string, *fault) {
	if node.Kind != yaml.SequenceNode {
		return nil, &fault{"is not a list", "write it as [first, second]"}
	}
	items := make([]string, 0, len(node.Content))
	for _, item := range node.Content {
		if item.Kind != yaml.ScalarNode || item.Tag != "!!str" {
			return nil, &fault{"has an item that is not text", "quote items that look like numbers"}
		}
		items = append(items, item.Value)
	}
	return items, nil
}
