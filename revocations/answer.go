package revocations

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strconv"
	"sync"
	"time"

	"github.com/cambio-sts/cambio/pat"
)

const (
	// overlap is how far a cursor lies before what was read: two clocks, each off by
	// pat.MaxSkew.
	overlap = 2 * pat.MaxSkew
	// Cursors are rounded down: recent ones to fine, older ones to coarse.
	fine   = 10 * time.Second
	coarse = 10 * time.Minute
	// maxAnswers and maxAnswerBytes bound the answers that are kept.
	maxAnswers     = 256
	maxAnswerBytes = 64 << 20
)

// answers keeps what was made, for who asks the same while nothing changes.
type answers struct {
	mu      sync.Mutex
	version uint64
	bytes   int
	bySince map[int64]*content
}

// content is what there is to tell since a cursor.
type content struct {
	since int64 // in milliseconds; 0: all of the window
	etag  string
	ended []byte // JSON

	asOf   time.Time // when signed was made for; zero: never
	signed string
}

// next is the cursor after an answer as of a time, in milliseconds.
func next(asOf time.Time) int64 { return asOf.Add(-overlap).Truncate(fine).UnixMilli() }

// rounded returns the cursor that since is answered by: at most since, and one that others
// have, too. All that is known since before the window is all of it.
func rounded(since int64, asOf time.Time) int64 {
	at := time.UnixMilli(min(since, next(asOf))).UTC()
	switch age := asOf.Sub(at); {
	case since <= 0 || age >= pat.EndedWindow:
		return 0
	case age >= coarse:
		return at.Truncate(coarse).UnixMilli()
	default:
		return at.Truncate(fine).UnixMilli()
	}
}

// content returns what there is to tell since a cursor, made once for all who ask, and as
// of when it holds.
func (f *Feed) content(since int64) (made *content, asOf time.Time) {
	a := &f.answers
	a.mu.Lock()
	defer a.mu.Unlock()
	f.mu.Lock()
	asOf = f.complete
	since = rounded(since, asOf)
	if a.bySince == nil || a.version != f.version {
		a.version, a.bySince, a.bytes = f.version, map[int64]*content{}, 0
	}
	made = a.bySince[since]
	var list []told
	if made == nil {
		list = f.known.since(since)
	}
	f.mu.Unlock()
	if made == nil {
		made = f.describe(since, list)
		a.keep(made)
	}
	return made, asOf
}

// describe makes the content. Its ETag is of what ended, and not of when and since when
// that is told nor by which key: processes that know the same have the same, and a cursor
// can move on while nothing happens.
func (f *Feed) describe(since int64, list []told) *content {
	made := &content{since: since, ended: encode(list)}
	sum := sha256.New()
	_, _ = sum.Write([]byte(f.Issuer + "\x00")) // never fails
	_, _ = sum.Write(made.ended)
	made.etag = `"` + base64.RawURLEncoding.EncodeToString(sum.Sum(nil)[:hashLen]) + `"`
	return made
}

// keep remembers a content. Where there is too much, it begins anew.
func (a *answers) keep(made *content) {
	const signedToo = 3 // base64 of it besides
	size := signedToo * len(made.ended)
	if len(a.bySince) >= maxAnswers || a.bytes+size > maxAnswerBytes {
		clear(a.bySince)
		a.bytes = 0
	}
	a.bySince[made.since] = made
	a.bytes += size
}

// payload is what is signed. It is put together, as encoding/json would look at each entry
// again.
func (f *Feed) payload(what *content, asOf time.Time) []byte {
	issuer, _ := json.Marshal(f.Issuer) // a string can be encoded
	out := make([]byte, 0, len(what.ended)+len(issuer)+128)
	out = append(append(out, `{"iss":`...), issuer...)
	for _, member := range []struct {
		name  string
		value int64
	}{
		{"iat", asOf.Unix()}, {"since", what.since}, {"next", next(asOf)}, {"window", int64(pat.EndedWindow / time.Second)},
	} {
		out = append(append(append(out, `,"`...), member.name...), `":`...)
		out = strconv.AppendInt(out, member.value, 10)
	}
	return append(append(append(out, `,"ended":`...), what.ended...), '}')
}

// sign returns the answer with a content as of a time, signed once a second at most. It
// fails as the Signer does.
func (f *Feed) sign(what *content, asOf time.Time) (string, error) {
	f.answers.mu.Lock()
	defer f.answers.mu.Unlock()
	asOf = asOf.Truncate(time.Second)
	if !what.asOf.Before(asOf) {
		return what.signed, nil
	}
	signed, err := f.Signer.SignRevocations(f.Alg, f.payload(what, asOf))
	if err != nil {
		return "", err
	}
	what.asOf, what.signed = asOf, signed
	return signed, nil
}
