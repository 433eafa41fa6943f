package httpx

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"
)

// DefaultMaxBytes is the largest request body that is read unless the caller
// says otherwise: 64 KiB.
const DefaultMaxBytes = 64 << 10

// firstBuffer is the most memory a body takes before a byte of it has arrived.
// Requests as clients send them fit in it.
const firstBuffer = 2 << 10

// readBody returns the whole body, having read at most limit+1 bytes of it, and
// none at all when the Content-Length already exceeds the limit. The memory it
// takes grows with what arrives: many requests that announce much and send
// little cost little.
func readBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	if limit <= 0 {
		limit = DefaultMaxBytes
	}
	if r.ContentLength > limit {
		return nil, tooLarge(w, r)
	}
	most := r.ContentLength
	if most < 0 { // not announced
		most = limit + 1
	}
	body := make([]byte, 0, min(most, firstBuffer))
	for int64(len(body)) < most {
		if len(body) == cap(body) {
			body = append(make([]byte, 0, min(2*int64(cap(body)), most)), body...)
		}
		n, err := r.Body.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, ErrMalformed
		}
	}
	switch size := int64(len(body)); {
	case size > limit:
		return nil, tooLarge(w, r)
	case size < r.ContentLength:
		return nil, ErrMalformed
	}
	_ = r.Body.Close() // it is read to its end; net/http would look for more
	return body, nil
}

// tooLarge makes an HTTP/1 connection end with the answer, so that what is left
// of the body is not taken for a request. Of a body that is but a little too
// large net/http swallows the rest, up to 256 KiB, for the client to get to see
// the answer. An HTTP/2 stream ends by itself.
func tooLarge(w http.ResponseWriter, r *http.Request) error {
	if r.ProtoMajor == 1 {
		w.Header().Set("Connection", "close")
	}
	return ErrTooLarge
}

// checkEncoding refuses every content coding but identity.
func checkEncoding(h http.Header) error {
	for _, value := range h["Content-Encoding"] {
		if value != "" && !strings.EqualFold(value, "identity") {
			return ErrContentEncoding
		}
	}
	return nil
}

// mediaType returns the media type of the one Content-Type header, in lower
// case, and its parameters without charset, which must be UTF-8 if it is there.
func mediaType(h http.Header) (string, map[string]string, error) {
	values := h["Content-Type"]
	if len(values) != 1 {
		return "", nil, ErrMediaType
	}
	media, params, err := mime.ParseMediaType(values[0])
	if err != nil {
		return "", nil, ErrMediaType
	}
	if charset, ok := params["charset"]; ok {
		if !strings.EqualFold(charset, "utf-8") {
			return "", nil, ErrMediaType
		}
		delete(params, "charset")
	}
	return media, params, nil
}
