package ui

import (
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"path"
	"slices"

	"golang.org/x/text/language"
	"golang.org/x/text/message"
)

//go:embed texts/*.json
var ownTexts embed.FS

// languages are those that every text has, the default first.
var languages = []language.Tag{language.AmericanEnglish, language.German}

// texts holds every text of one language; some hold verbs of package fmt.
type texts struct {
	tag     language.Tag
	all     map[string]string
	printer *message.Printer // numbers, as the language writes them
}

// readTexts reads files of texts, each an object from the name of a text to an
// object from a language to the text. A text that lacks a language, or that two
// files have, is an error.
func readTexts(systems ...fs.FS) ([]*texts, error) {
	read := make([]*texts, len(languages))
	for i, tag := range languages {
		read[i] = &texts{tag: tag, all: map[string]string{}, printer: message.NewPrinter(tag)}
	}
	var faults []error
	for _, system := range systems {
		files, err := fs.Glob(system, "texts/*.json")
		if err != nil {
			return nil, fmt.Errorf("find texts: %w", err)
		}
		for _, file := range files {
			faults = append(faults, addTexts(read, system, file))
		}
	}
	return read, errors.Join(faults...)
}

func addTexts(to []*texts, system fs.FS, file string) error {
	raw, err := fs.ReadFile(system, file)
	if err != nil {
		return fmt.Errorf("read texts: %w", err)
	}
	var found map[string]map[string]string
	if err := json.Unmarshal(raw, &found); err != nil {
		return fmt.Errorf("texts %s: %w", path.Base(file), err)
	}
	var faults []error
	for _, name := range slices.Sorted(maps.Keys(found)) {
		for i, tag := range languages {
			base, _ := tag.Base()
			text, has := found[name][base.String()]
			if _, twice := to[i].all[name]; !has || twice {
				faults = append(faults, fmt.Errorf("texts %s: %s: missing in %s, or there twice", path.Base(file), name, base))
			}
			to[i].all[name] = text
		}
	}
	return errors.Join(faults...)
}

// speak chooses the texts for a request by Accept-Language (RFC 9110 §12.5.4).
func speak(all []*texts, matcher language.Matcher, r *http.Request) *texts {
	wanted, _, err := language.ParseAcceptLanguage(r.Header.Get("Accept-Language"))
	if err != nil || len(wanted) == 0 {
		return all[0]
	}
	_, index, confidence := matcher.Match(wanted...)
	if confidence == language.No {
		return all[0]
	}
	return all[index]
}

// text returns a text, filled with the arguments. A name that there is not is shown
// itself; a test of the templates finds those.
func (t *texts) text(name string, args ...any) string {
	text, known := t.all[name]
	switch {
	case !known:
		return name
	case len(args) == 0:
		return text
	default:
		return t.printer.Sprintf(text, args...)
	}
}
