package keys

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

var (
	// ErrInvalid says that a token is none that this ring signed for the
	// expected issuer and audience. The text says why, without quoting the
	// token; clients get one answer for all causes.
	ErrInvalid = errors.New("token is invalid")
	// ErrExpired says that a token is all right but for its exp.
	ErrExpired = errors.New("token is expired")
)

// Expected is what a token must say to be accepted.
type Expected struct {
	Issuer    string    // iss, byte for byte
	Audiences []string  // aud must hold one of them; nil: any will do
	Now       time.Time // exp must lie after it; zero: the ring's clock
}

// Verify returns the claims of a token if Mint made it and it is alive (RFC
// 9068 §4, RFC 8725). The key is looked up by kid and brings its algorithm
// along; the header has no say in it. exp is exclusive and there is no leeway.
// It fails with ErrInvalid, with ErrExpired, which alone comes with the claims,
// or, before Open, with ErrNotOpened in a fault.ErrUnavailable.
func (r *Ring) Verify(token string, want Expected) (Claims, error) {
	state := r.snapshot.Load()
	if state == nil {
		return Claims{}, unavailable(ErrNotOpened)
	}
	if want.Now.IsZero() {
		want.Now = r.now()
	}
	payload, err := state.authenticate(token, want.Now)
	if err != nil {
		return Claims{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	claims, err := decodeClaims(payload)
	if err != nil {
		return Claims{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	switch {
	case claims.Issuer != want.Issuer || want.Issuer == "":
		return Claims{}, fmt.Errorf("%w: iss is another", ErrInvalid)
	case !audienceFits(claims.Audience, want.Audiences):
		return Claims{}, fmt.Errorf("%w: aud is another", ErrInvalid)
	case !want.Now.Before(claims.Expiry):
		return claims, ErrExpired
	}
	return claims, nil
}

func audienceFits(got, want []string) bool {
	if want == nil {
		return len(got) > 0
	}
	return slices.ContainsFunc(got, func(aud string) bool { return slices.Contains(want, aud) })
}

var (
	errTooLong   = errors.New("too long")
	errParts     = errors.New("not three parts of base64url")
	errHeader    = errors.New("header is not exactly alg, kid and typ")
	errType      = errors.New("typ is not at+jwt")
	errKey       = errors.New("key is unknown, retired or revoked")
	errAlg       = errors.New("alg is not the key's")
	errSignature = errors.New("signature does not fit")
)

// authenticate checks form, header and signature and returns the payload.
func (s *snapshot) authenticate(token string, now time.Time) ([]byte, error) {
	if len(token) > maxTokenLen {
		return nil, errTooLong
	}
	head, rest, ok := strings.Cut(token, ".")
	body, tail, more := strings.Cut(rest, ".")
	if !ok || !more {
		return nil, errParts
	}
	header, err := decodePart(head)
	if err != nil {
		return nil, err
	}
	payload, err := decodePart(body)
	if err != nil {
		return nil, err
	}
	signature, err := decodePart(tail)
	if err != nil {
		return nil, err
	}
	key, err := s.keyFor(header, now)
	if err != nil {
		return nil, err
	}
	if key.method.Verify(token[:len(head)+1+len(body)], signature, key.public) != nil {
		return nil, errSignature
	}
	return payload, nil
}

// decodePart decodes base64url without padding or spare bits. The decoder of
// the standard library skips line breaks, which would give one token many forms.
func decodePart(part string) ([]byte, error) {
	if part == "" || strings.ContainsAny(part, "\r\n") {
		return nil, errParts
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(part)
	if err != nil {
		return nil, errParts
	}
	return raw, nil
}

// keyFor returns the key a header names. Any member but the three that Mint
// writes is refused, so jku, x5u, jwk and crit have no meaning here.
func (s *snapshot) keyFor(header []byte, now time.Time) (*ringKey, error) {
	found, err := members(header, maxDepth)
	if err != nil {
		return nil, err
	}
	var alg, kid, typ string
	if len(found) != 3 || !text(found["alg"], &alg) || !text(found["kid"], &kid) || !text(found["typ"], &typ) {
		return nil, errHeader
	}
	// RFC 9068 §4: with or without application/; media types ignore case.
	if typ = strings.ToLower(typ); strings.TrimPrefix(typ, "application/") != typeAccessToken {
		return nil, errType
	}
	key, ok := s.keys[kid]
	if !ok || !now.Before(key.rec.RemoveAfter) {
		return nil, errKey
	}
	if alg != string(key.rec.Alg) {
		return nil, errAlg
	}
	return key, nil
}

// text decodes a JSON string; anything else, and absence, is false.
func text(raw json.RawMessage, into *string) bool {
	return len(raw) > 0 && raw[0] == '"' && json.Unmarshal(raw, into) == nil
}
