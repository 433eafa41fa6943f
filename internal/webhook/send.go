package webhook

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/cambio-sts/cambio/internal/audit"
)

const (
	// attemptTimeout bounds one attempt, from the look-up of the name to the answer.
	attemptTimeout = 10 * time.Second
	// maxAnswer is how much of an answer is read, in bytes, for the connection's sake.
	maxAnswer = 4 << 10
)

var (
	// errGone is a receiver that wants nothing any more.
	errGone = errors.New("the receiver answered 410: it wants no events any more")
	// errRefused is any answer but 2xx and 410.
	errRefused = errors.New("the receiver answered")
	// errUnreadable is an answer that is not HTTP, or too long.
	errUnreadable = errors.New("its answer cannot be read")
)

// message is the body of a request.
type message struct {
	Type      audit.Name      `json:"type"`
	Timestamp json.RawMessage `json:"timestamp"`
	Data      json.RawMessage `json:"data"`
}

// bodyOf is what tells of a line. The time is that of the event, as its own member.
func bodyOf(line *audit.Line) ([]byte, error) {
	var event struct {
		Time json.RawMessage `json:"time"`
	}
	if err := json.Unmarshal(line.JSON, &event); err != nil {
		return nil, err
	}
	return json.Marshal(message{Type: line.Event.Name, Timestamp: event.Time, Data: line.JSON})
}

// attempt posts a line once. Its error holds neither the URL, which may be a
// capability, nor a secret, nor anything of the answer but its status.
func (f *follower) attempt(ctx context.Context, line *audit.Line) error {
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	text, err := f.Secrets()
	if err != nil {
		return fmt.Errorf("read the secrets: %w", err)
	}
	keys, err := parseSecrets(text)
	if err != nil {
		return fmt.Errorf("read the secrets: %w", err)
	}
	body, err := bodyOf(line)
	if err != nil {
		return fmt.Errorf("write the body: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, f.URL, bytes.NewReader(body))
	if err != nil {
		return errors.New("the URL is none") // it was one at the start
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "cambio")
	keys.sign(request.Header, line.Event.ID, f.now(), body)
	answer, err := f.transport.RoundTrip(request) // a client would follow redirects
	if err != nil {
		return fmt.Errorf("call the receiver: %w", plain(err))
	}
	_, _ = io.CopyN(io.Discard, answer.Body, maxAnswer) // what counts is known
	_ = answer.Body.Close()
	switch {
	case answer.StatusCode/100 == 2:
		return nil
	case answer.StatusCode == http.StatusGone:
		return errGone
	default:
		return fmt.Errorf("%w %d", errRefused, answer.StatusCode)
	}
}

// plain is err, unless it might quote the answer.
func plain(err error) error {
	_, network := errors.AsType[*net.OpError](err)
	_, name := errors.AsType[*net.DNSError](err)
	_, certificate := errors.AsType[*tls.CertificateVerificationError](err)
	timeout := errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
	if network || name || certificate || timeout || errors.Is(err, io.EOF) {
		return err
	}
	return errUnreadable
}
