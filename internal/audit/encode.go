package audit

import (
	"time"
	"unicode/utf8"
)

// timeFormat is RFC 3339 in UTC with exactly three fractional digits.
const timeFormat = "2006-01-02T15:04:05.000Z"

const hexDigits = "0123456789abcdef"

// MarshalJSON returns the form of the tags on one line, with the time in UTC
// and milliseconds. It never fails.
func (e Event) MarshalJSON() ([]byte, error) { return e.appendJSON(nil), nil }

// appendJSON appends what MarshalJSON returns. Written by hand because it is on
// the path of every exchange; a property test holds it equal to encoding/json.
func (e Event) appendJSON(dst []byte) []byte {
	dst = appendString(append(dst, `{"id":`...), e.ID)
	dst = append(dst, `,"time":"`...)
	dst = e.Time.UTC().Truncate(time.Millisecond).AppendFormat(dst, timeFormat)
	dst = appendString(append(dst, `","event":`...), string(e.Name))
	dst = appendMember(dst, `,"organization":`, e.Organization)
	dst = appendMember(dst, `,"actor":`, e.Actor)
	dst = appendMember(dst, `,"pat_id":`, e.PATID)
	dst = appendMember(dst, `,"owner":`, e.Owner)
	dst = appendMember(dst, `,"subject":`, e.Subject)
	dst = appendAudience(dst, e.Audience)
	dst = appendMember(dst, `,"scope":`, e.Scope)
	dst = appendMember(dst, `,"jti":`, e.JTI)
	dst = appendMember(dst, `,"ip":`, e.IP)
	dst = appendMember(dst, `,"user_agent":`, e.UserAgent)
	dst = appendMember(dst, `,"tracking_id":`, e.TrackingID)
	dst = appendString(append(dst, `,"outcome":`...), string(e.Outcome))
	dst = appendMember(dst, `,"reason":`, e.Reason)
	dst = appendMember(dst, `,"denial_id":`, e.DenialID)
	return append(dst, '}')
}

func appendAudience(dst []byte, audience []string) []byte {
	if len(audience) == 0 {
		return dst
	}
	dst = append(dst, `,"audience":[`...)
	for i, a := range audience {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendString(dst, a)
	}
	return append(dst, ']')
}

// appendMember appends key and value, and nothing for an empty value.
func appendMember(dst []byte, key, value string) []byte {
	if value == "" {
		return dst
	}
	return appendString(append(dst, key...), value)
}

// appendString appends s as a JSON string with the escapes of encoding/json,
// which are safe inside HTML and keep a line one line.
func appendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	from := 0
	for i := 0; i < len(s); {
		if c := s[i]; c < utf8.RuneSelf {
			if !plain(c) {
				dst = appendEscape(append(dst, s[from:i]...), c)
				from = i + 1
			}
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			dst = append(append(dst, s[from:i]...), `\ufffd`...)
			from = i + size
		case r == '\u2028' || r == '\u2029': // line ends to JavaScript
			dst = append(append(dst, s[from:i]...), `\u202`...)
			dst = append(dst, hexDigits[r&0xf])
			from = i + size
		}
		i += size
	}
	return append(append(dst, s[from:]...), '"')
}

func plain(c byte) bool {
	return c >= ' ' && c != '"' && c != '\\' && c != '<' && c != '>' && c != '&'
}

func appendEscape(dst []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\b':
		return append(dst, '\\', 'b')
	case '\f':
		return append(dst, '\\', 'f')
	case '\n':
		return append(dst, '\\', 'n')
	case '\r':
		return append(dst, '\\', 'r')
	case '\t':
		return append(dst, '\\', 't')
	default:
		return append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&0xf])
	}
}
