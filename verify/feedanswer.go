package verify

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"
)

const (
	typeRevocations = "revocations+jwt"
	// maxWindow bounds for how long the feed can have entries remembered.
	maxWindow = 7 * 24 * time.Hour
	// feedSkew is how far an answer may be off, beside the leeway: replicas of the server
	// may be 30 s off their store each way.
	feedSkew = time.Minute
	// everything is the bound of an entry that has none.
	everything = math.MaxInt64
)

var errAnswer = errors.New("the answer of the revocation feed is not to be used")

// mark stands for the id of a token, a JWT or a subject: the first bytes of a SHA-256.
type mark [16]byte

// dead is an entry of the feed: which JWTs of a mark are dead.
type dead struct {
	of         markText
	generation bound // with a pat_gen up to it
	issuedAt   bound // with an iat up to it, in seconds
}

// UnmarshalJSON decodes an entry. Members it does not know are passed over: one that would
// cover less than it seems to is taken for more.
func (d *dead) UnmarshalJSON(raw []byte) error {
	decoded := struct {
		Hash       *markText `json:"h"`
		Generation *bound    `json:"gen"`
		IssuedAt   *bound    `json:"iat"`
	}{&d.of, &d.generation, &d.issuedAt}
	d.generation, d.issuedAt = everything, everything
	d.of = markText{}
	if err := json.Unmarshal(raw, &decoded); err != nil {
		return err
	}
	if !d.of.given || decoded.Generation == nil || decoded.IssuedAt == nil {
		return fmt.Errorf("%w: an entry lacks h, or has null", errAnswer)
	}
	return nil
}

// markText is a mark in base64url.
type markText struct {
	mark

	given bool
}

// UnmarshalText decodes a mark, of which there is one form.
func (m *markText) UnmarshalText(text []byte) error {
	const length = 22
	if len(text) != length || bytes.ContainsAny(text, "\r\n") {
		return fmt.Errorf("%w: h is not 16 bytes of base64url", errAnswer)
	}
	if _, err := base64.RawURLEncoding.Strict().Decode(m.mark[:], text); err != nil {
		return fmt.Errorf("%w: h is not 16 bytes of base64url", errAnswer)
	}
	m.given = true
	return nil
}

// bound is a whole number, and no other form of one.
type bound int64

// UnmarshalJSON decodes a bound.
func (b *bound) UnmarshalJSON(raw []byte) error {
	value, err := strconv.ParseInt(string(raw), 10, 64)
	*b = bound(value)
	return err
}

// feedAnswer is what an answer of the feed says.
type feedAnswer struct {
	issuedAt    time.Time // as of when it holds
	since, next int64     // cursors, in milliseconds
	window      time.Duration
	ended       []dead
}

// decodeFeedAnswer reads a payload of issuer.
func decodeFeedAnswer(payload []byte, issuer string) (*feedAnswer, error) {
	var told struct {
		Issuer   string `json:"iss"`
		IssuedAt *bound `json:"iat"`
		Since    *bound `json:"since"`
		Next     *bound `json:"next"`
		Window   *bound `json:"window"`
		Ended    []dead `json:"ended"`
	}
	if err := json.Unmarshal(payload, &told); err != nil {
		return nil, fmt.Errorf("%w: %w", errAnswer, err)
	}
	if told.IssuedAt == nil || told.Since == nil || told.Next == nil || told.Window == nil || told.Ended == nil {
		return nil, fmt.Errorf("%w: it lacks iat, since, next, window or ended", errAnswer)
	}
	switch {
	case told.Issuer != issuer:
		return nil, fmt.Errorf("%w: iss is another", errAnswer)
	case *told.IssuedAt < 0 || *told.IssuedAt > maxDate:
		return nil, fmt.Errorf("%w: iat is no time", errAnswer)
	case *told.Since < 0 || *told.Next < *told.Since || *told.Next/1000 > maxDate:
		return nil, fmt.Errorf("%w: since and next are no cursors", errAnswer)
	case *told.Window <= 0 || *told.Window > bound(maxWindow/time.Second):
		return nil, fmt.Errorf("%w: window is not within %s", errAnswer, maxWindow)
	}
	return &feedAnswer{
		issuedAt: time.Unix(int64(*told.IssuedAt), 0), since: int64(*told.Since), next: int64(*told.Next),
		window: time.Duration(*told.Window) * time.Second, ended: told.Ended,
	}, nil
}

// verifyFeedAnswer checks who signed an answer, and reads it.
func (v *Verifier) verifyFeedAnswer(ctx context.Context, signed string) (*feedAnswer, error) {
	parsed, err := parseTyped(signed, typeRevocations)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errAnswer, err)
	}
	key, seen, err := v.keys.lookup(parsed.keyID, parsed.alg)
	if errors.Is(err, errKey) || errors.Is(err, errStale) {
		key, err = v.keys.find(ctx, parsed.keyID, parsed.alg, seen)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errAnswer, err)
	}
	if key.method.Verify(parsed.signed, parsed.signature, key.public) != nil {
		return nil, fmt.Errorf("%w: the signature does not fit", errAnswer)
	}
	return decodeFeedAnswer(parsed.payload, v.issuer)
}
