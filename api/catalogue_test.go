package api

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/text/language"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/exchange"
	"github.com/cambio-sts/cambio/internal/query"
	"github.com/cambio-sts/cambio/pat"
)

// declaredKeys lists the constants of type key, and the keys of the rules of fields.
func declaredKeys(t *testing.T) []key {
	t.Helper()
	packages, err := parser.ParseDir(token.NewFileSet(), ".", func(f fs.FileInfo) bool { return strings.HasPrefix(f.Name(), "catalogue") }, 0) //nolint:staticcheck // constants are all that is wanted
	require.NoError(t, err)
	var keys []key
	ast.Inspect(packages["api"], func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if typed, ok := spec.Type.(*ast.Ident); ok && typed.Name == "key" {
			for _, value := range spec.Values {
				literal, ok := value.(*ast.BasicLit)
				require.True(t, ok, "%v", spec.Names)
				text, err := strconv.Unquote(literal.Value)
				require.NoError(t, err)
				keys = append(keys, key(text))
			}
		}
		return true
	})
	require.Greater(t, len(keys), 50)
	for fix := range query.FixTexts() {
		keys = append(keys, fixKey(fix))
	}
	for rule := range pat.RuleTexts() {
		keys = append(keys, ruleKey(rule))
	}
	for rule := range directory.RuleTexts() {
		if _, shared := pat.RuleTexts()[rule]; !shared {
			keys = append(keys, ruleKey(rule))
		}
	}
	return keys
}

// Every shipped catalogue has every text, no other, and each takes what the English
// one takes.
func TestCataloguesAgree(t *testing.T) {
	keys, all := declaredKeys(t), shipped()
	for _, one := range all {
		require.Len(t, one.texts, len(keys), "%s has a text that there is no key for", one.tag)
		for _, key := range keys {
			require.Contains(t, one.texts, key, "%s", one.tag)
			require.NoError(t, checkText(key, one.texts[key]), "%s", one.tag)
		}
	}
	for _, key := range keys {
		_, ok := verbsOf(all[0].texts[key])
		require.True(t, ok, key)
	}
}

// Every rule that the domain declares has a text, and those of one name have one.
func TestEveryRuleHasAText(t *testing.T) {
	for file, texts := range map[string]int{"../pat/rule.go": len(pat.RuleTexts()), "../directory/rule.go": len(directory.RuleTexts())} {
		source, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		require.NoError(t, err)
		declared := 0
		ast.Inspect(source, func(n ast.Node) bool {
			if spec, ok := n.(*ast.ValueSpec); ok && len(spec.Names) == 1 && strings.HasPrefix(spec.Names[0].Name, "Rule") {
				declared++
			}
			return true
		})
		require.Equal(t, declared, texts, file)
	}
	for rule, text := range directory.RuleTexts() {
		if other, shared := pat.RuleTexts()[rule]; shared {
			require.Equal(t, other, text, rule)
		}
	}
}

// What a field of the directory breaks is told in German, too.
func TestDirectoryFieldsSpeakGerman(t *testing.T) {
	texts := newCatalogues()
	speaker := texts.speaker("de")
	for err, text := range map[error]string{
		directory.Broken("issuer", directory.RuleNeededWith, "subject"):                           "issuer: ist zusammen mit subject nötig",
		directory.Broken("type", directory.RuleOneOfTwo, directory.User, directory.TechnicalUser): "type: muss USER oder TECHNICAL_USER sein",
		directory.Broken("name", directory.RuleUTF8):                                              "name: muss UTF-8 sein",
		directory.Broken("name", directory.RuleSubject, exchange.SubjectUsername):                 "name: es kann nur eine Organisation geben, solange Access-Token ihren Eigentümer mit username benennen, was in zweien gleich sein kann: token.subject in den Einstellungen des Servers auf id setzen",
		&directory.FieldError{Field: "x", Cause: "has no name"}:                                   "x: has no name",
	} {
		told, known := answerTo(err)
		require.True(t, known)
		require.Equal(t, text, told.say(&speaker)[0].Text)
	}
}

// Every answer is told whole in every language.
func TestEveryAnswerIsTold(t *testing.T) {
	texts := newCatalogues()
	for _, locale := range []string{"en-US", "de"} {
		speaker := texts.speaker(locale)
		for name, row := range foreseen() {
			told, _ := answerTo(row.err)
			for _, message := range told.say(&speaker) {
				require.NotEmpty(t, message.Text, name)
				require.NotContains(t, message.Text, "%!", name)
				require.Equal(t, locale, message.Locale)
			}
			if told.message != "" {
				require.NotEmpty(t, speaker.say(told.message).Text, name)
			}
		}
	}
}

func TestVerbsOf(t *testing.T) {
	for text, want := range map[string]verbs{
		"":                {},
		"none":            {},
		"%s: %d":          {1: 's', 2: 'd'},
		"%[2]d of %[1]s":  {1: 's', 2: 'd'},
		"%[2]s then %s":   {2: 's', 3: 's'},
		"%[1]s and %[1]s": {1: 's'},
	} {
		got, ok := verbsOf(text)
		require.True(t, ok, text)
		require.Equal(t, want, got, text)
	}
	for _, text := range []string{"%", "%%", "100 % of it", "%v", "%5d", "%[s", "%[x]s", "%[0]s", "%[1]", "%[-1]s", "%[1]s %[1]d"} {
		_, ok := verbsOf(text)
		require.False(t, ok, text)
	}
}

const french = `{"locale":"fr","texts":{"message.not_found":"Introuvable.","cause.range":"%s : entre %d et %d"}}`

func TestParseCatalogue(t *testing.T) {
	catalogue, err := ParseCatalogue([]byte(french))
	require.NoError(t, err)
	texts := newCatalogues(catalogue)
	speaker := texts.speaker("fr-CA, en;q=0.5")
	require.Equal(t, Message{Locale: "fr", LocaleOrigin: "REQUEST", Text: "Introuvable."}, speaker.say(messageNotFound))
	require.Equal(t, Message{Locale: "fr", LocaleOrigin: "REQUEST", Text: "limit : entre 0 et 250"}, speaker.say(causeRange, "limit", 0, 250))
	require.Equal(t, Message{Locale: "en-US", LocaleOrigin: "DEFAULT", Text: "there is no such route"}, speaker.say(causeNoRoute), "what it lacks is English, and says so")

	for name, c := range map[string]struct{ old, new, says string }{
		"a language that is spoken":    {`"fr"`, `"de"`, "locale de has a catalogue already"},
		"English":                      {`"fr"`, `"en-US"`, "locale en-US has a catalogue already"},
		"no language":                  {`"fr"`, `"und"`, "locale is not a BCP 47 language tag"},
		"no tag":                       {`"fr"`, `"f r"`, "locale is not a BCP 47 language tag"},
		"an unknown member":            {`"locale"`, `"language":"x","locale"`, "the field is unknown"},
		"a key twice":                  {`"message.not_found"`, `"message.not_found":"Rien.","message.not_found"`, "more than once"},
		"no JSON":                      {`"locale"`, `locale`, "malformed"},
		"no text":                      {`"Introuvable."`, `7`, "wrong type"},
		"an unknown key":               {`message.not_found`, `message.not_fond`, "texts: message.not_fond is not a key"},
		"a blank text":                 {`Introuvable.`, ` `, "message.not_found is blank"},
		"a control character":          {`Introuvable.`, `a\u0000b`, "message.not_found is blank, or holds control characters"},
		"a verb too many":              {`Introuvable.`, `%s`, "texts: message.not_found does not have the verbs of the English text"},
		"a verb too few":               {`et %d`, `et`, `texts: cause.range does not have the verbs of the English text, which is "%s: must be between %d and %d"`},
		"another order of other verbs": {`%s : entre %d`, `%d : entre %s`, "texts: cause.range does not have the verbs"},
		"another verb":                 {`et %d`, `et %v`, "texts: cause.range does not have the verbs"},
	} {
		_, err := ParseCatalogue([]byte(strings.Replace(french, c.old, c.new, 1)))
		require.ErrorContains(t, err, c.says, name)
	}
	_, err = ParseCatalogue(append([]byte(french), bytes.Repeat([]byte(" "), maxCatalogue)...))
	require.ErrorContains(t, err, "larger than")
	require.ErrorContains(t, distinct([]Catalogue{catalogue, catalogue}), "two catalogues for fr")
}

// Whatever is read: no text of it is garbled by what fills it, and what is printed
// and read again is the same.
func FuzzParseCatalogue(f *testing.F) {
	f.Add([]byte(french))
	f.Add([]byte(`{"locale":"pt-BR","texts":{"cause.body_field":"%[2]s : %[1]s"}}`))
	f.Add([]byte(`{"locale":"fr"}`))
	f.Add([]byte(`{"locale":"fr","texts":{"cause.text":"%[1]d"}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		parsed, err := ParseCatalogue(data)
		if err != nil {
			require.NotContains(t, err.Error(), "\n")
			return
		}
		for key, text := range parsed.texts {
			wanted, _ := verbsOf(english().texts[key])
			args := make([]any, len(wanted))
			for position, verb := range wanted {
				args[position-1] = "x"
				if verb == 'd' {
					args[position-1] = 7
				}
			}
			require.NotContains(t, fmt.Sprintf(text, args...), "%!", text)
		}
		printed, err := json.Marshal(map[string]any{"locale": parsed.tag.String(), "texts": parsed.texts})
		require.NoError(t, err)
		again, err := ParseCatalogue(printed)
		require.NoError(t, err, "%s", printed)
		require.Equal(t, parsed, again)
	})
}

// docs/catalogue.en.json is what a translation begins with; -update writes it.
func TestCatalogueTemplate(t *testing.T) {
	const path = "../docs/catalogue.en.json"
	var want bytes.Buffer
	encoder := json.NewEncoder(&want)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	require.NoError(t, encoder.Encode(struct {
		Locale language.Tag   `json:"locale"`
		Texts  map[key]string `json:"texts"`
	}{language.AmericanEnglish, shipped()[0].texts}))
	if update := flag.Lookup("update"); update != nil && update.Value.String() == "true" {
		require.NoError(t, os.WriteFile(path, want.Bytes(), 0o600))
	}
	got, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, want.String(), string(got), "go test ./api -run TestCatalogueTemplate -update writes it anew")
}
