package credentials

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/cambio-sts/cambio/internal/wildcard"
)

// ClaimError says that a template cannot be filled in for an owner: a claim has no
// value, or one that might mean something where the template stands. It tells the name
// of the claim and not its value.
type ClaimError struct{ Claim, Problem string }

func (e *ClaimError) Error() string { return "claim " + e.Claim + " " + e.Problem }

// maxClaimValue is how long a claim in a template is at most, in bytes.
const maxClaimValue = 128

// texts and lists are the claims that templates can name.
func texts() map[string]func(*Claims) string {
	return map[string]func(*Claims) string{
		"sub": func(c *Claims) string { return c.Subject }, "owner": func(c *Claims) string { return c.Owner },
		"username": func(c *Claims) string { return c.Username }, "external_id": func(c *Claims) string { return c.ExternalID },
		"org": func(c *Claims) string { return c.Organization }, "org_name": func(c *Claims) string { return c.OrganizationName },
		"pat_id": func(c *Claims) string { return c.PAT }, "pat_level": func(c *Claims) string { return c.Level },
		"pat_level_id": func(c *Claims) string { return c.LevelID }, "pat_role": func(c *Claims) string { return c.LevelRole },
	}
}

func lists() map[string]func(*Claims) []string {
	return map[string]func(*Claims) []string{
		"groups": func(c *Claims) []string { return c.Groups }, "roles": func(c *Claims) []string { return c.Roles },
	}
}

// ClaimNames lists what a template can name, sorted.
func ClaimNames() []string {
	return slices.Sorted(func(yield func(string) bool) {
		for name := range maps.Keys(texts()) {
			if !yield(name) {
				return
			}
		}
		for name := range maps.Keys(lists()) {
			if !yield(name) {
				return
			}
		}
	})
}

// Template is text with claims in it: {{username}} is the owner's username, and
// {{groups:db-*}} are those of the owner's groups that match, between commas. There is
// nothing else in the language.
//
// What a claim may put in is letters, digits and . _ - @ + of ASCII, and is never empty,
// "." or "..": so no claim ends a role name, a path, a list, a JSON string or a pattern
// that a template begins. Whoever has another name is refused, not changed. The zero
// value is the empty text.
type Template struct{ parts []part }

// part is text, or a claim.
type part struct {
	text    string
	claim   string
	pattern string // of a list; empty is all
}

// ParseTemplate reads a template. It refuses claims that there are not, and braces
// that are no placeholder.
func ParseTemplate(text string) (Template, error) {
	var t Template
	for rest := text; rest != ""; {
		before, after, found := strings.Cut(rest, "{{")
		if strings.Contains(before, "}}") {
			return Template{}, errors.New("}} without {{ before it")
		}
		if before != "" {
			t.parts = append(t.parts, part{text: before})
		}
		if !found {
			break
		}
		inside, following, closed := strings.Cut(after, "}}")
		if !closed {
			return Template{}, errors.New("{{ without }} behind it")
		}
		p, err := parsePlaceholder(inside)
		if err != nil {
			return Template{}, err
		}
		if before == "" && len(t.parts) > 0 {
			return Template{}, errors.New("two claims with nothing between them: put a character there that tells where one ends")
		}
		t.parts, rest = append(t.parts, p), following
	}
	return t, nil
}

func parsePlaceholder(inside string) (part, error) {
	name, pattern, filtered := strings.Cut(inside, ":")
	_, list := lists()[name]
	_, text := texts()[name]
	switch {
	case !list && !text:
		return part{}, fmt.Errorf("{{…}} names no claim: use one of %s, without blanks", strings.Join(ClaimNames(), ", "))
	case filtered && !list:
		return part{}, fmt.Errorf("{{%s}} is no list and takes no pattern", name)
	case filtered && (pattern == "" || strings.ContainsAny(pattern, "{}")):
		return part{}, fmt.Errorf("{{%s:…}} has no pattern: write such as {{%s:db-*}}", name, name)
	}
	return part{claim: name, pattern: pattern}, nil
}

// String returns what was parsed.
func (t Template) String() string {
	var b strings.Builder
	for _, p := range t.parts {
		switch {
		case p.claim == "":
			b.WriteString(p.text)
		case p.pattern == "":
			b.WriteString("{{" + p.claim + "}}")
		default:
			b.WriteString("{{" + p.claim + ":" + p.pattern + "}}")
		}
	}
	return b.String()
}

// Render fills the claims in. An error is a *ClaimError.
func (t Template) Render(claims *Claims) (string, error) {
	var b strings.Builder
	for _, p := range t.parts {
		if p.claim == "" {
			b.WriteString(p.text)
			continue
		}
		values, err := p.values(claims)
		if err != nil {
			return "", err
		}
		if len(values) == 0 {
			return "", &ClaimError{p.claim, "has no value"}
		}
		b.WriteString(strings.Join(values, ","))
	}
	return b.String(), nil
}

// RenderEach is Render for a place where several names may stand: a template that is a
// list and nothing else gives each item by itself, or none.
func (t Template) RenderEach(claims *Claims) ([]string, error) {
	if len(t.parts) == 1 && lists()[t.parts[0].claim] != nil {
		return t.parts[0].values(claims)
	}
	one, err := t.Render(claims)
	if err != nil {
		return nil, err
	}
	return []string{one}, nil
}

// values returns what a claim puts in, checked.
func (p part) values(claims *Claims) ([]string, error) {
	var values []string
	if list := lists()[p.claim]; list != nil {
		for _, value := range list(claims) {
			if p.pattern == "" || wildcard.Matches(p.pattern, value) {
				values = append(values, value)
			}
		}
	} else if value := texts()[p.claim](claims); value != "" {
		values = []string{value}
	}
	for _, value := range values {
		if !harmless(value) {
			return nil, &ClaimError{p.claim, "has a value that cannot stand in a template: letters, digits and . _ - @ + can, up to 128"}
		}
	}
	return values, nil
}

// harmless reports whether a value means nothing but itself wherever a template may stand.
func harmless(value string) bool {
	if value == "" || value == "." || value == ".." || len(value) > maxClaimValue {
		return false
	}
	for i := range len(value) {
		c := value[i]
		letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
		if !letter && !strings.Contains("._-@+", string(rune(c))) {
			return false
		}
	}
	return true
}

// JSONTemplate is a JSON document, such as a policy, whose strings are templates. Its
// structure is fixed when it is parsed: a claim only ever fills a string. The zero value is no
// document.
type JSONTemplate struct{ root node }

// node is one value of a document: an object, an array, a template, or anything else.
type node struct {
	keys     []string // of an object, in its order
	children []node
	kind     byte // { [ " or 0
	text     Template
	raw      json.RawMessage
}

// ParseJSON reads a document. Names of members are no templates and are there once each.
func ParseJSON(text string) (JSONTemplate, error) {
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	root, err := parseNode(decoder, 0)
	if err != nil {
		return JSONTemplate{}, err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return JSONTemplate{}, errors.New("something follows the JSON document")
	}
	return JSONTemplate{root: root}, nil
}

// maxDepth bounds the nesting of a document.
const maxDepth = 32

func parseNode(decoder *json.Decoder, depth int) (node, error) {
	if depth > maxDepth {
		return node{}, errors.New("the JSON document is nested too deeply")
	}
	token, err := decoder.Token()
	if err != nil {
		return node{}, errors.New("not a JSON document") // err may quote it
	}
	switch value := token.(type) {
	case json.Delim:
		return parseChildren(decoder, value.String()[0], depth)
	case string:
		template, err := ParseTemplate(value)
		return node{kind: '"', text: template}, err
	default:
		raw, err := json.Marshal(value)
		return node{raw: raw}, err
	}
}

func parseChildren(decoder *json.Decoder, kind byte, depth int) (node, error) {
	n := node{kind: kind}
	for decoder.More() {
		if kind == '{' {
			token, err := decoder.Token()
			key, ok := token.(string)
			if err != nil || !ok {
				return node{}, errors.New("not a JSON document")
			}
			if slices.Contains(n.keys, key) || strings.Contains(key, "{{") {
				return node{}, errors.New("a member is there twice, or its name is a template")
			}
			n.keys = append(n.keys, key)
		}
		child, err := parseNode(decoder, depth+1)
		if err != nil {
			return node{}, err
		}
		n.children = append(n.children, child)
	}
	if _, err := decoder.Token(); err != nil {
		return node{}, errors.New("not a JSON document")
	}
	return n, nil
}

// Render returns the document with the claims filled in, on one line. In an array a
// string that is a list and nothing else becomes one string for each item. An error is a
// *ClaimError.
func (t JSONTemplate) Render(claims *Claims) (string, error) {
	var out bytes.Buffer
	if err := t.root.render(&out, claims); err != nil {
		return "", err
	}
	return out.String(), nil
}

func (n *node) render(out *bytes.Buffer, claims *Claims) error {
	switch n.kind {
	case '"':
		text, err := n.text.Render(claims)
		out.Write(quoted(text))
		return err
	case '{', '[':
		return n.renderChildren(out, claims)
	default:
		out.Write(n.raw)
		return nil
	}
}

func (n *node) renderChildren(out *bytes.Buffer, claims *Claims) error {
	out.WriteByte(n.kind)
	separator := ""
	for i := range n.children {
		child := &n.children[i]
		if n.kind == '[' && child.kind == '"' {
			texts, err := child.text.RenderEach(claims)
			if err != nil {
				return err
			}
			for _, text := range texts {
				out.WriteString(separator)
				out.Write(quoted(text))
				separator = ","
			}
			continue
		}
		out.WriteString(separator)
		separator = ","
		if n.kind == '{' {
			out.Write(quoted(n.keys[i]))
			out.WriteByte(':')
		}
		if err := child.render(out, claims); err != nil {
			return err
		}
	}
	out.WriteByte(n.kind + 2) // ] and } come two behind [ and {
	return nil
}

// quoted is text as a JSON string, without the escapes for HTML.
func quoted(text string) []byte {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(text) // a string
	return bytes.TrimSuffix(out.Bytes(), []byte("\n"))
}
