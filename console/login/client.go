package login

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

const (
	// requestTimeout is how long one request to the provider may take, body and all.
	requestTimeout = 5 * time.Second
	// finishTimeout is how long all those of one login may take.
	finishTimeout = 12 * time.Second
	// maxBody bounds an answer, decompressed. Metadata and key sets have a few KiB.
	maxBody = 512 << 10
	// maxHeader bounds the header of an answer.
	maxHeader = 64 << 10
)

var (
	errTooLong  = errors.New("the answer is too long")
	errStatus   = errors.New("the provider cannot answer now")
	errRedirect = errors.New("the provider redirects")
)

// bounded returns a client that follows nobody elsewhere and waits and reads no
// longer than it must. No endpoint of a provider is specified to redirect, and with
// a redirect a code or token would go where the metadata does not say.
func bounded(given *http.Client) *http.Client {
	client := http.Client{}
	if given != nil {
		client = *given
	}
	if client.Timeout <= 0 || client.Timeout > requestTimeout {
		client.Timeout = requestTimeout
	}
	if client.Transport == nil {
		client.Transport = http.DefaultTransport
		if standard, ok := http.DefaultTransport.(*http.Transport); ok {
			own := standard.Clone()
			own.MaxResponseHeaderBytes = maxHeader
			client.Transport = own
		}
	}
	client.Transport = limit{client.Transport}
	client.Jar = nil
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return errRedirect }
	return &client
}

// limit reads an answer to its end, or fails: what goes wrong under way, and what a
// server says that cannot answer now, is told from an answer that is wrong.
type limit struct{ http.RoundTripper }

func (l limit) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := l.RoundTripper.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxBody+1))
	err = errors.Join(err, answer.Body.Close())
	switch {
	case err != nil:
		return nil, fmt.Errorf("read an answer: %w", err)
	case len(body) > maxBody:
		return nil, errTooLong
	case answer.StatusCode >= http.StatusInternalServerError, answer.StatusCode == http.StatusTooManyRequests:
		return nil, fmt.Errorf("%w: %d", errStatus, answer.StatusCode)
	}
	answer.Body = io.NopCloser(bytes.NewReader(body))
	return answer, nil
}
