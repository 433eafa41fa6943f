package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/cambio-sts/cambio/internal/secret"
)

const (
	secretPrefix = "whsec_"
	// minSecret and maxSecret bound a secret, in bytes.
	minSecret = 24
	maxSecret = 64
	// maxSecrets is how many sign at once: a rotation needs two.
	maxSecrets = 8
)

// ErrSecret says that a text holds no secrets of webhooks, or bad ones.
var ErrSecret = errors.New("want one to 8 lines, each whsec_ and the base64 of 24 to 64 bytes")

// keyring holds the secrets of one receiver, each the characters of its bytes.
type keyring []secret.Text

// parseSecrets reads lines of whsec_<base64>, of which whsec_ may be missing. Empty
// lines are passed over. The error is ErrSecret with the number of the line, never
// with what stands there.
func parseSecrets(text secret.Text) (keyring, error) {
	var keys keyring
	number := 0
	for line := range strings.Lines(text.Reveal()) {
		number++
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		key, err := base64.StdEncoding.Strict().DecodeString(strings.TrimPrefix(line, secretPrefix))
		if err != nil || len(key) < minSecret || len(key) > maxSecret || len(keys) == maxSecrets {
			return nil, fmt.Errorf("line %d: %w", number, ErrSecret)
		}
		keys = append(keys, secret.New(string(key)))
	}
	if len(keys) == 0 {
		return nil, ErrSecret
	}
	return keys, nil
}

// sign adds the headers by which a receiver knows the sender: webhook-id,
// webhook-timestamp in Unix seconds, and webhook-signature with one v1 for each secret.
func (k keyring) sign(header http.Header, id string, at time.Time, body []byte) {
	stamp := strconv.FormatInt(at.Unix(), 10)
	signatures := make([]string, 0, len(k))
	for _, key := range k {
		mac := hmac.New(sha256.New, []byte(key.Reveal()))
		mac.Write([]byte(id + "." + stamp + "."))
		mac.Write(body)
		signatures = append(signatures, "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	}
	header.Set("Webhook-Id", id)
	header.Set("Webhook-Timestamp", stamp)
	header.Set("Webhook-Signature", strings.Join(signatures, " "))
}
