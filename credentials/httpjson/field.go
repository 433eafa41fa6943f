package httpjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/cambio-sts/cambio/credentials"
	"github.com/cambio-sts/cambio/internal/secret"
)

// maxText is how long a field may be, in bytes.
const maxText = 16 << 10

// read makes members of an answer. An error names the configured path of a field, never
// what is in it.
func (p *Provider) read(answer []byte, expiry time.Time) (credentials.Issued, error) {
	document, err := parse(answer)
	if err != nil {
		return credentials.Issued{}, err
	}
	out := credentials.Issued{Expiry: expiry}
	for _, name := range p.names {
		value, err := textAt(document, p.Config.Members[name])
		if err != nil {
			return credentials.Issued{}, err
		}
		out.Members = append(out.Members, credentials.Member{Name: name, Value: secret.New(value)})
	}
	if p.HandleField != "" {
		if out.Handle, err = textAt(document, p.HandleField); err != nil {
			return credentials.Issued{}, err
		}
		if out.Handle == "" {
			return credentials.Issued{}, fmt.Errorf("the answer's field %s is empty", p.HandleField)
		}
	}
	if p.ExpiryField != "" {
		value, err := textAt(document, p.ExpiryField)
		if err != nil {
			return credentials.Issued{}, err
		}
		if out.Expiry, err = parseTime(value); err != nil {
			return credentials.Issued{}, fmt.Errorf("the answer's field %s is no time", p.ExpiryField)
		}
	}
	return out, nil
}

// parse reads one JSON object.
func parse(answer []byte) (map[string]any, error) {
	decoder := json.NewDecoder(bytes.NewReader(answer))
	decoder.UseNumber()
	var document map[string]any
	if err := decoder.Decode(&document); err != nil || document == nil {
		return nil, errors.New("the answer is no JSON object") // err would quote it
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the JSON object of the answer")
	}
	return document, nil
}

// textAt is the field at a path, as text. Names are matched exactly.
func textAt(document map[string]any, path string) (string, error) {
	names := strings.Split(path, ".")
	for _, name := range names[:len(names)-1] {
		inner, ok := document[name].(map[string]any)
		if !ok {
			return "", fmt.Errorf("the answer has no field %s", path)
		}
		document = inner
	}
	var text string
	switch value := document[names[len(names)-1]].(type) {
	case string:
		text = value
	case json.Number:
		text = value.String()
	case bool:
		text = fmt.Sprint(value)
	default:
		return "", fmt.Errorf("the answer has no field %s that is a text, a number or a truth value", path)
	}
	if len(text) > maxText || strings.ContainsRune(text, 0) {
		return "", fmt.Errorf("the answer's field %s is too long or has a zero in it", path)
	}
	return text, nil
}

// parseTime reads RFC 3339, or whole seconds since 1970.
func parseTime(text string) (time.Time, error) {
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at.UTC(), nil
	}
	seconds, err := json.Number(text).Int64()
	const year9999 = 253402300799
	if err != nil || seconds <= 0 || seconds > year9999 {
		return time.Time{}, errors.New("neither RFC 3339 nor seconds")
	}
	return time.Unix(seconds, 0).UTC(), nil
}
