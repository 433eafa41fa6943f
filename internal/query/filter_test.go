package query

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

var columns = Columns{
	{Field: "id", Kind: Text, Filter: true},
	{Field: "name", Kind: Text, Filter: true, Sort: true},
	{Field: "owner.id", Kind: Text, Filter: true},
	{Field: "owner.name", Kind: Text, Sort: true},
	{Field: "ownerUsername", Kind: Text, Filter: true, Sort: true},
	{Field: "status", Kind: Choice, Filter: true, Sort: true, Choices: []string{"Active", "Revoked", "Expired", "Auto-revoked"}},
	{Field: "level", Kind: Choice, Filter: true, Choices: []string{"personal", "group", "organization"}},
	{Field: "created", Kind: Time, Filter: true, Sort: true},
	{Field: "expirationDate", Kind: Time, Filter: true, Sort: true},
	{Field: "lastUsed", Kind: Time, Filter: true, Sort: true},
	{Field: "managed", Kind: Flag, Filter: true},
}

func TestParseFilter(t *testing.T) {
	for text, printed := range map[string]string{
		`name eq "ci"`: `name eq "ci"`,
		`  owner.id  eq   "a" and   ownerUsername sw "b"  `: `owner.id eq "a" and ownerUsername sw "b"`,
		`lastUsed le 2023-02-05T10:59:27.214Z`:              `lastUsed le 2023-02-05T10:59:27.214Z`,
		`lastUsed le "2023-02-05t12:59:27.2149+02:00"`:      `lastUsed le 2023-02-05T10:59:27.214Z`,
		`lastUsed isnull`:                                             `lastUsed isnull`,
		`expirationDate pr and managed eq true`:                       `expirationDate pr and managed eq true`,
		`status in ("Active","Auto-revoked")`:                         `status in ("Active", "Auto-revoked")`,
		`status in("Active")and level ne "group"`:                     `status in ("Active") and level ne "group"`,
		`name co "a \"quoted\" \\ and (b)"`:                           `name co "a \"quoted\" \\ and (b)"`,
		`name gt "a" and name ge "a" and name lt "z" and name le "z"`: `name gt "a" and name ge "a" and name lt "z" and name le "z"`,
		`id eq "é"`: `id eq "é"`,
	} {
		parsed, err := columns.ParseFilter(text)
		require.NoError(t, err, text)
		require.Equal(t, printed, parsed.String())
	}
}

func TestParseFilterRefuses(t *testing.T) {
	for text, want := range map[string]string{
		``:                              "character 1: begin with one of the fields",
		`secret eq "x"`:                 "character 1: begin with one of the fields",
		`owner.name eq "x"`:             "character 1: begin with one of the fields",
		`Name eq "x"`:                   "character 1: begin with one of the fields",
		`name`:                          "character 5: compare name by one of eq, ne, in",
		`name EQ "x"`:                   "character 6: compare name by one of",
		`created co "x"`:                "character 9: compare created by one of eq, ne, in, isnull, pr, gt",
		`managed gt true`:               "character 9: compare managed by one of eq, ne, in, isnull, pr",
		`status gt "Active"`:            "character 8: compare status by",
		`name eq x`:                     "character 9: put the value in double quotes",
		`name eq "x`:                    "character 9: end the value with a double quote",
		`name eq "é\n"`:                 `character 11: write a backslash as \\`,
		`name eq 'x'`:                   "character 9: put the value in double quotes",
		`status eq "active"`:            "character 11: status is one of Active, Revoked",
		`level in ("personal", "team")`: "character 23: level is one of personal",
		`created gt yesterday`:          "character 12: write a time of RFC 3339",
		`created gt 2023-02-05`:         "character 12: write a time of RFC 3339",
		`created gt`:                    "character 11: write a time of RFC 3339",
		`managed eq "true"`:             "character 12: compare managed with true or false",
		`id in "x"`:                     "character 7: write the values of in as",
		`id in ()`:                      "character 8: put the value in double quotes",
		`id in ("a" "b")`:               `character 12: go on with ","`,
		`id in ("a"`:                    `character 11: go on with ","`,
		`name eq "x" or name eq "y"`:    `character 13: join comparisons by "and"`,
		`name eq "x" and`:               "character 16: begin with one of the fields",
		`(name eq "x")`:                 "character 1: begin with one of the fields",
		`lastUsed isnull true`:          `character 17: join comparisons by "and"`,
		"name eq \"a\tb\"":              "character 11: use UTF-8 without control characters",
		"name eq \"\xff\"":              "use UTF-8",
		strings.Repeat(" ", 4001):       "use at most 4000 bytes",
		strings.Repeat("id pr and ", 20) + "id pr": "character 197: use at most 20 comparisons",
	} {
		_, err := columns.ParseFilter(text)
		require.IsType(t, &Error{}, err, text)
		require.Contains(t, err.Error(), want, text)
		require.Contains(t, err.Error(), "filters: at character ")
	}
}

func TestFilterMatches(t *testing.T) {
	day := time.Date(2023, 2, 5, 10, 59, 27, 214_000_000, time.UTC)
	read := func(f Field) Value {
		return map[Field]Value{
			"id": TextValue("0a"), "name": TextValue("Deploy CI"), "status": TextValue("Active"), "level": TextValue("personal"),
			"created": TimeOrNull(day), "managed": FlagValue(false), "ownerUsername": TextValue("alice"),
		}[f]
	}
	for text, want := range map[string]bool{
		`name eq "Deploy CI"`:                     true,
		`name eq "deploy ci"`:                     false,
		`name ne "deploy ci"`:                     true,
		`name ne "Deploy CI"`:                     false,
		`name co "LOY"`:                           true,
		`name sw "deploy"`:                        true,
		`name sw "ci"`:                            false,
		`name co ""`:                              true,
		`name in ("a", "Deploy CI")`:              true,
		`name in ("a", "b")`:                      false,
		`name gt "Deploy"`:                        true,
		`name lt "Deploy"`:                        false,
		`status eq "Active" and level eq "group"`: false,
		`status sw "act"`:                         true,
		`created eq 2023-02-05T10:59:27.214Z`:     true,
		`created ge 2023-02-05T10:59:27.214Z`:     true,
		`created gt 2023-02-05T10:59:27.214Z`:     false,
		`created le 2023-02-05T10:59:27.214Z`:     true,
		`created lt 2023-02-05T10:59:27.214Z`:     false,
		`created gt 2023-02-05T10:59:27.213Z`:     true,
		`managed eq false`:                        true,
		`managed ne false`:                        false,
		`managed in (true)`:                       false,
		// There is no last use.
		`lastUsed isnull`:                      true,
		`lastUsed pr`:                          false,
		`lastUsed le 2023-02-05T10:59:27.214Z`: false,
		`lastUsed ge 2023-02-05T10:59:27.214Z`: false,
		`lastUsed ne 2023-02-05T10:59:27.214Z`: true,
		`lastUsed eq 2023-02-05T10:59:27.214Z`: false,
		`name isnull`:                          false,
		`name pr`:                              true,
	} {
		parsed, err := columns.ParseFilter(text)
		require.NoError(t, err, text)
		require.Equal(t, want, parsed.Match(read), text)
	}
	require.True(t, Filter(nil).Match(read))
}

// values draws what a field of the kind may be compared with.
func values(of Kind, choices []string) *rapid.Generator[Value] {
	return rapid.Custom(func(t *rapid.T) Value {
		switch of {
		case Time:
			at := rapid.Int64Range(-62135596799999, 253402300799999).Draw(t, "ms")
			return Value{kind: Time, time: time.UnixMilli(at).UTC()}
		case Flag:
			return FlagValue(rapid.Bool().Draw(t, "flag"))
		case Choice:
			return TextValue(rapid.SampledFrom(choices).Draw(t, "choice"))
		default:
			return TextValue(rapid.StringMatching(`[ -~é☃]{0,12}`).Draw(t, "text"))
		}
	})
}

func TestFilterPrintsAsItParses(t *testing.T) {
	names := []Field{
		"id", "name", "owner.id", "ownerUsername", "status", "level", "created", "expirationDate", "lastUsed", "managed",
	}
	rapid.Check(t, func(t *rapid.T) {
		var f Filter
		for range rapid.IntRange(1, 5).Draw(t, "n") {
			c := comparison{field: rapid.SampledFrom(names).Draw(t, "field")}
			column, _ := columns.filterable(c.field)
			of := column.Kind
			c.op = rapid.SampledFrom(operators(of)).Draw(t, "op")
			switch c.op {
			case opIsNull, opPresent:
			case opIn:
				c.values = rapid.SliceOfN(values(of, column.Choices), 1, 4).Draw(t, "values")
			default:
				c.values = []Value{values(of, column.Choices).Draw(t, "value")}
			}
			f = append(f, c)
		}
		parsed, err := columns.ParseFilter(f.String())
		if err != nil || parsed.String() != f.String() || len(parsed) != len(f) {
			t.Fatalf("%s: %v, %v", f, parsed, err)
		}
		for i := range f {
			for j := range f[i].values {
				if !parsed[i].values[j].equal(f[i].values[j]) {
					t.Fatalf("%s: value %d of comparison %d", f, j, i)
				}
			}
		}
	})
}

func FuzzFilter(f *testing.F) {
	f.Add(`name eq "ci" and lastUsed le 2023-02-05T10:59:27.214Z`)
	f.Add(`status in ("Active","Revoked") and managed ne true and name co "\"\\"`)
	f.Add(`expirationDate isnull and created lt 9999-12-31T23:59:59-01:00`)
	f.Fuzz(func(t *testing.T, text string) {
		parsed, err := columns.ParseFilter(text)
		if err != nil {
			require.IsType(t, &Error{}, err)
			return
		}
		again, err := columns.ParseFilter(parsed.String())
		require.NoError(t, err)
		require.Equal(t, parsed.String(), again.String())
		for _, have := range []Value{{}, TextValue(text), FlagValue(true), TimeOrNull(time.Unix(1, 0))} {
			read := func(Field) Value { return have }
			require.Equal(t, parsed.Match(read), again.Match(read))
		}
	})
}

func FuzzOrder(f *testing.F) {
	f.Add("name,-created")
	f.Add("-owner.name,ownerUsername,lastUsed")
	f.Fuzz(func(t *testing.T, text string) {
		parsed, err := columns.ParseOrder(text)
		if err != nil {
			require.IsType(t, &Error{}, err)
			return
		}
		require.Equal(t, text, parsed.String())
		null, some := func(Field) Value { return Value{} }, func(Field) Value { return TextValue(text) }
		require.Equal(t, 1, parsed.Compare(null, some), "null comes last")
		require.Equal(t, -1, parsed.Compare(some, null))
		require.Zero(t, parsed.Compare(some, some))
		require.Zero(t, parsed.Compare(null, null))
	})
}

func TestParseOrderRefuses(t *testing.T) {
	for text, want := range map[string]string{
		``:              "sorters: at character 1: sort by one of name, owner.name",
		`id`:            "at character 1: sort by",
		`name, created`: "at character 6: sort by",
		`name,-`:        "at character 6: sort by",
		`name,+created`: "at character 6: sort by",
		`name,-name`:    "at character 6: name each field once",
		`--name`:        "at character 1: sort by",
	} {
		_, err := columns.ParseOrder(text)
		require.IsType(t, &Error{}, err, text)
		require.Contains(t, err.Error(), want, text)
	}
}
