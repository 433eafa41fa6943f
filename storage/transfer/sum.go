package transfer

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/bits"
)

// Sum tells whether two stores hold the same, in whatever order they yield it: how
// many items, and the sum of their SHA-256 digests.
type Sum struct {
	Items  int
	Digest Digest
}

// String returns both.
func (s Sum) String() string {
	return fmt.Sprintf("%d items of digest %s", s.Items, hex.EncodeToString(s.Digest[:8]))
}

// Digest is a sum of digests, modulo 2^256. A sum, other than an exclusive or, counts
// what comes twice.
type Digest [sha256.Size]byte

// MarshalText returns it in hexadecimal.
func (d Digest) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(d[:])), nil }

// UnmarshalText reads what MarshalText wrote.
func (d *Digest) UnmarshalText(text []byte) error {
	if hex.DecodedLen(len(text)) != len(d) {
		return fmt.Errorf("digest: %d characters", len(text))
	}
	if _, err := hex.Decode(d[:], text); err != nil {
		return fmt.Errorf("digest: %w", err)
	}
	return nil
}

// SumOf reads the whole of a store.
func SumOf(ctx context.Context, s Readable) (Sum, error) {
	var sum Sum
	for batch, err := range s.Items(ctx, "") {
		if err != nil {
			return Sum{}, err
		}
		for i := range batch.Items {
			sum = sum.with(&batch.Items[i])
		}
	}
	return sum, nil
}

// with is the sum of one item more.
func (s Sum) with(item *Item) Sum {
	text, _ := json.Marshal(item) // it holds nothing that could not be
	one := sha256.Sum256(text)
	var carry uint64
	for i := len(one) - 8; i >= 0; i -= 8 {
		var word uint64
		word, carry = bits.Add64(binary.BigEndian.Uint64(s.Digest[i:]), binary.BigEndian.Uint64(one[i:]), carry)
		binary.BigEndian.PutUint64(s.Digest[i:], word)
	}
	s.Items++
	return s
}
