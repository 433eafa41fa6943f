package conformance

import (
	"hash/crc32"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	second = time.Second
	// shortly is when a token expires that a case waits for: it is made first, and a
	// JWT of it needs a second.
	shortly = 2 * second

	secretLen = 43
	// aSecret has the form of a secret and is nobody's.
	aSecret = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefg"
)

const base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// craft writes a token with a right checksum, as anyone could.
func craft(id, secret string) string {
	text := "cambio_pat_" + id + "_" + secret
	return text + checksum(text)
}

// checksum is the CRC-32 (IEEE) as six base62 digits, most significant first.
func checksum(text string) string {
	sum := crc32.ChecksumIEEE([]byte(text))
	digits := make([]byte, 6)
	for i := len(digits) - 1; i >= 0; i-- {
		digits[i] = base62[sum%62]
		sum /= 62
	}
	return string(digits)
}

func now() time.Time { return time.Now() }

func parseTime(t *testing.T, text string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339Nano, text)
	require.NoError(t, err)
	return at
}
