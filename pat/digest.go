package pat

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"slices"
	"sync"
	"sync/atomic"
)

// Digest is what is stored of a secret: HMAC-SHA-256 under a pepper that is not
// in the store. A secret has 256 bits, so a fast keyed hash is sufficient
// (NIST SP 800-63B, look-up secrets). The zero value matches nothing.
type Digest struct {
	Pepper int // version of the pepper
	Sum    [sha256.Size]byte
}

// IsZero reports whether there is no digest.
func (d Digest) IsZero() bool { return d.Pepper == 0 }

// equal compares in constant time; a zero digest equals nothing.
func (d Digest) equal(other Digest) bool {
	same := subtle.ConstantTimeCompare(d.Sum[:], other.Sum[:])
	return same == 1 && d.Pepper == other.Pepper && d.Pepper != 0
}

// Pepper is one version of the key under which secrets are digested.
type Pepper struct {
	Version int // from 1
	Key     []byte
}

// livePepper keeps keyed hashes, as to make one takes longer than to use it.
type livePepper struct {
	version int
	macs    *sync.Pool // of *keyedHash
}

// keyedHash is an HMAC-SHA-256, and memory for what goes in and comes out.
type keyedHash struct {
	hash.Hash

	in  [256]byte
	out [sha256.Size]byte
}

func liven(p Pepper) livePepper {
	key := slices.Clone(p.Key)
	return livePepper{p.Version, &sync.Pool{New: func() any { return &keyedHash{Hash: hmac.New(sha256.New, key)} }}}
}

// Peppers are the live versions, newest first. The zero value is not usable;
// use NewPeppers. It is safe to share.
type Peppers struct{ live atomic.Pointer[[]livePepper] }

// NewPeppers returns the digester over the given versions, newest first, each
// with a key of at least 32 bytes.
func NewPeppers(live ...Pepper) (*Peppers, error) {
	peppers := &Peppers{}
	if err := peppers.Replace(live...); err != nil {
		return nil, err
	}
	return peppers, nil
}

// Replace puts other versions in place of those that were live, at once for
// everybody who has p. What NewPeppers refuses changes nothing.
func (p *Peppers) Replace(live ...Pepper) error {
	if len(live) == 0 {
		return errors.New("peppers: at least one version is needed")
	}
	seen := map[int]bool{}
	for _, pepper := range live {
		if pepper.Version < 1 || seen[pepper.Version] || len(pepper.Key) < sha256.Size {
			return fmt.Errorf("pepper version %d: versions are positive and unique, keys at least %d bytes", pepper.Version, sha256.Size)
		}
		seen[pepper.Version] = true
	}
	lively := make([]livePepper, 0, len(live))
	for _, pepper := range live {
		lively = append(lively, liven(pepper))
	}
	p.live.Store(&lively)
	return nil
}

// Newest returns the digest under the newest pepper, the one to store.
func (p *Peppers) Newest(token Token) Digest { return (*p.live.Load())[0].digest(token) }

// Candidates returns one digest per live pepper, newest first.
func (p *Peppers) Candidates(token Token) []Digest {
	live := *p.live.Load()
	out := make([]Digest, len(live))
	for i := range live {
		out[i] = live[i].digest(token)
	}
	return out
}

// digest covers the length-prefixed pepper version, id and secret, so that no
// two inputs share an encoding.
func (p livePepper) digest(token Token) Digest {
	mac, _ := p.macs.Get().(*keyedHash)
	defer p.macs.Put(mac)
	text := mac.in[:0]
	text = binary.BigEndian.AppendUint32(text, 8)
	text = binary.BigEndian.AppendUint64(text, uint64(p.version)) //nolint:gosec // NewPeppers refuses versions below 1
	for _, part := range [...]string{string(token.id), token.tail.Reveal()[:secretLen]} {
		text = binary.BigEndian.AppendUint32(text, uint32(len(part))) //nolint:gosec // 32 and 43
		text = append(text, part...)
	}
	_, _ = mac.Write(text) // a hash never fails
	mac.Sum(mac.out[:0])
	clear(text)
	mac.Reset()
	return Digest{Pepper: p.version, Sum: mac.out}
}
