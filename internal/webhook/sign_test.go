package webhook

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/secret"
)

func secretOf(n int) string {
	return "whsec_" + base64.StdEncoding.EncodeToString([]byte(strings.Repeat("k", n)))
}

// The example of the specification.
func TestSignatureOfTheSpecification(t *testing.T) {
	keys, err := parseSecrets(secret.New("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"))
	require.NoError(t, err)
	header := http.Header{}
	keys.sign(header, "msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 999), []byte(`{"test": 2432232314}`))
	require.Equal(t, "msg_p5jXN8AQM9LWM0D4loKWxJek", header.Get("webhook-id"))
	require.Equal(t, "1614265330", header.Get("webhook-timestamp"))
	require.Equal(t, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", header.Get("webhook-signature"))
}

func TestParseSecrets(t *testing.T) {
	good := secretOf(32)
	for text, want := range map[string]int{
		good:                                 1,
		strings.TrimPrefix(good, "whsec_"):   1,
		good + "\r\n\n " + secretOf(24):      2,
		secretOf(64):                         1,
		"":                                   0,
		"\n \n":                              0,
		secretOf(23):                         0,
		secretOf(65):                         0,
		good + "\n" + secretOf(23):           0,
		strings.TrimSuffix(good, "="):        0,
		"whsec_whsec_" + good[6:]:            0,
		strings.Repeat(good+"\n", 8):         8,
		strings.Repeat(good+"\n", 9):         0,
		"whsec_" + strings.Repeat("!", 43):   0,
		good[:20] + " " + good[20:]:          0,
		"whpk_" + strings.Repeat("A", 40):    0,
		"# comment\n" + good:                 0,
		good + "\n" + good + "\n" + good[:9]: 0,
	} {
		keys, err := parseSecrets(secret.New(text))
		require.Len(t, keys, want, "%q", text)
		if want == 0 {
			require.ErrorIs(t, err, ErrSecret, "%q", text)
		}
	}
}

// FuzzParseSecrets: what is accepted, written again, gives the same signatures; what
// is not is not repeated.
func FuzzParseSecrets(f *testing.F) {
	f.Add(secretOf(32) + "\n" + secretOf(24))
	f.Add("canary-canary-canary")
	f.Fuzz(func(t *testing.T, text string) {
		keys, err := parseSecrets(secret.New(text))
		if err != nil {
			require.ErrorIs(t, err, ErrSecret)
			for line := range strings.FieldsSeq(text) {
				require.False(t, len(line) > 20 && strings.Contains(err.Error(), line))
			}
			return
		}
		var lines []string
		for _, key := range keys {
			lines = append(lines, secretPrefix+base64.StdEncoding.EncodeToString([]byte(key.Reveal())))
		}
		again, err := parseSecrets(secret.New(strings.Join(lines, "\n")))
		require.NoError(t, err)
		one, two := http.Header{}, http.Header{}
		keys.sign(one, "id", time.Unix(1, 0), []byte("body"))
		again.sign(two, "id", time.Unix(1, 0), []byte("body"))
		require.Equal(t, one, two)
		require.Len(t, strings.Fields(one.Get("webhook-signature")), len(keys))
	})
}
