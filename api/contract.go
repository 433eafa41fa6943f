package api

import (
	_ "embed"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

//go:embed openapi.yaml
var contract []byte

// parameter is one of an operation in openapi.yaml, or a reference to one.
type parameter struct {
	Ref  string `yaml:"$ref"`
	Name string `yaml:"name"`
	In   string `yaml:"in"`
}

// queryParameters lists the query parameters of each route of openapi.yaml, by
// "METHOD path". The generated code knows them, but not which others there are.
func queryParameters() (map[string][]string, error) {
	var document struct {
		Paths      map[string]map[string]yaml.Node `yaml:"paths"`
		Components struct {
			Parameters map[string]parameter `yaml:"parameters"`
		} `yaml:"components"`
	}
	if err := yaml.Unmarshal(contract, &document); err != nil {
		return nil, fmt.Errorf("read openapi.yaml: %w", err)
	}
	routes := make(map[string][]string)
	for path, operations := range document.Paths {
		for method := range operations {
			node := operations[method]
			if method == "parameters" {
				continue // of the path itself
			}
			var operation struct {
				Parameters []parameter `yaml:"parameters"`
			}
			if err := node.Decode(&operation); err != nil {
				return nil, fmt.Errorf("read openapi.yaml: %s %s: %w", method, path, err)
			}
			routes[strings.ToUpper(method)+" "+path] = queryNames(operation.Parameters, document.Components.Parameters)
		}
	}
	return routes, nil
}

// queryNames lists the names of query parameters, of which some may be references.
func queryNames(parameters []parameter, components map[string]parameter) []string {
	var names []string
	for _, one := range parameters {
		if name, ok := strings.CutPrefix(one.Ref, "#/components/parameters/"); ok {
			one = components[name]
		}
		if one.In == "query" {
			names = append(names, one.Name)
		}
	}
	return names
}
