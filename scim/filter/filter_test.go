package filter_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/scim/filter"
)

func TestParse(t *testing.T) {
	for _, c := range []struct{ text, printed string }{
		{`userName eq "bjensen"`, `userName eq "bjensen"`},
		{`  userName   EQ  "a\"b"  `, `userName eq "a\"b"`},
		{`a pr and b eq true or c eq null and d ge -1.5e3`, `a pr and b eq true or c eq null and d ge -1.5e3`},
		{`a pr and (b pr or c pr)`, `a pr and (b pr or c pr)`},
		{`(a pr and b pr) or c pr`, `a pr and b pr or c pr`},
		{`NOT(a pr) AND not (b pr or c pr)`, `not (a pr) and not (b pr or c pr)`},
		{`not pr`, `not pr`},
		{`emails[type eq "work" and value co "@x"] or x pr`, `emails[type eq "work" and value co "@x"] or x pr`},
		{`urn:ietf:params:scim:schemas:core:2.0:User:name.familyName sw "J"`, `urn:ietf:params:scim:schemas:core:2.0:User:name.familyName sw "J"`},
		{`active eq False`, `active eq false`},
		{`meta.lastModified gt "2011-05-13T04:42:34Z" and $ref ew "\u00e9<>"`, `meta.lastModified gt "2011-05-13T04:42:34Z" and $ref ew "é<>"`},
	} {
		parsed, err := filter.Parse(c.text)
		require.NoError(t, err, c.text)
		require.Equal(t, c.printed, parsed.String())
	}
}

func TestParseRefuses(t *testing.T) {
	for text, want := range map[string]string{
		``:                                      "character 1: name an attribute",
		`userName`:                              "character 9: compare by one of",
		`userName is "x"`:                       "character 10: compare by one of",
		`userName eq`:                           "character 12: put the value in double quotes",
		`userName eq x`:                         "character 13: put the value in double quotes",
		`userName eq 01`:                        "character 13: put the value in double quotes",
		`userName eq "x`:                        "character 13: end the value",
		`userName eq "x\`:                       "character 13: end the value",
		`userName eq "x\q"`:                     "character 13: write the value as a string of JSON",
		`userName eq "x" z`:                     "character 17: join comparisons",
		`a pr and`:                              "character 9: name an attribute",
		`(a pr`:                                 `character 6: close the bracket with ")"`,
		`emails[type pr`:                        `character 15: close the bracket with "]"`,
		`emails[a[b pr]]`:                       "character 10: put brackets after",
		`emails.x[b pr]`:                        "character 10: put brackets after",
		`a.b.c pr`:                              "character 1: name an attribute",
		`1a pr`:                                 "character 1: name an attribute",
		`x:userName pr`:                         "character 1: name an attribute",
		"a eq \"\xff\"":                         "character 1: use UTF-8",
		strings.Repeat("(", 20):                 "character 18: use at most 16 brackets",
		strings.Repeat("a pr or ", 60) + "a pr": "use at most 50 comparisons",
		strings.Repeat(" ", 4001):               "use at most 4000 bytes",
	} {
		_, err := filter.Parse(text)
		require.IsType(t, &filter.Error{}, err, text)
		require.Contains(t, err.Error(), want, text)
	}
}

func TestParseTarget(t *testing.T) {
	for text, printed := range map[string]string{
		`active`:                             `active`,
		`name.familyName`:                    `name.familyName`,
		`members[value eq "2819c223"]`:       `members[value eq "2819c223"]`,
		`emails[type eq "work"].value`:       `emails[type eq "work"].value`,
		`emails[type eq "work" or x pr].a `:  `emails[type eq "work" or x pr].a`,
		`urn:x:y:2.0:User:emails[a pr].b`:    `urn:x:y:2.0:User:emails[a pr].b`,
		`urn:x:enterprise:2.0:User:manager`:  `urn:x:enterprise:2.0:User:manager`,
		`urn:x:enterprise:2.0:User:a.value `: `urn:x:enterprise:2.0:User:a.value`,
	} {
		parsed, err := filter.ParseTarget(text)
		require.NoError(t, err, text)
		require.Equal(t, printed, parsed.String())
	}
	for text, want := range map[string]string{
		``:                    "character 1: name an attribute",
		`a b`:                 "character 3: end the path",
		`a[b pr].`:            "character 9: name a sub-attribute",
		`a[b pr].c.d`:         "character 12: name a sub-attribute",
		`a[b pr] .c`:          "character 9: end the path",
		`a.b[c pr]`:           "character 4: end the path",
		`a[]`:                 "character 3: name an attribute",
		`a[b[c pr]]`:          "character 5: put brackets after",
		`members[value eq x]`: "character 18: put the value",
	} {
		_, err := filter.ParseTarget(text)
		require.IsType(t, &filter.Error{}, err, text)
		require.Contains(t, err.Error(), want, text)
	}
}

// What parses prints as something that parses to the same.
func FuzzFilter(f *testing.F) {
	f.Add(`userName eq "bjensen" and not (active eq true or emails[type eq "work" and value co "@x"])`)
	f.Add(`urn:ietf:params:scim:schemas:core:2.0:User:name.familyName sw "J" or meta.lastModified gt 1e3`)
	f.Add(`not pr or (((a pr)))`)
	f.Fuzz(func(t *testing.T, text string) {
		parsed, err := filter.Parse(text)
		if err != nil {
			require.IsType(t, &filter.Error{}, err)
			return
		}
		again, err := filter.Parse(parsed.String())
		if len(parsed.String()) > 4000 { // quoting may take more room
			return
		}
		require.NoError(t, err, parsed.String())
		require.Equal(t, parsed.String(), again.String())
	})
}

func FuzzTarget(f *testing.F) {
	f.Add(`emails[type eq "work"].value`)
	f.Add(`urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value`)
	f.Add(`members[value eq "a" or not (value pr)]`)
	f.Fuzz(func(t *testing.T, text string) {
		parsed, err := filter.ParseTarget(text)
		if err != nil {
			require.IsType(t, &filter.Error{}, err)
			return
		}
		again, err := filter.ParseTarget(parsed.String())
		if len(parsed.String()) > 4000 {
			return
		}
		require.NoError(t, err, parsed.String())
		require.Equal(t, parsed.String(), again.String())
	})
}
