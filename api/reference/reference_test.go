package reference

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
	"golang.org/x/net/html"
)

func specification(t *testing.T) []byte {
	t.Helper()
	spec, err := os.ReadFile("../openapi.yaml")
	require.NoError(t, err)
	return spec
}

// get reads a page made from a document.
func get(t *testing.T, spec []byte, path string) string {
	t.Helper()
	all := Pages(spec)
	require.Len(t, all, 4)
	w := httptest.NewRecorder()
	all[path].ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	require.Equal(t, http.StatusOK, w.Code)
	return w.Body.String()
}

// nodes lists the elements of a page, in the order of their beginnings.
func nodes(t *testing.T, page string) []*html.Node {
	t.Helper()
	root, err := html.Parse(strings.NewReader(page))
	require.NoError(t, err)
	var all []*html.Node
	for node := range root.Descendants() {
		if node.Type == html.ElementNode {
			all = append(all, node)
		}
	}
	return all
}

func attribute(node *html.Node, name string) string {
	for _, one := range node.Attr {
		if one.Key == name {
			return one.Val
		}
	}
	return ""
}

// The page keeps within its Content-Security-Policy: no script, no style of its own,
// nothing from elsewhere.
func TestThePageNeedsNothingElse(t *testing.T) {
	for _, node := range nodes(t, get(t, specification(t), PathDocs)) {
		require.NotContains(t, []string{"script", "style", "img", "iframe", "object", "form", "base"}, node.Data)
		for _, one := range node.Attr {
			require.NotEqual(t, "style", one.Key)
			require.False(t, strings.HasPrefix(one.Key, "on"), one.Key)
			if one.Key == "href" || one.Key == "src" {
				require.Regexp(t, `^(#|openapi\.|docs/reference\.css\?v=[0-9a-f]{16}$)`, one.Val)
			}
		}
	}
	require.NotRegexp(t, `(?i)url\(|@import|https?:`, get(t, specification(t), PathStyle))
}

// A reader without eyes or mouse finds the way: landmarks, headings in order, a skip
// link first, every link to a place that there is once.
func TestThePageCanBeFollowed(t *testing.T) {
	count, ids, level := map[string]int{}, map[string]bool{}, 0
	var links []string
	all := nodes(t, get(t, specification(t), PathDocs))
	for _, node := range all {
		count[node.Data]++
		if id := attribute(node, "id"); id != "" {
			require.False(t, ids[id], "%s is there twice", id)
			ids[id] = true
		}
		if target, ok := strings.CutPrefix(attribute(node, "href"), "#"); ok {
			links = append(links, target)
		}
		if label := attribute(node, "aria-labelledby"); label != "" {
			links = append(links, label)
		}
		if len(node.Data) == 2 && node.Data[0] == 'h' && node.Data[1] >= '1' && node.Data[1] <= '6' {
			next := int(node.Data[1] - '0')
			require.LessOrEqual(t, next, level+1, "a heading leaves a level out")
			level = next
		}
	}
	for _, once := range []string{"h1", "main", "nav", "header", "title"} {
		require.Equal(t, 1, count[once], once)
	}
	for _, link := range links {
		require.True(t, ids[link], "%s leads nowhere", link)
	}
	require.Equal(t, "content", links[0], "the skip link is the first")
	require.Equal(t, "en", attribute(all[0], "lang"))
}

// Whatever the document describes is on the page.
func TestThePageIsWhole(t *testing.T) {
	spec := specification(t)
	page := get(t, spec, PathDocs)
	var doc document
	require.NoError(t, yaml.Unmarshal(spec, &doc))
	operations := 0
	for _, path := range doc.Paths {
		for _, method := range path.Value.methods() {
			if method.Value != nil {
				operations++
				require.Contains(t, page, `id="op-`+method.Value.OperationID+`"`)
			}
		}
	}
	require.Positive(t, operations)
	require.Equal(t, operations, strings.Count(page, `<article class="operation"`))
	for _, one := range doc.Components.Schemas {
		require.Contains(t, page, `id="schema-`+one.Name+`"`)
		for _, property := range one.Value.Properties {
			require.Contains(t, page, `<code class="field">`+property.Name+`</code>`)
		}
	}
}

// The two forms of the document say the same, and nothing of how it is built.
func TestTheDocumentIsServed(t *testing.T) {
	spec := specification(t)
	require.Contains(t, string(spec), "x-go-type")
	var fromYAML, fromJSON any
	require.NoError(t, yaml.Unmarshal([]byte(get(t, spec, PathYAML)), &fromYAML))
	require.NoError(t, json.Unmarshal([]byte(get(t, spec, PathJSON)), &fromJSON))
	printed, err := json.Marshal(fromYAML)
	require.NoError(t, err)
	again, err := json.Marshal(fromJSON)
	require.NoError(t, err)
	require.JSONEq(t, string(printed), string(again))
	require.NotContains(t, string(printed), "x-go-")
	require.Contains(t, string(printed), `"openapi":"3.0.3"`)
}

// A comma in a text without quotes begins a key that nobody meant.
func TestNoKeyOfTheDocumentIsASentence(t *testing.T) {
	var tree yaml.Node
	require.NoError(t, yaml.Unmarshal(specification(t), &tree))
	name := regexp.MustCompile(`^[^\s]+$`)
	var walk func(node *yaml.Node)
	walk = func(node *yaml.Node) {
		for i, child := range node.Content {
			if node.Kind == yaml.MappingNode && i%2 == 0 {
				require.Regexp(t, name, child.Value, "line %d", child.Line)
			}
			walk(child)
		}
	}
	walk(&tree)
}

const small = `
openapi: 3.0.3
info: {title: Small, version: v1, description: "One <b>paragraph</b>\nwith ` + "`code`" + `.\n\n- first\n- second"}
paths:
  /things/{id}:
    put:
      operationId: putThing
      parameters:
        - {name: id, in: path, required: true, schema: {type: string, pattern: '^[a-z]+$'}}
      requestBody:
        content:
          application/json:
            schema: {$ref: '#/components/schemas/Thing'}
            example: {name: x, '200': yes}
      responses:
        '204': {description: Done.}
        '400': {$ref: '#/components/responses/Bad'}
        '404': {$ref: '#/components/responses/Bad'}
components:
  responses:
    Bad: {description: Bad.}
  schemas:
    Base: {type: object, required: [id], properties: {id: {type: string, format: uuid}}}
    Thing:
      allOf:
        - $ref: '#/components/schemas/Base'
        - type: object
          properties:
            labels: {type: object, additionalProperties: {type: string}}
            kind: {type: string, nullable: true, enum: [a, b, null], default: a}
            base: {nullable: true, allOf: [{$ref: '#/components/schemas/Base'}]}
            inner: {type: array, maxItems: 3, items: {type: object, properties: {deep: {type: integer, minimum: 1}}}}
            either: {oneOf: [{type: string}, {type: integer}]}
`

func TestWhatSchemasHoldIsShown(t *testing.T) {
	text := regexp.MustCompile(`\s+`).ReplaceAllString(get(t, []byte(small), PathDocs), " ")
	for _, shown := range []string{
		`<p>One &lt;b&gt;paragraph&lt;/b&gt; with <code>code</code>.</p><ul><li>first</li><li>second</li></ul>`,
		`<code class="field">id</code> <span class="type">string</span> <span class="required">required</span>`,
		`<span class="label">Pattern</span> <code>^[a-z]&#43;$</code>`,
		`<code class="field">id</code> <span class="type">string (uuid)</span> <span class="required">required</span>`,
		`<code class="field">labels</code> <span class="type">map of text to string</span>`,
		`<code class="field">kind</code> <span class="type">string or null</span>`,
		`<span class="label">One of</span> <code>a</code> <code>b</code> </li>`,
		`<span class="label">Default</span> <code>a</code>`,
		`<code class="field">base</code> <span class="type"><a href="#schema-Base">Base</a> or null</span>`,
		`<code class="field">inner</code> <span class="type">array of object</span>`,
		`<span class="label">Entries</span> at most 3`,
		`<code class="field">deep</code> <span class="type">integer</span>`,
		`<span class="label">Value</span> at least 1`,
		`<code class="field">either</code> <span class="type">string or integer</span>`,
		`<span class="status">400</span> <span class="status">404</span> </div>`,
		`&#34;200&#34;: &#34;yes&#34;`,
		`Used by <a href="#op-putThing">putThing</a>`,
	} {
		require.Contains(t, text, shown)
	}
}

// A reference that leads nowhere is found at the start.
func TestPagesRefuses(t *testing.T) {
	for name, c := range map[string]struct{ old, new, says string }{
		"no YAML":            {"openapi:", "\t", "read the OpenAPI document"},
		"no schema":          {"$ref: '#/components/schemas/Thing'", "$ref: '#/components/schemas/Thin'", "#/components/schemas/Thin leads nowhere"},
		"no response":        {"components/responses/Bad'}\n        '404'", "components/responses/Worse'}\n        '404'", "#/components/responses/Worse leads nowhere"},
		"of another kind":    {"'#/components/responses/Bad'", "'#/components/schemas/Base'", "is none to responses"},
		"a list for a map":   {"  schemas:\n", "  schemas: []\n  other:\n", "is not a map"},
		"a ring of schemas":  {"Base: {type: object", "Base: {$ref: '#/components/schemas/Base', type: object", "leads back"},
		"another document's": {"$ref: '#/components/schemas/Thing'", "$ref: 'other.yaml'", "other.yaml is none to schemas"},
	} {
		require.Contains(t, small, c.old, name)
		_, err := pages([]byte(strings.Replace(small, c.old, c.new, 1)))
		require.ErrorContains(t, err, c.says, name)
	}
}

func TestMarkdown(t *testing.T) {
	text := func(text string) []span { return []span{{Text: text}} }
	for source, want := range map[string][]block{
		"":                   nil,
		"a\nb\n\nc":          {{Paragraph: text("a b")}, {Paragraph: text("c")}},
		"a:\n- b\n  c\n- d":  {{Paragraph: text("a:")}, {List: [][]span{text("b c"), text("d")}}},
		"`a` and `b`.":       {{Paragraph: []span{{Text: "a", Code: true}, {Text: " and "}, {Text: "b", Code: true}, {Text: "."}}}},
		"an open ` is text":  {{Paragraph: text("an open ` is text")}},
		"nothing `` between": {{Paragraph: []span{{Text: "nothing "}, {Text: " between"}}}},
	} {
		require.Equal(t, want, markdown(source), source)
	}
}
