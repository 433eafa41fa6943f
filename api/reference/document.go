package reference

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

// document is what of an OpenAPI 3.0 document is shown.
type document struct {
	Info struct {
		Title       string `yaml:"title"`
		Version     string `yaml:"version"`
		Description string `yaml:"description"`
	} `yaml:"info"`
	Servers []struct {
		URL string `yaml:"url"`
	} `yaml:"servers"`
	Tags []struct {
		Name        string `yaml:"name"`
		Description string `yaml:"description"`
	} `yaml:"tags"`
	Paths      ordered[pathItem] `yaml:"paths"`
	Components struct {
		Schemas         ordered[*schema]   `yaml:"schemas"`
		Parameters      ordered[parameter] `yaml:"parameters"`
		Responses       ordered[response]  `yaml:"responses"`
		RequestBodies   ordered[body]      `yaml:"requestBodies"`
		Headers         ordered[parameter] `yaml:"headers"`
		SecuritySchemes ordered[scheme]    `yaml:"securitySchemes"`
	} `yaml:"components"`
}

type scheme struct {
	Type        string `yaml:"type"`
	Scheme      string `yaml:"scheme"`
	In          string `yaml:"in"`
	Name        string `yaml:"name"`
	Description string `yaml:"description"`
}

type pathItem struct {
	Parameters []parameter `yaml:"parameters"`
	Get        *operation  `yaml:"get"`
	Post       *operation  `yaml:"post"`
	Put        *operation  `yaml:"put"`
	Patch      *operation  `yaml:"patch"`
	Delete     *operation  `yaml:"delete"`
}

// methods returns the operations in the order in which they are shown.
func (p *pathItem) methods() ordered[*operation] {
	return ordered[*operation]{{"GET", p.Get}, {"POST", p.Post}, {"PUT", p.Put}, {"PATCH", p.Patch}, {"DELETE", p.Delete}}
}

type operation struct {
	OperationID string            `yaml:"operationId"`
	Tags        []string          `yaml:"tags"`
	Summary     string            `yaml:"summary"`
	Description string            `yaml:"description"`
	Deprecated  bool              `yaml:"deprecated"`
	Parameters  []parameter       `yaml:"parameters"`
	RequestBody *body             `yaml:"requestBody"`
	Responses   ordered[response] `yaml:"responses"`
}

// parameter is one of a request, or a header of an answer.
type parameter struct {
	Ref         string    `yaml:"$ref"`
	Name        string    `yaml:"name"`
	In          string    `yaml:"in"`
	Description string    `yaml:"description"`
	Required    bool      `yaml:"required"`
	Deprecated  bool      `yaml:"deprecated"`
	Schema      *schema   `yaml:"schema"`
	Example     yaml.Node `yaml:"example"`
}

type body struct {
	Ref         string         `yaml:"$ref"`
	Description string         `yaml:"description"`
	Required    bool           `yaml:"required"`
	Content     ordered[media] `yaml:"content"`
}

type media struct {
	Schema   *schema   `yaml:"schema"`
	Example  yaml.Node `yaml:"example"`
	Examples ordered[struct {
		Summary string    `yaml:"summary"`
		Value   yaml.Node `yaml:"value"`
	}] `yaml:"examples"`
}

type response struct {
	Ref         string             `yaml:"$ref"`
	Description string             `yaml:"description"`
	Headers     ordered[parameter] `yaml:"headers"`
	Content     ordered[media]     `yaml:"content"`
}

type schema struct {
	Ref                  string           `yaml:"$ref"`
	Type                 string           `yaml:"type"`
	Format               string           `yaml:"format"`
	Description          string           `yaml:"description"`
	Nullable             bool             `yaml:"nullable"`
	Deprecated           bool             `yaml:"deprecated"`
	ReadOnly             bool             `yaml:"readOnly"`
	WriteOnly            bool             `yaml:"writeOnly"`
	Enum                 []yaml.Node      `yaml:"enum"`
	Default              yaml.Node        `yaml:"default"`
	Example              yaml.Node        `yaml:"example"`
	Pattern              string           `yaml:"pattern"`
	Minimum              string           `yaml:"minimum"`
	Maximum              string           `yaml:"maximum"`
	MinLength            string           `yaml:"minLength"`
	MaxLength            string           `yaml:"maxLength"`
	MinItems             string           `yaml:"minItems"`
	MaxItems             string           `yaml:"maxItems"`
	Required             []string         `yaml:"required"`
	Properties           ordered[*schema] `yaml:"properties"`
	AdditionalProperties *additional      `yaml:"additionalProperties"`
	Items                *schema          `yaml:"items"`
	AllOf                []*schema        `yaml:"allOf"`
	OneOf                []*schema        `yaml:"oneOf"`
	AnyOf                []*schema        `yaml:"anyOf"`
}

// additional is what members an object may have beside its properties: none, any, or
// those of a schema.
type additional struct {
	allowed bool
	schema  *schema // nil for any
}

// UnmarshalYAML implements yaml.Unmarshaler.
func (a *additional) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind == yaml.ScalarNode {
		return node.Decode(&a.allowed)
	}
	a.allowed = true
	return node.Decode(&a.schema)
}

// component returns the name behind a reference to a component of a kind.
func component(ref, kind string) (string, error) {
	name, ok := strings.CutPrefix(ref, "#/components/"+kind+"/")
	if !ok {
		return "", fmt.Errorf("the reference %s is none to %s", ref, kind)
	}
	return name, nil
}

// follow returns what a reference to a component of a kind leads to.
func follow[T any](from ordered[T], ref, kind string) (found T, err error) {
	name, err := component(ref, kind)
	if err != nil {
		return found, err
	}
	found, ok := from.find(name)
	if !ok {
		return found, fmt.Errorf("the reference %s leads nowhere", ref)
	}
	return found, nil
}
