package verify

import (
	"errors"
	"slices"
	"strings"
)

// maxToken is the longest token that is read, in bytes; Cambio signs no longer one.
const maxToken = 16 << 10

// parsed is a JWT of which only the form has been checked.
type parsed struct {
	alg, keyID         string
	signed             string // what the signature is of
	payload, signature []byte
}

var (
	errTooLong = errors.New("too long")
	errHeader  = errors.New("the header lacks alg, kid or typ")
	errType    = errors.New("typ is another")
	errCarries = errors.New("the header has a member that is not taken")
)

// refused are the header members that make a token invalid: extensions that
// change what is signed (RFC 7515 §4.1.11, RFC 7797, RFC 7516 §4.1.3), and those
// that bring a key along or say where to fetch one (RFC 8725 §3.10). Others are
// ignored.
var refused = []string{"crit", "b64", "zip", "enc", "jwk", "jku", "x5u", "x5c"}

// parse takes an access token apart (RFC 7515 §3.1, RFC 9068 §4).
func parse(token string) (*parsed, error) {
	if len(token) > maxToken {
		return nil, errTooLong
	}
	return parseTyped(token, "at+jwt")
}

// parseTyped takes a JWS of one typ apart.
func parseTyped(token, typ string) (*parsed, error) {
	head, rest, ok := strings.Cut(token, ".")
	body, tail, more := strings.Cut(rest, ".")
	if !ok || !more {
		return nil, errParts
	}
	header, err := decodePart(head)
	if err != nil {
		return nil, err
	}
	p := parsed{signed: token[:len(head)+1+len(body)]}
	if p.payload, err = decodePart(body); err != nil {
		return nil, err
	}
	if p.signature, err = decodePart(tail); err != nil {
		return nil, err
	}
	return &p, p.readHeader(header, typ)
}

func (p *parsed) readHeader(header []byte, want string) error {
	found, err := members(header)
	if err != nil {
		return err
	}
	for i := range found {
		if slices.Contains(refused, found[i].name) {
			return errCarries
		}
	}
	var typ string
	if !text(found.get("alg"), &p.alg) || !text(found.get("kid"), &p.keyID) || !text(found.get("typ"), &typ) {
		return errHeader
	}
	if p.keyID == "" || len(p.keyID) > maxKeyID {
		return errHeader
	}
	// RFC 9068 §4: with or without application/; media types ignore case.
	if typ = strings.ToLower(typ); strings.TrimPrefix(typ, "application/") != want {
		return errType
	}
	if methods[p.alg] == nil {
		return errAlgorithm
	}
	return nil
}
