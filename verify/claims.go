package verify

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// Claims is what a valid access token says (RFC 9068 §2.2). It may be shared
// between requests: do not change it.
type Claims struct {
	Issuer    string    // iss
	Subject   string    // sub: who the token acts for
	Audience  []string  // aud, of which one is this service
	Expiry    time.Time // exp
	NotBefore time.Time // nbf, zero if absent
	IssuedAt  time.Time // iat
	ID        string    // jti
	ClientID  string    // client_id; of Cambio: the id of the personal access token
	Scopes    []string  // scope, split (RFC 6749 §3.3); may be empty

	Groups       []string // groups (RFC 9068 §2.2.3.1), if the service has them in its tokens
	Roles        []string // roles, likewise
	Entitlements []string // entitlements, likewise
	Name         string   // name, likewise
	Username     string   // preferred_username, likewise
	Email        string   // email, likewise

	Organization  string // org, of Cambio
	PATID         string // pat_id, of Cambio
	PATGeneration int64  // pat_gen, of Cambio: raised when older JWTs of the token are to end
	PATLevel      string // pat_level, of Cambio: personal, group or organization
	PATLevelID    string // pat_level_id, of Cambio: of the group or organization
	PATRole       string // pat_role, of Cambio: at that level

	payload []byte
	keyID   string
}

// HasScope reports whether the token holds scope, compared byte for byte: no
// scope stands for others, sp:scopes:all included.
func (c *Claims) HasScope(scope string) bool { return slices.Contains(c.Scopes, scope) }

// Decode decodes the whole payload, for claims that have no field, as
// json.Unmarshal does. Members have been checked for duplicates.
func (c *Claims) Decode(into any) error {
	if err := json.Unmarshal(c.payload, into); err != nil {
		return fmt.Errorf("decode claims: %w", err)
	}
	return nil
}

// maxDate is the last second that a claim may name: in the year 9999.
const maxDate = 253402300799

var errDate = errors.New("not a number of seconds since 1970")

// date decodes a NumericDate (RFC 7519 §2), which may have a fraction: exp and
// its like are cut down to the second before.
type date struct{ at time.Time }

// UnmarshalJSON refuses text, and numbers outside of 1970 to 9999.
func (d *date) UnmarshalJSON(raw []byte) error {
	var number json.Number
	if raw[0] == '"' || json.Unmarshal(raw, &number) != nil {
		return errDate
	}
	seconds, err := number.Float64()
	if err != nil || seconds < 0 || seconds > maxDate {
		return errDate
	}
	d.at = time.Unix(int64(math.Floor(seconds)), 0).UTC()
	return nil
}

// audience decodes aud, a string or an array of them (RFC 7519 §4.1.3).
type audience []string

// UnmarshalJSON refuses an empty array.
func (a *audience) UnmarshalJSON(raw []byte) error {
	if raw[0] == '"' {
		*a = make(audience, 1)
		return json.Unmarshal(raw, &(*a)[0])
	}
	if err := texts(raw, (*[]string)(a)); err != nil {
		return err
	}
	if len(*a) == 0 {
		return errors.New("is empty")
	}
	return nil
}

// textList is an array of strings and nothing else.
type textList []string

// UnmarshalJSON refuses null among the elements, which encoding/json makes empty.
func (l *textList) UnmarshalJSON(raw []byte) error { return texts(raw, (*[]string)(l)) }

func texts(raw []byte, into *[]string) error {
	var elements []*string
	if err := json.Unmarshal(raw, &elements); err != nil {
		return err
	}
	*into = make([]string, len(elements))
	for i, element := range elements {
		if element == nil {
			return errNull
		}
		(*into)[i] = *element
	}
	return nil
}

// required are the claims without which a JWT is no access token (RFC 9068 §2.2).
var required = []string{"iss", "exp", "aud", "sub", "client_id", "iat", "jti"}

// decodeClaims reads a payload. Members it does not know are left to Decode.
func decodeClaims(payload []byte) (*Claims, error) {
	found, err := members(payload, maxDepth)
	if err != nil {
		return nil, err
	}
	for _, name := range required {
		if _, ok := found[name]; !ok {
			return nil, fmt.Errorf("claim %s is missing", name)
		}
	}
	c := Claims{payload: payload}
	var expiry, notBefore, issuedAt date
	var scope string
	for name, target := range map[string]any{
		"iss": &c.Issuer, "sub": &c.Subject, "aud": (*audience)(&c.Audience), "exp": &expiry, "nbf": &notBefore, "iat": &issuedAt,
		"jti": &c.ID, "client_id": &c.ClientID, "scope": &scope,
		"groups": (*textList)(&c.Groups), "roles": (*textList)(&c.Roles), "entitlements": (*textList)(&c.Entitlements),
		"name": &c.Name, "preferred_username": &c.Username, "email": &c.Email,
		"org": &c.Organization, "pat_id": &c.PATID, "pat_gen": &c.PATGeneration,
		"pat_level": &c.PATLevel, "pat_level_id": &c.PATLevelID, "pat_role": &c.PATRole,
	} {
		raw, given := found[name]
		if !given {
			continue
		}
		if err := decodeValue(raw, target); err != nil {
			return nil, fmt.Errorf("claim %s: %w", name, err)
		}
	}
	for name, value := range map[string]string{"sub": c.Subject, "jti": c.ID, "client_id": c.ClientID} {
		if value == "" {
			return nil, fmt.Errorf("claim %s is empty", name)
		}
	}
	c.Expiry, c.NotBefore, c.IssuedAt = expiry.at, notBefore.at, issuedAt.at
	c.Scopes = strings.FieldsFunc(scope, func(r rune) bool { return r == ' ' })
	return &c, nil
}
