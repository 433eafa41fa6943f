package keys

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Claims is what an access token says (RFC 9068 §2.2, and who the personal
// access token behind it belongs to). The exchange fills it from its decision:
// nothing a client sent reaches it unchecked. Empty members that RFC 9068 does
// not require are left out of the token.
type Claims struct {
	Issuer            string    // iss
	Subject           string    // sub
	Audience          []string  // aud: a string when one, an array when several
	IssuedAt, Expiry  time.Time // iat, exp: whole seconds
	ID                string    // jti: at least 32 lowercase hex characters, random
	ClientID          string    // client_id
	AuthorizedParty   string    // azp
	Scope             string    // scope: RFC 6749 §3.3; may be empty
	PATID             string    // pat_id
	PATGeneration     int64     // pat_gen
	PATLevel          string    // pat_level
	PATLevelID        string    // pat_level_id, optional
	PATRole           string    // pat_role, optional
	Organization      string    // org
	Groups            []string  // groups, optional
	Roles             []string  // roles, optional
	Name              string    // name, optional
	PreferredUsername string    // preferred_username, optional
	Email             string    // email, optional
	// Extra are further claims, by names that are none of the above and none that
	// RFC 7519 registers; optional. They are not read back.
	Extra map[string]string
}

// decodeClaims reads a payload. Members are matched by their exact names: the
// struct decoder of encoding/json would take EXP for exp. Unknown members are
// ignored, so that a newer replica may add one; null is no value.
func decodeClaims(payload []byte) (Claims, error) {
	found, err := members(payload, maxDepth)
	if err != nil {
		return Claims{}, err
	}
	var c Claims
	var issued, expires int64
	targets := map[string]any{
		"iss": &c.Issuer, "sub": &c.Subject, "iat": &issued, "exp": &expires, "jti": &c.ID,
		"client_id": &c.ClientID, "azp": &c.AuthorizedParty, "scope": &c.Scope,
		"pat_id": &c.PATID, "pat_gen": &c.PATGeneration, "pat_level": &c.PATLevel,
		"pat_level_id": &c.PATLevelID, "pat_role": &c.PATRole, "org": &c.Organization,
		"groups": &c.Groups, "roles": &c.Roles,
		"name": &c.Name, "preferred_username": &c.PreferredUsername, "email": &c.Email,
	}
	for name, raw := range found {
		target, known := targets[name]
		if name == "aud" {
			c.Audience, err = decodeAudience(raw)
		} else if known {
			err = decodeValue(raw, target)
		}
		if err != nil {
			return Claims{}, fmt.Errorf("claim %s: %w", name, err)
		}
	}
	c.IssuedAt, c.Expiry = time.Unix(issued, 0).UTC(), time.Unix(expires, 0).UTC()
	for _, required := range []string{"iss", "sub", "aud", "iat", "exp", "jti", "client_id"} { // RFC 9068 §2.2
		if _, ok := found[required]; !ok {
			return Claims{}, fmt.Errorf("claim %s is missing", required)
		}
	}
	return c, nil
}

func decodeAudience(raw json.RawMessage) ([]string, error) {
	if raw[0] == '"' {
		var one string
		err := decodeValue(raw, &one)
		return []string{one}, err
	}
	var several []string
	err := decodeValue(raw, &several)
	return several, err
}

// errNull says that a member is null where a value belongs.
var errNull = errors.New("null is no value")

func decodeValue(raw json.RawMessage, target any) error {
	if string(raw) == "null" {
		return errNull
	}
	return json.Unmarshal(raw, target)
}
