package httpx_test

import (
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/httpx"
)

func withAuthorization(values ...string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/", nil)
	r.Header["Authorization"] = values
	return r
}

func b64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

func TestBasicCredentials(t *testing.T) {
	for name, c := range map[string]struct {
		values         []string
		user, password string
		absent         bool
		err            error
	}{
		"plain":               {values: []string{"Basic " + b64("id:secret")}, user: "id", password: "secret"},
		"scheme in any case":  {values: []string{"bAsIc " + b64("id:secret")}, user: "id", password: "secret"},
		"more spaces":         {values: []string{"Basic   " + b64("id:secret")}, user: "id", password: "secret"},
		"encoded once":        {values: []string{"Basic " + b64("%63ambio:a%3Ab+c")}, user: "cambio", password: "a:b c"},
		"encoded twice":       {values: []string{"Basic " + b64("%2563ambio:x")}, user: "%63ambio", password: "x"},
		"colon in password":   {values: []string{"Basic " + b64("id:a:b")}, user: "id", password: "a:b"},
		"no header":           {absent: true},
		"another scheme":      {values: []string{"Bearer abc"}, absent: true},
		"longer scheme":       {values: []string{"Basics " + b64("id:secret")}, absent: true},
		"empty header":        {values: []string{""}, err: httpx.ErrAuthorization},
		"scheme only":         {values: []string{"Basic"}, err: httpx.ErrAuthorization},
		"two headers":         {values: []string{"Basic " + b64("id:secret"), "Bearer x"}, err: httpx.ErrAuthorizationRepeated},
		"two in one header":   {values: []string{"Basic " + b64("id:secret") + ", Basic x"}, err: httpx.ErrAuthorization},
		"not base64":          {values: []string{"Basic !!!"}, err: httpx.ErrAuthorization},
		"no padding":          {values: []string{"Basic " + strings.TrimRight(b64("id:secre"), "=")}, err: httpx.ErrAuthorization},
		"base64url":           {values: []string{"Basic " + base64.URLEncoding.EncodeToString([]byte("id:\u00ff\u00fe?"))}, err: httpx.ErrAuthorization},
		"loose trailing bits": {values: []string{"Basic aWQ6YR=="}, err: httpx.ErrAuthorization},
		"line end inside":     {values: []string{"Basic aWQ6\nYWI="}, err: httpx.ErrAuthorization},
		"no colon":            {values: []string{"Basic " + b64("id")}, err: httpx.ErrAuthorization},
		"escaped colon only":  {values: []string{"Basic " + b64("id%3Asecret")}, err: httpx.ErrAuthorization},
		"empty user":          {values: []string{"Basic " + b64(":secret")}, err: httpx.ErrAuthorization},
		"empty password":      {values: []string{"Basic " + b64("id:")}, err: httpx.ErrAuthorization},
		"NUL":                 {values: []string{"Basic " + b64("id:se\x00cret")}, err: httpx.ErrAuthorization},
		"escaped NUL":         {values: []string{"Basic " + b64("id%00:secret")}, err: httpx.ErrAuthorization},
		"CRLF":                {values: []string{"Basic " + b64("id\r\n:secret")}, err: httpx.ErrAuthorization},
		"C1 control":          {values: []string{"Basic " + b64("id:\u0085")}, err: httpx.ErrAuthorization},
		"non-UTF-8":           {values: []string{"Basic " + b64("id:\xff")}, err: httpx.ErrAuthorization},
		"bad escape":          {values: []string{"Basic " + b64("id:%zz")}, err: httpx.ErrAuthorization},
	} {
		t.Run(name, func(t *testing.T) {
			user, password, present, err := httpx.BasicCredentials(withAuthorization(c.values...))
			require.ErrorIs(t, err, c.err)
			require.Equal(t, !c.absent, present)
			require.Equal(t, c.user, user)
			require.Equal(t, c.password, password.Reveal())
		})
	}
}

func TestBearerToken(t *testing.T) {
	for name, c := range map[string]struct {
		values []string
		token  string
		absent bool
		err    error
	}{
		"token":              {values: []string{"Bearer aZ09-._~+/=="}, token: "aZ09-._~+/=="},
		"scheme in any case": {values: []string{"BEARER abc"}, token: "abc"},
		"no header":          {absent: true},
		"another scheme":     {values: []string{"Basic abc"}, absent: true},
		"empty":              {values: []string{"Bearer "}, err: httpx.ErrAuthorization},
		"padding only":       {values: []string{"Bearer =="}, err: httpx.ErrAuthorization},
		"padding inside":     {values: []string{"Bearer a=b"}, err: httpx.ErrAuthorization},
		"space inside":       {values: []string{"Bearer a b"}, err: httpx.ErrAuthorization},
		"space behind":       {values: []string{"Bearer a "}, err: httpx.ErrAuthorization},
		"comma":              {values: []string{"Bearer a,Bearer b"}, err: httpx.ErrAuthorization},
		"non-ASCII":          {values: []string{"Bearer ä"}, err: httpx.ErrAuthorization},
		"two headers":        {values: []string{"Bearer a", "Bearer a"}, err: httpx.ErrAuthorizationRepeated},
	} {
		t.Run(name, func(t *testing.T) {
			token, present, err := httpx.BearerToken(withAuthorization(c.values...))
			require.ErrorIs(t, err, c.err)
			require.Equal(t, !c.absent, present)
			require.Equal(t, c.token, token.Reveal())
		})
	}
}

// What is accepted survives encoding; what net/http refuses is refused.
func FuzzBasicCredentials(f *testing.F) {
	f.Add("Basic " + b64("id:secret"))
	f.Add("basic " + b64("%2563:+%20"))
	f.Add("Basic aWQ6YR==")
	f.Fuzz(func(t *testing.T, header string) {
		r := withAuthorization(header)
		user, password, present, err := httpx.BasicCredentials(r)
		if err != nil || !present {
			require.Empty(t, user)
			require.True(t, password.Empty())
			return
		}
		_, encoded, _ := strings.Cut(header, " ")
		r.Header.Set("Authorization", "Basic "+strings.TrimLeft(encoded, " "))
		_, _, ok := r.BasicAuth()
		require.True(t, ok)

		printed := b64(url.QueryEscape(user) + ":" + url.QueryEscape(password.Reveal()))
		again, secondPassword, present, err := httpx.BasicCredentials(withAuthorization("Basic " + printed))
		require.NoError(t, err)
		require.True(t, present)
		require.Equal(t, user, again)
		require.Equal(t, password.Reveal(), secondPassword.Reveal())
	})
}

func FuzzBearerToken(f *testing.F) {
	f.Add("Bearer abc.def-ghi")
	f.Add("bearer  a==")
	f.Fuzz(func(t *testing.T, header string) {
		token, present, err := httpx.BearerToken(withAuthorization(header))
		if err != nil || !present {
			require.True(t, token.Empty())
			return
		}
		require.True(t, strings.HasSuffix(header, " "+token.Reveal()))
		again, _, err := httpx.BearerToken(withAuthorization("Bearer " + token.Reveal()))
		require.NoError(t, err)
		require.Equal(t, token.Reveal(), again.Reveal())
	})
}
