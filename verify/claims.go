package verify

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
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
// its like are cut down to the second before. Text is refused, and so are numbers
// outside of 1970 to 9999.
func date(raw json.RawMessage, into *time.Time) error {
	seconds, err := strconv.ParseInt(string(raw), 10, 64)
	if err != nil {
		fraction, err := strconv.ParseFloat(string(raw), 64)
		if err != nil || fraction < 0 || fraction > maxDate { // text, and out of range
			return errDate
		}
		seconds = int64(math.Floor(fraction))
	}
	if seconds < 0 || seconds > maxDate {
		return errDate
	}
	*into = time.Unix(seconds, 0).UTC()
	return nil
}

// audience decodes aud, a string or an array of them (RFC 7519 §4.1.3).
func audience(raw json.RawMessage, into *[]string) error {
	if raw[0] == '"' {
		*into = make([]string, 1)
		return oneText(raw, &(*into)[0])
	}
	if err := texts(raw, into); err != nil {
		return err
	}
	if len(*into) == 0 {
		return errors.New("is empty")
	}
	return nil
}

func oneText(raw json.RawMessage, into *string) error {
	if !text(raw, into) {
		return errors.New("is no text")
	}
	return nil
}

// texts decodes an array of strings and nothing else: encoding/json makes null
// among them an empty string.
func texts(raw json.RawMessage, into *[]string) error {
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
	found, err := members(payload)
	if err != nil {
		return nil, err
	}
	for _, name := range required {
		if found.get(name) == nil {
			return nil, fmt.Errorf("claim %s is missing", name)
		}
	}
	c := Claims{payload: payload}
	for i := range found {
		if err := c.set(found[i].name, found[i].value); err != nil {
			return nil, fmt.Errorf("claim %s: %w", found[i].name, err)
		}
	}
	if c.Subject == "" || c.ID == "" || c.ClientID == "" {
		return nil, errors.New("claim sub, jti or client_id is empty")
	}
	return &c, nil
}

// set decodes one claim. null is no value.
func (c *Claims) set(name string, raw json.RawMessage) error {
	switch name {
	case "aud":
		return audience(raw, &c.Audience)
	case "exp":
		return date(raw, &c.Expiry)
	case "nbf":
		return date(raw, &c.NotBefore)
	case "iat":
		return date(raw, &c.IssuedAt)
	case "scope":
		var scope string
		err := oneText(raw, &scope)
		c.Scopes = strings.FieldsFunc(scope, func(r rune) bool { return r == ' ' })
		return err
	case "pat_gen":
		generation, err := strconv.ParseInt(string(raw), 10, 64)
		c.PATGeneration = generation
		return err
	}
	if into := c.list(name); into != nil {
		if string(raw) == "null" {
			return errNull
		}
		return texts(raw, into)
	}
	if into := c.text(name); into != nil {
		return oneText(raw, into)
	}
	return nil
}

func (c *Claims) list(name string) *[]string {
	switch name {
	case "groups":
		return &c.Groups
	case "roles":
		return &c.Roles
	case "entitlements":
		return &c.Entitlements
	default:
		return nil
	}
}

func (c *Claims) text(name string) *string {
	switch name {
	case "iss":
		return &c.Issuer
	case "sub":
		return &c.Subject
	case "jti":
		return &c.ID
	case "client_id":
		return &c.ClientID
	case "name":
		return &c.Name
	case "preferred_username":
		return &c.Username
	case "email":
		return &c.Email
	case "org":
		return &c.Organization
	case "pat_id":
		return &c.PATID
	case "pat_level":
		return &c.PATLevel
	case "pat_level_id":
		return &c.PATLevelID
	case "pat_role":
		return &c.PATRole
	default:
		return nil
	}
}
