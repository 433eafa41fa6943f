package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"net"
	"net/http"
	"net/http/pprof"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/redis/go-redis/v9"
)

const audience, keyID, lifetime = "https://demo.example.com", "0123456789abcdefghijklmnopqrstuvwxyz-_ABCDE", 300

// The product reads 17 fields of a token and its owner too; there as well, the last seven are mostly not set.
const fields = "hash owner org scope level state generation revision record owner_record " +
	"previous expiration revoked_at revoked_by last_used last_seen old_uses"

type claims struct {
	jwt.RegisteredClaims
	ClientID   string `json:"client_id"`
	Authorized string `json:"azp"`
	Scope      string `json:"scope"`
	PATID      string `json:"pat_id"`
	PATGen     int64  `json:"pat_gen"`
	PATLevel   string `json:"pat_level"`
	Org        string `json:"org"`
}

type answer struct {
	AccessToken string `json:"access_token"`
	IssuedType  string `json:"issued_token_type"`
	TokenType   string `json:"token_type"`
	ExpiresIn   int    `json:"expires_in"`
	Scope       string `json:"scope"`
	ClientID    string `json:"client_id"`
	Issuer      string `json:"issuer"`
}

func main() {
	redisURL := flag.String("redis", "", "Redis server to look the token up in, instead of a map")
	token := flag.String("token", "", "the token it knows: <prefix>_<id>_<secret>")
	ctx, names := context.Background(), strings.Fields(fields)
	flag.Parse()
	id, hash := parse(*token)
	packed := strings.Repeat("p", 180)
	known := map[string][]any{id: {hash, id, id, "sp:scopes:all", "personal", "ACTIVE", "1", "1", packed, packed}}
	find := func(_ context.Context, id string) []any { return known[id] }
	if *redisURL != "" {
		client := redis.NewClient(must(redis.ParseURL(*redisURL)))
		for i, value := range known[id] {
			must(client.HSet(ctx, "floor:"+id, names[i], value).Result())
		}
		find = func(ctx context.Context, id string) []any { return client.HMGet(ctx, "floor:"+id, names...).Val() }
	}
	key := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	listener := must(new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0"))
	admin := must(new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0"))
	issuer, mux, profiles := "http://"+listener.Addr().String(), http.NewServeMux(), http.NewServeMux()
	mux.HandleFunc("POST /oauth2/token", func(w http.ResponseWriter, r *http.Request) {
		err := r.ParseForm()
		id, hash := parse(r.PostForm.Get("subject_token"))
		record := find(r.Context(), id)
		if err != nil || len(record) == 0 || subtle.ConstantTimeCompare([]byte(text(record[0])), []byte(hash)) != 1 {
			http.Error(w, "invalid", http.StatusBadRequest)
			return
		}
		now, jti, scope := time.Now(), make([]byte, 16), text(record[3])
		_, _ = rand.Read(jti)
		unsigned := jwt.NewWithClaims(jwt.SigningMethodES256, &claims{jwt.RegisteredClaims{
			Issuer: issuer, Subject: text(record[1]), Audience: jwt.ClaimStrings{audience}, ID: hex.EncodeToString(jti),
			IssuedAt: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(now.Add(lifetime * time.Second)),
		}, id, id, scope, id, 1, text(record[4]), text(record[2])})
		unsigned.Header["kid"], unsigned.Header["typ"] = keyID, "at+jwt"
		signed, kind := must(unsigned.SignedString(key)), r.PostForm.Get("subject_token_type")
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		_ = json.NewEncoder(w).Encode(answer{signed, kind, "Bearer", lifetime, scope, id, issuer})
	})
	mux.HandleFunc("GET /.well-known/jwks.json", func(w http.ResponseWriter, _ *http.Request) {
		point, b64 := must(key.PublicKey.Bytes()), base64.RawURLEncoding.EncodeToString
		_, _ = fmt.Fprintf(w, `{"keys":[{"kty":"EC","crv":"P-256","kid":%q,"x":%q,"y":%q}]}`, keyID, b64(point[1:33]), b64(point[33:]))
	})
	profiles.HandleFunc("GET /debug/pprof/", pprof.Index)
	go func() { panic(http.Serve(admin, profiles)) }()
	fmt.Printf("{\"addr\":%q,\"adminAddr\":%q}\n", issuer, "http://"+admin.Addr().String())
	panic(http.Serve(listener, mux))
}

// parse returns the id in a token, and the hash of the secret in it.
func parse(token string) (id, hash string) {
	_, rest, _ := strings.Cut(token, "pat_")
	id, secret, _ := strings.Cut(rest, "_")
	sum := sha256.Sum256([]byte(secret))
	return id, string(sum[:])
}

func text(value any) string {
	s, _ := value.(string) // "" for a field that is not set
	return s
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}
