package filter

import (
	"bytes"
	"encoding/json"
	"strings"
	"unicode/utf8"
)

const (
	maxLength      = 4000 // bytes
	maxDepth       = 16   // of brackets in one another
	maxComparisons = 50
)

// Parse reads a filter. Any error is an *Error.
func Parse(text string) (Expr, error) {
	p, err := newParser(text)
	if err != nil {
		return nil, err
	}
	e, err := p.any()
	if err != nil {
		return nil, err
	}
	if !p.end() {
		return nil, p.fault(`join comparisons by "and" or "or"`)
	}
	return e, nil
}

// ParseTarget reads the path of an operation of a patch. Any error is an *Error.
func ParseTarget(text string) (*Target, error) {
	p, err := newParser(text)
	if err != nil {
		return nil, err
	}
	path, err := p.path()
	if err != nil {
		return nil, err
	}
	target := &Target{Path: path}
	if path.Sub == "" && p.take("[") {
		if target.Where, err = p.inside(); err != nil {
			return nil, err
		}
		if p.take(".") {
			if target.Path.Sub = p.word(); !isName(target.Path.Sub) {
				return nil, p.fault("name a sub-attribute after the dot")
			}
		}
	}
	if !p.end() {
		return nil, p.fault("end the path with the attribute")
	}
	return target, nil
}

// parser goes through a text once, from left to right.
type parser struct {
	text        string
	at          int
	depth       int
	comparisons int
	within      bool // brackets cannot be nested
}

func newParser(text string) (*parser, error) {
	p := &parser{text: text}
	if len(text) > maxLength {
		return nil, p.fault("use at most 4000 bytes")
	}
	if !utf8.ValidString(text) {
		return nil, p.fault("use UTF-8")
	}
	return p, nil
}

func (p *parser) fault(fix string) error {
	return &Error{Position: utf8.RuneCountInString(p.text[:p.at]) + 1, Fix: fix}
}

func (p *parser) space() {
	for p.at < len(p.text) && p.text[p.at] == ' ' {
		p.at++
	}
}

func (p *parser) end() bool {
	p.space()
	return p.at == len(p.text)
}

// take goes past a piece of text if it is next.
func (p *parser) take(piece string) bool {
	if !strings.HasPrefix(p.text[p.at:], piece) {
		return false
	}
	p.at += len(piece)
	return true
}

// word takes what can stand in a path, which may be nothing.
func (p *parser) word() string {
	start := p.at
	for p.at < len(p.text) && (isNameByte(p.text[p.at]) || p.text[p.at] == '.' || p.text[p.at] == ':') {
		p.at++
	}
	return p.text[start:p.at]
}

func isNameByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-' || c == '$'
}

func isName(name string) bool {
	if name == "" || name[0] >= '0' && name[0] <= '9' || name[0] == '-' || name[0] == '_' {
		return false
	}
	return !strings.ContainsAny(name, ".:")
}

// keyword takes a word, in whatever case, if it is next.
func (p *parser) keyword(word string) bool {
	before := p.at
	p.space()
	if strings.EqualFold(p.word(), word) {
		return true
	}
	p.at = before
	return false
}

func (p *parser) any() (Expr, error) { return p.group(true, "or", p.all) }

func (p *parser) all() (Expr, error) { return p.group(false, "and", p.term) }

func (p *parser) group(anyOf bool, joiner string, next func() (Expr, error)) (Expr, error) {
	first, err := next()
	if err != nil {
		return nil, err
	}
	group := &Group{Any: anyOf, Terms: []Expr{first}}
	for p.keyword(joiner) {
		term, err := next()
		if err != nil {
			return nil, err
		}
		group.Terms = append(group.Terms, term)
	}
	if len(group.Terms) == 1 {
		return first, nil
	}
	return group, nil
}

func (p *parser) term() (Expr, error) {
	p.space()
	before := p.at
	if p.keyword("not") {
		p.space()
		if p.take("(") {
			term, err := p.closed(")")
			return &Not{Term: term}, err
		}
		p.at = before // an attribute of that name
	}
	if p.take("(") {
		return p.closed(")")
	}
	path, err := p.path()
	if err != nil {
		return nil, err
	}
	if p.take("[") {
		if p.within || path.Sub != "" {
			return nil, p.fault("put brackets after a multi-valued attribute, and not into one another")
		}
		term, err := p.inside()
		return &Within{Path: path, Term: term}, err
	}
	return p.compare(path)
}

// inside reads what brackets hold, and the one that closes.
func (p *parser) inside() (Expr, error) {
	p.within = true
	term, err := p.closed("]")
	p.within = false
	return term, err
}

func (p *parser) closed(by string) (Expr, error) {
	if p.depth++; p.depth > maxDepth {
		return nil, p.fault("use at most 16 brackets in one another")
	}
	e, err := p.any()
	if err != nil {
		return nil, err
	}
	p.space()
	if !p.take(by) {
		return nil, p.fault(`close the bracket with "` + by + `"`)
	}
	p.depth--
	return e, nil
}

// path reads the name of an attribute. What precedes its last colon is its schema.
func (p *parser) path() (Path, error) {
	p.space()
	start := p.at
	word := p.word()
	var path Path
	if i := strings.LastIndexByte(word, ':'); i >= 0 {
		path.Schema, word = word[:i], word[i+1:]
	}
	name, sub, dotted := strings.Cut(word, ".")
	path.Name, path.Sub = name, sub
	wrongSchema := path.Schema != "" && (len(path.Schema) < len("urn:x") || !strings.EqualFold(path.Schema[:4], "urn:"))
	if !isName(name) || dotted && !isName(sub) || wrongSchema {
		p.at = start
		return Path{}, p.fault("name an attribute, such as userName or emails.value")
	}
	return path, nil
}

func (p *parser) compare(path Path) (Expr, error) {
	if p.comparisons++; p.comparisons > maxComparisons {
		return nil, p.fault("use at most 50 comparisons")
	}
	p.space()
	start := p.at
	c := &Compare{Path: path, Operator: Operator(strings.ToLower(p.word()))}
	switch c.Operator {
	case Present:
		return c, nil
	case Equal, NotEqual, Contains, StartsWith, EndsWith, Greater, GreaterOrEqual, Less, LessOrEqual:
	default:
		p.at = start
		return nil, p.fault("compare by one of eq, ne, co, sw, ew, gt, ge, lt, le, pr")
	}
	p.space()
	var err error
	c.Value, err = p.literal()
	return c, err
}

// literal reads a scalar of JSON. The names that JSON has may be of either case, as
// all of a filter that is not quoted.
func (p *parser) literal() (Literal, error) {
	start := p.at
	if p.take(`"`) {
		return p.quoted(start)
	}
	for p.at < len(p.text) && (isNameByte(p.text[p.at]) || p.text[p.at] == '.' || p.text[p.at] == '+') {
		p.at++
	}
	word := p.text[start:p.at]
	switch strings.ToLower(word) {
	case "true", "false":
		return Literal{Kind: Flag, Flag: strings.EqualFold(word, "true")}, nil
	case "null":
		return Literal{Kind: Null}, nil
	}
	if word == "" || !json.Valid([]byte(word)) { // a name could not be valid
		p.at = start
		return Literal{}, p.fault("put the value in double quotes, or write true, false, null or a number")
	}
	return Literal{Kind: Number, Text: word}, nil
}

// quoted reads the rest of a string of JSON.
func (p *parser) quoted(start int) (Literal, error) {
	for p.at < len(p.text) && p.text[p.at] != '"' {
		if p.text[p.at] == '\\' {
			p.at++
		}
		p.at++
	}
	var literal Literal
	if p.at >= len(p.text) {
		p.at = start
		return literal, p.fault("end the value with a double quote")
	}
	p.at++
	if err := json.Unmarshal([]byte(p.text[start:p.at]), &literal.Text); err != nil {
		p.at = start
		return Literal{}, p.fault("write the value as a string of JSON")
	}
	literal.Kind = Text
	return literal, nil
}

// quote writes a string of JSON that is as it would be read.
func quote(text string) string {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(text) // a text can always be encoded
	return strings.TrimSuffix(b.String(), "\n")
}
