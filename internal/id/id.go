package id

import (
	"crypto/rand"
	"encoding/hex"
)

const (
	// Len is the length of an id in characters.
	Len = 32
	// ShardLen is the length of the shard at the head of an id, in characters.
	ShardLen = 2
	// Shards is the number of shards there are.
	Shards = 256
)

// New returns a fresh id in a shard chosen at random.
func New() string {
	var raw [Len / 2]byte
	_, _ = rand.Read(raw[:]) // crypto/rand.Read never fails since Go 1.24
	var text [Len]byte
	hex.Encode(text[:], raw[:])
	return string(text[:])
}

// NewIn returns a fresh id in the shard of sibling, which must be a valid id.
func NewIn(sibling string) string {
	return Shard(sibling) + New()[ShardLen:]
}

// Valid reports whether s is an id: exactly 32 characters of [0-9a-f].
// Whatever passes is safe inside a storage key.
func Valid(s string) bool {
	if len(s) != Len {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// Shard returns the shard of a valid id: its first two characters.
func Shard(s string) string { return s[:ShardLen] }

// ShardName returns the name of the shard with number n, 0 ≤ n < Shards.
func ShardName(n int) string {
	return hex.EncodeToString([]byte{byte(n)}) //nolint:gosec // n < 256
}
