package keys

import (
	"encoding/json"
	"strconv"
)

// appendJSON appends the claims as one JSON object, as encoding/json writes it: that takes
// several times as long.
func (c *Claims) appendJSON(out []byte) ([]byte, error) {
	out = append(out, `{"iss":`...)
	out = appendText(out, c.Issuer)
	out = appendMember(out, `,"sub":`, c.Subject)
	out = append(out, `,"aud":`...)
	if len(c.Audience) == 1 {
		out = appendText(out, c.Audience[0])
	} else {
		out = appendTexts(out, c.Audience)
	}
	out = strconv.AppendInt(append(out, `,"iat":`...), c.IssuedAt.Unix(), 10)
	out = strconv.AppendInt(append(out, `,"exp":`...), c.Expiry.Unix(), 10)
	out = appendMember(out, `,"jti":`, c.ID)
	out = appendMember(out, `,"client_id":`, c.ClientID)
	out = appendMember(out, `,"azp":`, c.AuthorizedParty)
	out = appendOptional(out, `,"scope":`, c.Scope)
	out = appendMember(out, `,"pat_id":`, c.PATID)
	out = strconv.AppendInt(append(out, `,"pat_gen":`...), c.PATGeneration, 10)
	out = appendMember(out, `,"pat_level":`, c.PATLevel)
	out = appendOptional(out, `,"pat_level_id":`, c.PATLevelID)
	out = appendOptional(out, `,"pat_role":`, c.PATRole)
	out = appendMember(out, `,"org":`, c.Organization)
	if len(c.Groups) > 0 {
		out = appendTexts(append(out, `,"groups":`...), c.Groups)
	}
	if len(c.Roles) > 0 {
		out = appendTexts(append(out, `,"roles":`...), c.Roles)
	}
	out = appendOptional(out, `,"name":`, c.Name)
	out = appendOptional(out, `,"preferred_username":`, c.PreferredUsername)
	out = appendOptional(out, `,"email":`, c.Email)
	if len(c.Extra) > 0 {
		extra, err := json.Marshal(c.Extra)
		if err != nil {
			return nil, err
		}
		out = append(append(out, ','), extra[1:len(extra)-1]...)
	}
	return append(out, '}'), nil
}

// appendMember appends a name with all that stands around it, and a text.
func appendMember(out []byte, name, text string) []byte {
	return appendText(append(out, name...), text)
}

func appendOptional(out []byte, name, text string) []byte {
	if text == "" {
		return out
	}
	return appendMember(out, name, text)
}

func appendTexts(out []byte, texts []string) []byte {
	out = append(out, '[')
	for i, text := range texts {
		if i > 0 {
			out = append(out, ',')
		}
		out = appendText(out, text)
	}
	return append(out, ']')
}

// appendText appends a JSON string. Most need no escape.
func appendText(out []byte, text string) []byte {
	for i := range len(text) {
		switch c := text[i]; {
		case c < ' ', c >= 0x7f, c == '"', c == '\\', c == '<', c == '>', c == '&':
			escaped, _ := json.Marshal(text) // a string always can be
			return append(out, escaped...)
		}
	}
	return append(append(append(out, '"'), text...), '"')
}
