package postgres

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
)

const (
	// iterations is what servers use by default, and the least that RFC 7677 §4 allows.
	// More would guard a password that can be guessed; these are random.
	iterations = 4096
	saltSize   = 16
)

// newPassword returns a random password of 26 letters and digits: 130 bits.
func newPassword() string { return rand.Text() }

// newVerifier returns what a server keeps of a password of printable ASCII: enough to
// check it, and not enough to log in with (RFC 5803, as PostgreSQL writes it).
func newVerifier(password string) (string, error) {
	salt := make([]byte, saltSize)
	_, _ = rand.Read(salt) // never fails
	return verifier(password, salt)
}

func verifier(password string, salt []byte) (string, error) {
	salted, err := pbkdf2.Key(sha256.New, password, salt, iterations, sha256.Size)
	if err != nil {
		return "", fmt.Errorf("derive a key of the password: %w", err)
	}
	stored := sha256.Sum256(sign(salted, "Client Key"))
	encode := base64.StdEncoding.EncodeToString
	return fmt.Sprintf("SCRAM-SHA-256$%d:%s$%s:%s", iterations, encode(salt), encode(stored[:]), encode(sign(salted, "Server Key"))), nil
}

func sign(key []byte, text string) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(text))
	return mac.Sum(nil)
}
