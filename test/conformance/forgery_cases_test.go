package conformance

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// forgery changes a good JWT and returns it signed, or not.
type forgery func(t *testing.T, w *world, f *forged) string

// forgeries are JWTs that the server must refuse (RFC 8725 §3), each by what makes
// it out of a good one.
func forgeries() map[string]map[string]forgery {
	header := func(name string, value any) forgery {
		return func(t *testing.T, _ *world, f *forged) string {
			t.Helper()
			f.header[name] = value
			return f.sign(t)
		}
	}
	claim := func(name string, value any) forgery {
		return func(t *testing.T, _ *world, f *forged) string {
			t.Helper()
			f.claims[name] = value
			return f.sign(t)
		}
	}
	encrypted := func(header string) forgery {
		return func(*testing.T, *world, *forged) string {
			return encode64([]byte(header)) + ".a2V5.aXY.Y2lwaGVydGV4dA.dGFn"
		}
	}
	return map[string]map[string]forgery{
		"C128": {
			"RS256": header("alg", "RS256"), "ES384": header("alg", "ES384"), "EdDSA": header("alg", "EdDSA"), "es256": header("alg", "es256"),
			"none": func(t *testing.T, _ *world, f *forged) string {
				t.Helper()
				f.header["alg"] = "none"
				return f.signBy(t, func(string) []byte { return nil })
			},
			"none with the signature": header("alg", "none"),
			"no signature": func(t *testing.T, _ *world, f *forged) string {
				t.Helper()
				signed, _ := cutLast(f.sign(t), ".")
				return signed + "."
			},
			"another payload": func(t *testing.T, _ *world, f *forged) string {
				t.Helper()
				_, signature := cutLast(f.sign(t), ".")
				f.claims["sub"] = "somebody else"
				signed, _ := cutLast(f.sign(t), ".")
				return signed + "." + signature
			},
		},
		"C129": {
			"PEM": withPublicKey(func(der []byte, _ jwk) []byte { return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}) }),
			"DER": withPublicKey(func(der []byte, _ jwk) []byte { return der }),
			"JWK": withPublicKey(func(_ []byte, key jwk) []byte {
				text, _ := json.Marshal(key)
				return text
			}),
			"kid": withPublicKey(func(_ []byte, key jwk) []byte { return []byte(key.KeyID) }),
		},
		"C131": {
			"path": header("kid", "../../etc/passwd"), "SQL": header("kid", "' OR 1=1 --"), "10 KB": header("kid", strings.Repeat("k", 10<<10)),
			"empty": header("kid", ""), "number": header("kid", 1), "null": header("kid", nil),
			"none": func(t *testing.T, _ *world, f *forged) string {
				t.Helper()
				delete(f.header, "kid")
				return f.sign(t)
			},
			"jwk of an attacker": func(t *testing.T, _ *world, f *forged) string {
				t.Helper()
				return f.byAttacker(t, func(key jwk) { f.header["jwk"] = key })
			},
			"jwk and kid of an attacker": func(t *testing.T, _ *world, f *forged) string {
				t.Helper()
				return f.byAttacker(t, func(key jwk) { f.header["jwk"], f.header["kid"] = key, "attacker" })
			},
			"crit": header("crit", []string{"exp"}),
		},
		"C133": {
			"dir":   encrypted(`{"alg":"dir","enc":"A256GCM","typ":"at+jwt"}`),
			"zip":   encrypted(`{"alg":"dir","enc":"A256GCM","zip":"DEF","typ":"at+jwt"}`),
			"PBES2": encrypted(`{"alg":"PBES2-HS256+A128KW","enc":"A128GCM","p2c":2147483647,"p2s":"c2FsdA","typ":"at+jwt"}`),
			"zipped JWS": func(t *testing.T, _ *world, f *forged) string {
				t.Helper()
				f.header["zip"] = "DEF"
				return f.sign(t)
			},
		},
		"": { // of other rows
			"typ": header("typ", "JWT"), "iss": claim("iss", "http://127.0.0.1"), "exp": claim("exp", 1), "exp as text": claim("exp", "9999999999"),
			"pat_gen": claim("pat_gen", 0), "pat_id": claim("pat_id", strings.Repeat("0", 32)),
		},
	}
}

// withPublicKey signs by HMAC with what everyone knows of the public key.
func withPublicKey(secret func(der []byte, key jwk) []byte) forgery {
	return func(t *testing.T, w *world, f *forged) string {
		t.Helper()
		der, err := x509.MarshalPKIXPublicKey(f.key.private.Public())
		require.NoError(t, err)
		published := w.jwks(t)
		at := slices.IndexFunc(published, func(key jwk) bool { return key.KeyID == f.key.kid })
		require.GreaterOrEqual(t, at, 0)
		f.header["alg"] = "HS256"
		return f.signBy(t, hs256(secret(der, published[at])))
	}
}

// byAttacker signs with a fresh key that the header brings along.
func (f *forged) byAttacker(t *testing.T, bring func(key jwk)) string {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	point, err := private.PublicKey.Bytes()
	require.NoError(t, err)
	bring(jwk{KeyType: "EC", Curve: "P-256", Alg: "ES256", X: encode64(point[1:33]), Y: encode64(point[33:])})
	return f.signBy(t, func(text string) []byte {
		digest := sha256.Sum256([]byte(text))
		r, s, err := ecdsa.Sign(rand.Reader, private, digest[:])
		require.NoError(t, err)
		return append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
	})
}

// forgeryCases are RFC 8725, and what RFC 9700 says of proxies.
func forgeryCases() []Case {
	var cases []Case
	for id, variants := range forgeries() {
		if id == "" {
			continue
		}
		for name, build := range variants {
			cases = append(cases, Case{ID: id, Name: name, Run: isForged(build)})
			if id == "C129" {
				cases = append(cases, Case{ID: id, Name: name + ", RSA", On: onServed, Run: isForged(build)})
			}
		}
	}
	return append(
		cases,
		Case{ID: "C128", Name: "PS256 by an RS256 key", On: onServed, Run: isForged(func(t *testing.T, _ *world, f *forged) string {
			t.Helper()
			f.header["alg"] = "PS256"
			return f.signBy(t, func(text string) []byte {
				digest := sha256.Sum256([]byte(text))
				signature, err := f.key.private.Sign(rand.Reader, digest[:], &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: crypto.SHA256})
				require.NoError(t, err)
				return signature
			})
		})},
		Case{ID: "C131", Name: "nothing is fetched", Run: nothingIsFetched},
		Case{ID: "C133", Name: "at once", Run: func(t *testing.T, w *world) {
			t.Helper()
			start := now()
			w.expect(t, call("GET", pathMine, bearer(forgeries()["C133"]["PBES2"](t, w, nil))), apiUnauthorized("JWT is invalid$"))
			require.Less(t, now().Sub(start), time.Second)
		}},
		Case{ID: "C153", Name: "at every door", Run: forgeriesAtEveryDoor},
		Case{
			ID: "C126", Name: "X-Forwarded-For", PATs: []draft{
				{name: "near", members: `"allowedNetworks":["127.0.0.0/8","::1/128"]`}, {name: "far", members: `"allowedNetworks":["192.0.2.0/24"]`},
			},
			Run: func(t *testing.T, w *world) {
				t.Helper()
				for _, header := range []string{"X-Forwarded-For", "X-Real-Ip", "Forwarded", "X-Client-Ip"} {
					value := "192.0.2.1"
					if header == "Forwarded" {
						value = "for=192.0.2.1"
					}
					w.expect(t, exchange(set("subject_token", "${near.token}"), head(header, value)), minted(nil))
					w.expect(t, exchange(set("subject_token", "${far.token}"), head(header, value)), denied("not allowed from this network"))
				}
				const id = "c1260000000000000000000000000001"
				w.expect(t, exchange(head("X-Forwarded-For", "192.0.2.1"), traced(id)), minted(nil))
				w.audited(t, event{"tracking_id": id, "ip": "127.0.0.1"})
			},
		},
		Case{ID: "C126", Name: "X-Forwarded-Proto and certificates", Steps: Steps{
			{Request: exchange(head("X-Forwarded-Proto", "https")), Want: minted(map[string]any{"iss": "${issuer}"})},
			{Request: call("GET", pathMine, anonymous, head("X-Forwarded-Client-Cert", "Subject=\"CN=admin\"")), Want: challenged()},
			{Request: call("GET", pathMine, anonymous, head("X-Forwarded-User", "admin")), Want: challenged()},
		}},
	)
}

// isForged is a case of a forgery that the management API refuses, where it takes
// what it was made of.
func isForged(build forgery) func(t *testing.T, w *world) {
	return func(t *testing.T, w *world) {
		t.Helper()
		f := w.forge(t)
		w.expect(t, call("GET", pathMine, bearer(f.sign(t))), Want{Status: http.StatusOK})
		w.expect(t, call("GET", pathMine, bearer(build(t, w, f))), apiUnauthorized("^JWT validation failed: JWT is invalid$"))
	}
}

// nothingIsFetched names a server that would tell if it were asked for a key.
func nothingIsFetched(t *testing.T, w *world) {
	t.Helper()
	var asked atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		rw.WriteHeader(http.StatusNotFound)
	}))
	defer server.Close()
	for _, name := range []string{"jku", "x5u"} {
		f := w.forge(t)
		f.header["kid"], f.header[name] = "unknown", server.URL
		w.expect(t, call("GET", pathMine, bearer(f.sign(t))), apiUnauthorized("JWT is invalid$"))
	}
	require.Zero(t, asked.Load())
}

// forgeriesAtEveryDoor sends every forgery wherever a JWT may come.
func forgeriesAtEveryDoor(t *testing.T, w *world) {
	t.Helper()
	for id, variants := range forgeries() {
		for name, build := range variants {
			t.Run(id+" "+name, func(t *testing.T) {
				f := w.forge(t)
				f.claims["scope"] = "openid " + f.claim("scope")
				good := f.sign(t)
				f.claims["jti"] = strings.Repeat("0", 32) // revoking the bad one must not be revoking the good one
				bad := build(t, w, f)
				w.expect(t, get(pathUserinfo, bearer(good)), Want{Status: http.StatusOK})
				w.expect(t, get(pathUserinfo, bearer(bad)), Want{Status: http.StatusUnauthorized})
				w.expect(t, introspect(set("token", bad)), inactive())
				w.expect(t, introspect(bearer(bad)), Want{Status: http.StatusUnauthorized})
				w.expect(t, revoke(bad), Want{Status: http.StatusOK})
				w.expect(t, exchange(set("subject_token", bad)), uniform())
				w.expect(t, introspect(set("token", good)), active())
			})
		}
	}
}
