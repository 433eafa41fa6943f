package sts

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

const (
	// timeout bounds one request with its answer.
	timeout = 10 * time.Second
	// maxBody is the longest answer that is read, in bytes after decompression.
	maxBody = 256 << 10
)

// ErrUnavailable says that the authorization server gave no usable answer: it
// was not reached, had trouble itself, or answered something else.
var ErrUnavailable = errors.New("the authorization server gave no usable answer")

// Client talks to an authorization server. It is safe to share.
type Client struct {
	http    *http.Client
	patient *http.Client    // the same, bounded by the context alone
	own     *http.Transport // nil if the caller brought a client
}

// NewClient returns a client that sends by given, or by a transport of its own
// if that is nil. A redirect is not followed but an answer like any other: keys
// and credentials have one place.
func NewClient(given *http.Client) *Client {
	var c Client
	if given == nil {
		c.own = &http.Transport{Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, MaxIdleConnsPerHost: 16, IdleConnTimeout: 90 * time.Second}
		given = &http.Client{Transport: c.own}
	}
	bounded := *given
	bounded.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	c.http = &bounded
	patient := bounded
	patient.Timeout = 0
	c.patient = &patient
	return &c
}

// Close closes idle connections, unless the caller brought the client.
func (c *Client) Close() {
	if c.own != nil {
		c.own.CloseIdleConnections()
	}
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   []byte
}

func (c *Client) get(ctx context.Context, address string) (answer, error) {
	return c.send(ctx, func(ctx context.Context) (*http.Request, error) {
		return http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	})
}

// send makes one request. It fails with ErrUnavailable, of which the text holds
// no body of either side.
func (c *Client) send(ctx context.Context, build func(ctx context.Context) (*http.Request, error)) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	request, err := build(ctx)
	if err != nil {
		return answer{}, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	request.Header.Set("Accept", "application/json")
	return do(c.http, request, maxBody)
}

// do sends a request and reads an answer of at most so many bytes.
func do(by *http.Client, request *http.Request, most int64) (answer, error) {
	response, err := by.Do(request)
	if err != nil {
		return answer{}, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(response.Body, most+1))
	if err != nil {
		return answer{}, fmt.Errorf("%w: read the answer: %w", ErrUnavailable, err)
	}
	if int64(len(body)) > most {
		return answer{}, fmt.Errorf("%w: the answer is longer than %d bytes", ErrUnavailable, most)
	}
	return answer{response.StatusCode, response.Header, body}, nil
}

// found returns the body of a 200.
func (a answer) found(address string) ([]byte, error) {
	if a.status != http.StatusOK {
		return nil, fmt.Errorf("%w: %s answered %d", ErrUnavailable, address, a.status)
	}
	return a.body, nil
}
