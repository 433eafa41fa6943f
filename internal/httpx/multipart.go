package httpx

import (
	"bytes"
	"io"
	"mime"
	"mime/multipart"
	"net/textproto"
	"strings"
)

// multipart adds the parts of a multipart/form-data body (RFC 7578). Each
// must be a plain text field: a file name, a transfer encoding or another
// content type is refused. The body is in memory and bounded, so the parts are.
func (c *collector) multipart(body []byte, boundary string) error {
	parts := multipart.NewReader(bytes.NewReader(body), boundary)
	for {
		part, err := parts.NextRawPart()
		if err == io.EOF { //nolint:errorlint // a body that ends early is a wrapped io.EOF, the closing boundary a bare one
			return nil
		}
		if err != nil {
			return &FormError{Kind: ErrMalformed}
		}
		name, ok := textField(part.Header)
		if !ok {
			return &FormError{Kind: ErrMalformed, Param: knownParam(name)}
		}
		value, err := io.ReadAll(part)
		if err != nil {
			return &FormError{Kind: ErrMalformed, Param: knownParam(name)}
		}
		if err := c.add(name, string(value)); err != nil {
			return err
		}
	}
}

// textField returns the name of a part and whether it is a text field.
func textField(h textproto.MIMEHeader) (string, bool) {
	dispositions := h["Content-Disposition"]
	if len(dispositions) != 1 {
		return "", false
	}
	disposition, params, err := mime.ParseMediaType(dispositions[0])
	if err != nil || disposition != "form-data" {
		return "", false
	}
	name := params["name"]
	if _, file := params["filename"]; file {
		return name, false
	}
	for _, encoding := range h["Content-Transfer-Encoding"] {
		switch strings.ToLower(encoding) {
		case "7bit", "8bit", "binary":
		default:
			return name, false
		}
	}
	if len(h["Content-Type"]) == 0 {
		return name, true
	}
	media, rest, err := mediaType(map[string][]string(h))
	return name, err == nil && media == "text/plain" && len(rest) == 0
}
