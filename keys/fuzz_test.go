package keys

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Whatever Verify accepts was made by Mint.
func FuzzVerify(f *testing.F) {
	ring, _ := openRing(f, newClock(), ES256, EdDSA)
	minted := map[string]bool{}
	for _, alg := range []Alg{ES256, EdDSA} {
		token := mint(f, ring, alg)
		minted[token[:strings.LastIndexByte(token, '.')]] = true
		parts := strings.Split(token, ".")
		f.Add(token)
		f.Add(parts[0] + "." + parts[1] + ".")
		f.Add(encode([]byte(`{"alg":"none","kid":"`+activeKID(ring, alg)+`","typ":"at+jwt"}`)) + "." + parts[1] + ".AA")
		f.Add(parts[0] + "." + encode([]byte(`{"exp":1,"exp":2}`)) + "." + parts[2])
	}
	f.Fuzz(func(t *testing.T, token string) {
		claims, err := ring.Verify(token, expected())
		if err != nil {
			require.ErrorIs(t, err, ErrInvalid)
			require.Empty(t, claims)
			return
		}
		require.True(t, minted[token[:strings.LastIndexByte(token, '.')]])
		require.Equal(t, testClaims(start), claims)
	})
}

// A valid token with any byte changed, removed or added is refused.
func FuzzVerifyMutation(f *testing.F) {
	ring, _ := openRing(f, newClock(), ES256, EdDSA)
	tokens := []string{mint(f, ring, ES256), mint(f, ring, EdDSA)}
	for _, token := range tokens {
		for at := range token {
			f.Add(uint(at), byte('A'), uint8(0))
		}
		f.Add(uint(len(token)-1), byte('\n'), uint8(2))
	}
	f.Fuzz(func(t *testing.T, at uint, by byte, how uint8) {
		for _, token := range tokens {
			i := int(at % uint(len(token)))
			changed := token[:i] + string([]byte{by}) + token[i+1:]
			switch how % 3 {
			case 1:
				changed = token[:i] + token[i+1:]
			case 2:
				changed = token[:i] + string([]byte{by}) + token[i:]
			}
			_, err := ring.Verify(changed, expected())
			if changed == token {
				require.NoError(t, err)
				continue
			}
			require.ErrorIs(t, err, ErrInvalid)
		}
	})
}

// What decodes encodes to claims that decode to the same.
func FuzzDecodeClaims(f *testing.F) {
	claims := testClaims(start)
	good, err := claims.appendJSON(nil)
	require.NoError(f, err)
	f.Add(good)
	f.Add([]byte(`{"aud":["a","b"],"iss":"i","sub":"s","iat":1,"exp":2,"jti":"j","client_id":"c","x":{"y":[{}]}}`))
	f.Add([]byte(`{"a":1,"a":2}`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		first, err := decodeClaims(payload)
		if err != nil || len(first.Audience) == 0 {
			return
		}
		again, err := first.appendJSON(nil)
		require.NoError(t, err)
		second, err := decodeClaims(again)
		require.NoError(t, err)
		if len(first.Groups)+len(first.Roles) > 0 { // an empty list is left out
			require.Equal(t, first, second)
		}
	})
}

// What ParseMaster accepts is written in one way only.
func FuzzParseMaster(f *testing.F) {
	f.Add([]byte("2:" + keyText(1) + "\n1:" + keyText(2) + "\n"))
	f.Add([]byte("1:" + keyText(1)))
	f.Add([]byte("01:" + keyText(1) + "\r\n"))
	f.Fuzz(func(t *testing.T, file []byte) {
		master, err := ParseMaster(file)
		if err != nil {
			require.ErrorIs(t, err, ErrMasterSyntax)
			return
		}
		lines := strings.Split(strings.TrimSuffix(string(file), "\n"), "\n")
		require.Len(t, master.Peppers(), len(lines))
		for i, pepper := range master.Peppers() {
			_, text, _ := strings.Cut(lines[i], ":")
			key, err := base64.StdEncoding.DecodeString(text)
			require.NoError(t, err)
			require.Len(t, key, masterKeyLen)
			require.Equal(t, fmt.Sprintf("%d:%s", pepper.Version, base64.StdEncoding.EncodeToString(key)), lines[i])
		}
	})
}
