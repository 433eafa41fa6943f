package credentials_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/credentials"
)

func anna() *credentials.Claims {
	return &credentials.Claims{
		Subject: "sub1", Owner: "0a", Username: "anna@example.com", Organization: "0b", PAT: "0c", Level: "personal",
		Groups: []string{"Everyone", "db-read", "db-write", "Team Süd"}, Roles: []string{"organization_user"},
	}
}

func TestTemplates(t *testing.T) {
	for text, want := range map[string]string{
		"":                              "",
		"plain {text}":                  "plain {text}",
		"home/{{org}}/{{username}}/":    "home/0b/anna@example.com/",
		"{{sub}}-{{owner}}.{{pat_id}}":  "sub1-0a.0c",
		"{{groups:db-*}}":               "db-read,db-write",
		"x{{groups:*-read}}":            "xdb-read",
		"{{groups:d*-*te}},{{roles}}":   "db-write,organization_user",
		"{{groups:Everyone}}{a}":        "Everyone{a}",
		"the level is {{pat_level}} {}": "the level is personal {}",
	} {
		template, err := credentials.ParseTemplate(text)
		require.NoError(t, err, text)
		require.Equal(t, text, template.String())
		got, err := template.Render(anna())
		require.NoError(t, err, text)
		require.Equal(t, want, got)
	}
}

func TestTemplatesRefuse(t *testing.T) {
	for text, problem := range map[string]string{
		"{{nobody}}":           "names no claim: use one of external_id, groups, org, org_name, owner, pat_id, pat_level, pat_level_id, pat_role, roles, sub, username",
		"{{ sub }}":            "names no claim",
		"{{.Sub}}":             "names no claim",
		"{{}}":                 "names no claim",
		"{{email}}":            "names no claim", // it is no identifier
		"{{sub":                "{{ without }}",
		"sub}}":                "}} without {{",
		"{{sub}}{{org}}":       "nothing between them",
		"{{sub:a*}}":           "is no list",
		"{{groups:}}":          "has no pattern",
		"{{groups:{{roles}}}}": "has no pattern",
		"{{{sub}}}":            "names no claim",
	} {
		_, err := credentials.ParseTemplate(text)
		require.ErrorContains(t, err, problem, text)
	}
}

// What a claim says never means anything but itself.
func TestTemplatesRefuseClaims(t *testing.T) {
	template, err := credentials.ParseTemplate("home/{{username}}/*")
	require.NoError(t, err)
	for _, username := range []string{
		"", ".", "..", "a/b", "../b", "*", "a*", "?", "a,b", `a"b`, `a\b`, "a'b", "a b", "a;b", "a:b", "${aws:username}", "{{sub}}", "a\x00", "a\n", "jürgen", "а", strings.Repeat("a", 129),
	} {
		claims := anna()
		claims.Username = username
		_, err := template.Render(claims)
		var refused *credentials.ClaimError
		require.ErrorAs(t, err, &refused, "%q", username)
		require.Equal(t, "username", refused.Claim)
		if len(username) > 4 {
			require.NotContains(t, err.Error(), username)
		}
	}
	_, err = must(credentials.ParseTemplate("{{groups}}")).Render(anna())
	require.ErrorContains(t, err, "claim groups has a value", "one of the groups has a blank")
	_, err = must(credentials.ParseTemplate("{{groups:s3-*}}")).Render(anna())
	require.ErrorContains(t, err, "claim groups has no value")
}

func TestRenderEach(t *testing.T) {
	for text, want := range map[string][]string{
		"{{groups:db-*}}": {"db-read", "db-write"}, "{{groups:s3-*}}": nil, "reader": {"reader"}, "x-{{groups:db-*}}": {"x-db-read,db-write"},
	} {
		got, err := must(credentials.ParseTemplate(text)).RenderEach(anna())
		require.NoError(t, err)
		require.Equal(t, want, got, text)
	}
}

const policy = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:GetObject","s3:PutObject"],
	"Resource":["arn:aws:s3:::data/{{org}}/{{username}}/*"],"N":[1.50,true,null,"{{groups:db-*}}",{"<":"&"}]}]}`

func TestJSONTemplates(t *testing.T) {
	got, err := must(credentials.ParseJSON(policy)).Render(anna())
	require.NoError(t, err)
	require.Equal(t, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:GetObject","s3:PutObject"],`+
		`"Resource":["arn:aws:s3:::data/0b/anna@example.com/*"],"N":[1.50,true,null,"db-read","db-write",{"<":"&"}]}]}`, got)
	for text, problem := range map[string]string{
		"": "not a JSON", "{": "not a JSON", `{"a":1}{`: "follows", `{"a":1,"a":2}`: "twice", `{"{{sub}}":1}`: "template", `["{{x}}"]`: "names no claim",
		strings.Repeat("[", 40): "deeply", `{"a" 1}`: "not a JSON", `[1,]`: "not a JSON", `{{sub}}`: "not a JSON",
	} {
		_, err := credentials.ParseJSON(text)
		require.ErrorContains(t, err, problem, text)
	}
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

// A template is what it prints, and its text stays where it is whatever a claim says.
func FuzzTemplate(f *testing.F) {
	f.Add("home/{{org}}/{{username}}/*", "anna")
	f.Add("{{groups:db-*}}", "db-a")
	f.Add("{{a", "}}")
	f.Fuzz(func(t *testing.T, text, value string) {
		template, err := credentials.ParseTemplate(text)
		if err != nil {
			return
		}
		require.Equal(t, text, template.String())
		got, err := template.Render(&credentials.Claims{Username: value, Groups: []string{value}})
		if err != nil {
			return
		}
		require.Equal(t, strings.Count(text, "/")-strings.Count(patterns(text), "/"), strings.Count(got, "/"))
		require.Equal(t, strings.Count(text, "*")-strings.Count(patterns(text), "*"), strings.Count(got, "*"))
	})
}

// patterns is what stands within placeholders.
func patterns(text string) string {
	var out strings.Builder
	for _, piece := range strings.Split(text, "{{")[1:] {
		inside, _, _ := strings.Cut(piece, "}}")
		out.WriteString(inside)
	}
	return out.String()
}

// A document with a claim filled in is the document, but for the strings that have one.
func FuzzJSONTemplate(f *testing.F) {
	f.Add(policy, "anna")
	f.Add(`["{{username}}",{"a":"\u0022{{username}}"}]`, `","b":"`)
	f.Fuzz(func(t *testing.T, text, value string) {
		template, err := credentials.ParseJSON(text)
		if err != nil {
			return
		}
		got, err := template.Render(&credentials.Claims{Username: value})
		if err != nil || strings.Contains(text, "groups") || strings.Contains(text, "roles") {
			return
		}
		var before, after any
		require.NoError(t, json.Unmarshal([]byte(text), &before))
		require.NoError(t, json.Unmarshal([]byte(got), &after))
		require.True(t, reflect.DeepEqual(filled(before, value), after), "%s became %s", text, got)
	})
}

// filled replaces the placeholder in each string of a document.
func filled(of any, value string) any {
	switch of := of.(type) {
	case map[string]any:
		for key := range of {
			of[key] = filled(of[key], value)
		}
	case []any:
		for i := range of {
			of[i] = filled(of[i], value)
		}
	case string:
		return strings.ReplaceAll(of, "{{username}}", value)
	}
	return of
}
