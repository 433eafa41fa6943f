package sts

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	// maxEnded is the longest answer of the revocation feed that is read, in bytes: about
	// 900,000 entries.
	maxEnded = 64 << 20
	// endedSlack is how much longer than it asks to be held a request may take.
	endedSlack = 10 * time.Second
)

// Poll is a question to the revocation feed.
type Poll struct {
	Since int64         // the next of an earlier answer; zero: all there is
	ETag  string        // of the last answer; empty: whatever it is
	Wait  time.Duration // how long to be held while the ETag stays (RFC 7240 §4.3), in whole seconds; zero: not at all
}

// Ended is an answer of the revocation feed.
type Ended struct {
	Signed     string // a JWS, or empty: nothing has changed
	ETag       string
	Held       bool          // it was, or would have been, held (RFC 7240 §3)
	Refused    bool          // with an error: the cursor, or something else, is not taken
	RetryAfter time.Duration // with an error: zero, if the server does not say
}

// Ended asks the revocation feed at address. It fails with ErrUnavailable.
func (c *Client) Ended(ctx context.Context, address string, poll Poll) (Ended, error) {
	ctx, cancel := context.WithTimeout(ctx, poll.Wait+endedSlack)
	defer cancel()
	target, err := url.Parse(address)
	if err != nil {
		return Ended{}, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	if poll.Since > 0 {
		query := target.Query()
		query.Set("since", strconv.FormatInt(poll.Since, 10))
		target.RawQuery = query.Encode()
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, target.String(), http.NoBody)
	if err != nil {
		return Ended{}, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	request.Header.Set("Accept", "application/jwt")
	if poll.Wait > 0 {
		request.Header.Set("Prefer", "wait="+strconv.FormatInt(int64(poll.Wait/time.Second), 10))
	}
	if poll.ETag != "" {
		request.Header.Set("If-None-Match", poll.ETag)
	}
	got, err := do(c.patient, request, maxEnded)
	if err != nil {
		return Ended{}, err
	}
	told := Ended{ETag: got.header.Get("Etag"), Held: strings.HasPrefix(got.header.Get("Preference-Applied"), "wait=")}
	switch {
	case got.status == http.StatusOK && len(got.body) > 0:
		told.Signed = string(got.body)
		return told, nil
	case got.status == http.StatusNotModified && poll.ETag != "":
		return told, nil
	default:
		told.Refused = got.status == http.StatusBadRequest
		told.RetryAfter = seconds(got.header.Get("Retry-After"))
		return told, fmt.Errorf("%w: the revocation feed answered %d", ErrUnavailable, got.status)
	}
}
