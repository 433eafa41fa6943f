package main

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// The members of a bill of materials in the format of CycloneDX 1.6,
// https://cyclonedx.org/docs/1.6/json/.
type (
	bill struct {
		Schema     string      `json:"$schema"`
		Format     string      `json:"bomFormat"`
		Spec       string      `json:"specVersion"`
		Version    int         `json:"version"`
		Metadata   metadata    `json:"metadata"`
		Components []component `json:"components"`
	}
	metadata struct {
		Timestamp string     `json:"timestamp"` // of the commit
		Component component  `json:"component"`
		Settings  []property `json:"properties"`
	}
	component struct {
		Type       string     `json:"type"`
		Ref        string     `json:"bom-ref"`
		Name       string     `json:"name"`
		Version    string     `json:"version,omitempty"`
		Hashes     []digest   `json:"hashes,omitempty"`
		Licenses   []licensed `json:"licenses"`
		PURL       string     `json:"purl,omitempty"`
		Properties []property `json:"properties,omitempty"`
	}
	digest struct {
		Algorithm string `json:"alg"`
		Content   string `json:"content"`
	}
	licensed struct {
		Expression string `json:"expression"`
	}
	property struct {
		Name  string `json:"name"`
		Value string `json:"value"`
	}
)

// billOfMaterials tells what a binary consists of. The sum of a module is that of
// go.sum.
func billOfMaterials(b *built, modules []module) ([]byte, error) {
	program := purl(modulePath, b.version) + "?goos=" + b.target.os + "&goarch=" + b.target.arch
	out := bill{
		Schema: "http://cyclonedx.org/schema/bom-1.6.schema.json", Format: "CycloneDX", Spec: "1.6", Version: 1,
		Metadata: metadata{
			Timestamp: b.time.UTC().Format(time.RFC3339),
			Component: component{
				Type: "application", Ref: program, Name: modulePath, Version: b.version, PURL: program,
				Hashes:   []digest{{"SHA-256", fmt.Sprintf("%x", sha256.Sum256(b.content))}},
				Licenses: []licensed{{"Apache-2.0"}},
			},
		},
	}
	for _, s := range b.info.Settings {
		out.Metadata.Settings = append(out.Metadata.Settings, property{"go:build:" + s.Key, s.Value})
	}
	for _, m := range modules {
		c := component{Type: "library", Name: m.path, Version: m.version, Licenses: []licensed{{m.license}}}
		switch {
		case m.path == standardLibrary:
			c.Version = strings.TrimPrefix(b.info.GoVersion, "go")
			c.PURL = purl(m.path, c.Version)
		case m.version == "": // embedded
		default:
			c.PURL = purl(m.path, m.version)
			c.Properties = []property{{"go:sum", m.sum}}
		}
		c.Ref = c.PURL
		if c.Ref == "" {
			c.Ref = m.path
		}
		out.Components = append(out.Components, c)
	}
	text, err := json.MarshalIndent(out, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode the bill of materials: %w", err)
	}
	return append(text, '\n'), nil
}

// purl is the package URL of a Go module. A + in a version is part of its syntax.
func purl(path, version string) string {
	return "pkg:golang/" + path + "@" + strings.ReplaceAll(version, "+", "%2B")
}
