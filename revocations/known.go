package revocations

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/cambio-sts/cambio/pat"
)

// hashLen is how much of a hash is told, in bytes: enough that no two ids are taken for
// each other.
const hashLen = 16

// hash stands for an id of a kind.
type hash [hashLen]byte

// What an id is of, as it is hashed.
const (
	ofToken = "pat:"
	ofJWT   = "jti:"
	ofOwner = "own:" // of a token, whose owner was disabled
)

func hashOf(kind, id string) hash {
	sum := sha256.Sum256([]byte(kind + id))
	return hash(sum[:hashLen])
}

// issuedBy is the generation of an entry that goes by when JWTs were issued.
const issuedBy int64 = -1

// entry is what is known of one hash.
type entry struct {
	generation int64 // the last that is dead, or issuedBy
	at         int64 // when it ended, in seconds; with issuedBy the last dead iat
	arrived    int64 // when this became known here, in milliseconds
	until      int64 // when nobody needs to know any more, in seconds
	token      hash  // of a JWT: ofOwner of the token it was minted from
}

// known is what ended within the window.
type known map[hash]entry

// add takes an entry in and reports whether that changed what is told.
func (k known) add(of hash, made entry) bool {
	had, ok := k[of]
	if !ok {
		k[of] = made
		return true
	}
	changed := made.generation > had.generation || made.generation == issuedBy && made.at > had.at
	if changed {
		had.arrived = made.arrived
	}
	had.generation, had.at, had.until = max(had.generation, made.generation), max(had.at, made.at), max(had.until, made.until)
	k[of] = had
	return changed
}

// forget drops what nobody needs to know at a time any more, and calls dropped for each.
func (k known) forget(now time.Time, dropped func(entry)) {
	maps.DeleteFunc(k, func(_ hash, e entry) bool {
		over := e.until < now.Unix()
		if over {
			dropped(e)
		}
		return over
	})
}

// told is an entry with its hash.
type told struct {
	of hash
	entry
}

// since returns what arrived at or after a time in milliseconds.
func (k known) since(since int64) []told {
	var found []told
	for of, e := range k {
		if e.arrived >= since {
			found = append(found, told{of, e})
		}
	}
	return found
}

// encode is the JSON array of entries, in the order of their hashes.
func encode(list []told) []byte {
	slices.SortFunc(list, func(a, b told) int { return bytes.Compare(a.of[:], b.of[:]) })
	const perEntry = 56
	out := append(make([]byte, 0, 2+perEntry*len(list)), '[')
	for i := range list {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, `{"h":"`...)
		out = base64.RawURLEncoding.AppendEncode(out, list[i].of[:])
		out = append(out, '"')
		switch list[i].generation {
		case issuedBy:
			out = strconv.AppendInt(append(out, `,"iat":`...), list[i].at, 10)
		case pat.EveryGeneration:
		default:
			out = strconv.AppendInt(append(out, `,"gen":`...), list[i].generation, 10)
		}
		out = append(out, '}')
	}
	return append(out, ']')
}
