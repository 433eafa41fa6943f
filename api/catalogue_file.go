package api

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/language"

	"github.com/cambio-sts/cambio/internal/httpx"
)

// maxCatalogue is the greatest size of a catalogue file, in bytes.
const maxCatalogue = 1 << 20

// Catalogue is the texts of a language that the product does not speak itself, made
// by ParseCatalogue.
type Catalogue struct{ catalogue }

// ParseCatalogue reads a catalogue file: a JSON object with the member locale, a BCP
// 47 language tag, and the member texts, an object of texts by their keys. A key that
// is not in it is told in English. The error names what is wrong: a language that the
// product speaks, a key that there is not, or verbs that are not those of the English
// text.
func ParseCatalogue(data []byte) (Catalogue, error) {
	var file struct {
		Locale string            `json:"locale"`
		Texts  map[string]string `json:"texts"`
	}
	if len(data) > maxCatalogue {
		return Catalogue{}, fmt.Errorf("the catalogue is larger than %d bytes", maxCatalogue)
	}
	if err := httpx.ParseJSON(data, &file); err != nil {
		return Catalogue{}, fmt.Errorf(`the catalogue is not {"locale": "…", "texts": {"…": "…"}}: %w`, err)
	}
	tag, err := language.Parse(file.Locale)
	if err != nil || tag == language.Und {
		return Catalogue{}, errors.New("locale is not a BCP 47 language tag such as fr or pt-BR")
	}
	for _, own := range shipped() {
		if own.tag == tag {
			return Catalogue{}, fmt.Errorf("locale %s has a catalogue already", tag)
		}
	}
	texts := make(map[key]string, len(file.Texts))
	for _, name := range slices.Sorted(maps.Keys(file.Texts)) {
		text := file.Texts[name]
		if err := checkText(key(name), text); err != nil {
			return Catalogue{}, err
		}
		texts[key(name)] = text
	}
	return Catalogue{catalogue{tag: tag, texts: texts}}, nil
}

// checkText holds a text against the English one of its key.
func checkText(k key, text string) error {
	english, known := shipped()[0].texts[k]
	if !known {
		return fmt.Errorf("texts: %s is not a key; docs/catalogue.en.json has them all", httpx.ShownName(string(k)))
	}
	if strings.TrimSpace(text) == "" || strings.ContainsFunc(text, unicode.IsControl) {
		return fmt.Errorf("texts: %s is blank, or holds control characters", k)
	}
	wanted, _ := verbsOf(english)
	given, ok := verbsOf(text)
	if !ok || !given.equal(wanted) {
		return fmt.Errorf("texts: %s does not have the verbs of the English text, which is %q", k, english)
	}
	return nil
}

// distinct refuses two catalogues of one language.
func distinct(all []Catalogue) error {
	seen := map[language.Tag]bool{}
	for _, one := range all {
		if seen[one.tag] {
			return fmt.Errorf("api: two catalogues for %s", one.tag)
		}
		seen[one.tag] = true
	}
	return nil
}
