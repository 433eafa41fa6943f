package httpx_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/httpx"
)

const urlencoded = "application/x-www-form-urlencoded"

func post(target, contentType, body string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, target, strings.NewReader(body))
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	return r
}

func TestReadForm(t *testing.T) {
	r := post("/token?x=1", urlencoded, "grant_type=a%2Bb+c&audience=x&empty=&audience=y&&")
	form, err := httpx.ReadForm(httptest.NewRecorder(), r, httpx.FormOptions{Repeatable: []string{"audience"}})
	require.NoError(t, err)
	require.Equal(t, "a+b c", form.Get("grant_type"))
	require.Equal(t, []string{"x", "y"}, form.All("audience"))
	require.True(t, form.Has("audience"))
	require.False(t, form.Has("empty"), "without a value counts as omitted")
	require.False(t, form.Has("x"), "the query takes no part")
	require.Empty(t, form.Get("absent"))
	require.Empty(t, form.All("empty"))
	require.False(t, form.Multipart())
	require.Equal(t, url.Values{"grant_type": {"a+b c"}, "audience": {"x", "y"}, "empty": {""}}, form.Values())
	require.NotContains(t, fmt.Sprintf("%v %+v %#v %s", form, form, form, form), "a+b")
}

func TestReadFormRefuses(t *testing.T) {
	const good = "subject_token=abc"
	for name, c := range map[string]struct {
		target, contentType, encoding, body string
		kind                                error
		param                               string
	}{
		"nothing wrong":               {body: good},
		"charset utf-8":               {contentType: urlencoded + "; charset=UTF-8", body: good},
		"identity":                    {encoding: "Identity", body: good},
		"another parameter in query":  {target: "/?x=%zz;y", body: good},
		"charset latin1":              {contentType: urlencoded + "; charset=iso-8859-1", body: good, kind: httpx.ErrMediaType},
		"another media parameter":     {contentType: urlencoded + "; a=b", body: good, kind: httpx.ErrMediaType},
		"broken media parameter":      {contentType: urlencoded + "; a", body: good, kind: httpx.ErrMediaType},
		"json":                        {contentType: "application/json", body: "{}", kind: httpx.ErrMediaType},
		"no content type":             {contentType: "none", body: good, kind: httpx.ErrMediaType},
		"multipart not allowed":       {contentType: "multipart/form-data; boundary=x", body: "--x--", kind: httpx.ErrMediaType},
		"gzip":                        {encoding: "gzip", body: good, kind: httpx.ErrContentEncoding},
		"identity and gzip":           {encoding: "identity, gzip", body: good, kind: httpx.ErrContentEncoding},
		"bad escape in value":         {body: "subject_token=%zz", kind: httpx.ErrMalformed, param: "subject_token"},
		"bad escape in name":          {body: "%z=1", kind: httpx.ErrMalformed},
		"cut escape":                  {body: "scope=%2", kind: httpx.ErrMalformed, param: "scope"},
		"semicolon":                   {body: "a=1;b=2", kind: httpx.ErrMalformed},
		"NUL":                         {body: "scope=a%00", kind: httpx.ErrMalformed, param: "scope"},
		"raw NUL in name":             {body: "sco\x00pe=a", kind: httpx.ErrMalformed},
		"escaped non-UTF-8":           {body: "scope=%ff", kind: httpx.ErrMalformed, param: "scope"},
		"raw non-UTF-8":               {body: "scope=\xff", kind: httpx.ErrMalformed, param: "scope"},
		"overlong UTF-8":              {body: "scope=%c0%af", kind: httpx.ErrMalformed, param: "scope"},
		"empty name":                  {body: "=1", kind: httpx.ErrMalformed},
		"duplicate":                   {body: "subject_token=a&subject_token=a", kind: httpx.ErrDuplicate, param: "subject_token"},
		"duplicate by escape":         {body: "scope=a&sc%6fpe=b", kind: httpx.ErrDuplicate, param: "scope"},
		"duplicate without value":     {body: "scope=&scope=b", kind: httpx.ErrDuplicate, param: "scope"},
		"duplicate unknown":           {body: "cambio_pat_x=a&cambio_pat_x=b", kind: httpx.ErrDuplicate},
		"in body and query":           {target: "/?scope=a", body: "scope=a", kind: httpx.ErrDuplicate, param: "scope"},
		"repeatable in body, query":   {target: "/?audience=a", body: "audience=a", kind: httpx.ErrDuplicate, param: "audience"},
		"secret in query":             {target: "/?client_secret=a", body: good, kind: httpx.ErrSecretInURI, param: "client_secret"},
		"escaped secret in query":     {target: "/?a=b&%63lient_secret=a", body: good, kind: httpx.ErrSecretInURI, param: "client_secret"},
		"secret behind semicolon":     {target: "/?a=b;Access_Token=a", body: good, kind: httpx.ErrSecretInURI, param: "access_token"},
		"secret behind a bad escape":  {target: "/?%zz&token", body: good, kind: httpx.ErrSecretInURI, param: "token"},
		"too many parameters":         {body: strings.Repeat("audience=a&", 101), kind: httpx.ErrMalformed},
		"as many as allowed":          {body: strings.Repeat("audience=a&", 100)},
		"one byte too large":          {body: "a=" + strings.Repeat("b", 1023), kind: httpx.ErrTooLarge},
		"as large as allowed":         {body: "a=" + strings.Repeat("b", 1022)},
		"empty, which is for callers": {body: ""},
	} {
		t.Run(name, func(t *testing.T) {
			target, contentType := "/token", urlencoded
			if c.target != "" {
				target = c.target
			}
			if c.contentType != "" {
				contentType = strings.TrimPrefix(c.contentType, "none")
			}
			for _, chunked := range []bool{false, true} {
				limit := int64(1024)
				if strings.Contains(name, "parameters") || strings.Contains(name, "many") {
					limit = 0
				}
				r := post("/token", contentType, c.body)
				r.URL.RawQuery = strings.TrimPrefix(target[strings.IndexAny(target+"?", "?"):], "?")
				if chunked {
					r.ContentLength = -1
				}
				if c.encoding != "" {
					r.Header.Set("Content-Encoding", c.encoding)
				}
				_, err := httpx.ReadForm(httptest.NewRecorder(), r, httpx.FormOptions{MaxBytes: limit, Repeatable: []string{"audience"}})
				if c.kind == nil {
					require.NoError(t, err)
					continue
				}
				require.ErrorIs(t, err, c.kind)
				formErr, ok := errors.AsType[*httpx.FormError](err)
				require.True(t, ok)
				require.Equal(t, c.param, formErr.Param)
				require.NotContains(t, err.Error(), "cambio_pat")
			}
		})
	}
}

func TestCheckQuery(t *testing.T) {
	looksSecret := func(value string) bool { return strings.HasPrefix(value, "acme_") }
	for query, param := range map[string]string{
		"key=acme_x": "", "a=b&key=acme_x": "", "a=b;key=acme_x": "", "=acme_x": "", "acme_x": "", "acme_x=": "", "key=%61cme_x": "",
		"key=acme_x%zz": "", "scope=acme_x": "scope", "a=b&token": "token",
	} {
		err := httpx.CheckQuery(query, looksSecret)
		require.ErrorIs(t, err, httpx.ErrSecretInURI, query)
		formErr, ok := errors.AsType[*httpx.FormError](err)
		require.True(t, ok)
		require.Equal(t, param, formErr.Param, query)
		_, err = httpx.ReadForm(httptest.NewRecorder(), post("/?"+query, urlencoded, "a=b"), httpx.FormOptions{LooksSecret: looksSecret})
		require.ErrorIs(t, err, httpx.ErrSecretInURI, query)
	}
	for _, query := range []string{"", "key=x", "key=x.acme_", "acme_x=y", "a==acme_x", "&&;"} {
		require.NoError(t, httpx.CheckQuery(query, looksSecret), query)
	}
	require.NoError(t, httpx.CheckQuery("key=acme_x", nil))
}

// countingBody is an endless body that knows how much was taken.
type countingBody struct{ taken int }

func (b *countingBody) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'a'
	}
	b.taken += len(p)
	return len(p), nil
}

func (*countingBody) Close() error { return nil }

func TestReadFormStopsAtTheLimit(t *testing.T) {
	for name, c := range map[string]struct{ length, most int64 }{
		"announced":     {10 << 20, 0},
		"not announced": {-1, httpx.DefaultMaxBytes + 1},
	} {
		t.Run(name, func(t *testing.T) {
			body := &countingBody{}
			r := post("/token", urlencoded, "")
			r.Body, r.ContentLength = body, c.length
			w := httptest.NewRecorder()
			_, err := httpx.ReadForm(w, r, httpx.FormOptions{})
			require.ErrorIs(t, err, httpx.ErrTooLarge)
			require.LessOrEqual(t, int64(body.taken), c.most)
			require.Equal(t, "close", w.Header().Get("Connection"))
		})
	}
}

func TestReadFormOfABodyThatEndsEarly(t *testing.T) {
	r := post("/token", urlencoded, "scope=a")
	r.ContentLength = 100
	_, err := httpx.ReadForm(httptest.NewRecorder(), r, httpx.FormOptions{})
	require.ErrorIs(t, err, httpx.ErrMalformed)
}

func TestReadFormMultipart(t *testing.T) {
	part := func(headers, body string) string { return "--x\r\n" + headers + "\r\n\r\n" + body + "\r\n" }
	named := func(name string) string { return `Content-Disposition: form-data; name="` + name + `"` }
	for name, c := range map[string]struct {
		body string
		kind error
	}{
		"text fields":             {part(named("grant_type"), "client_credentials") + part(named("client_id"), "a b") + "--x--\r\n", nil},
		"text/plain":              {part(named("client_id")+"\r\nContent-Type: text/plain; charset=utf-8", "a") + "--x--\r\n", nil},
		"7bit":                    {part(named("client_id")+"\r\nContent-Transfer-Encoding: 7bit", "a") + "--x--\r\n", nil},
		"not repeated":            {part(named("client_id"), "a") + part(named("client_id"), "a") + "--x--\r\n", httpx.ErrDuplicate},
		"file":                    {part(named("client_id")+`; filename="a"`, "a") + "--x--\r\n", httpx.ErrMalformed},
		"file without name":       {part(named("client_id")+`; filename=""`, "a") + "--x--\r\n", httpx.ErrMalformed},
		"extended file name":      {part(named("client_id")+`; filename*=UTF-8''a`, "a") + "--x--\r\n", httpx.ErrMalformed},
		"octet-stream":            {part(named("client_id")+"\r\nContent-Type: application/octet-stream", "a") + "--x--\r\n", httpx.ErrMalformed},
		"latin1":                  {part(named("client_id")+"\r\nContent-Type: text/plain; charset=latin1", "a") + "--x--\r\n", httpx.ErrMalformed},
		"base64":                  {part(named("client_id")+"\r\nContent-Transfer-Encoding: base64", "YQ==") + "--x--\r\n", httpx.ErrMalformed},
		"quoted-printable":        {part(named("client_id")+"\r\nContent-Transfer-Encoding: quoted-printable", "=41") + "--x--\r\n", httpx.ErrMalformed},
		"no name":                 {part("Content-Disposition: form-data", "a") + "--x--\r\n", httpx.ErrMalformed},
		"attachment":              {part(`Content-Disposition: attachment; name="a"`, "a") + "--x--\r\n", httpx.ErrMalformed},
		"no disposition":          {part("A: b", "a") + "--x--\r\n", httpx.ErrMalformed},
		"NUL":                     {part(named("client_id"), "\x00") + "--x--\r\n", httpx.ErrMalformed},
		"non-UTF-8":               {part(named("client_id"), "\xff") + "--x--\r\n", httpx.ErrMalformed},
		"no closing boundary":     {part(named("client_id"), "a"), httpx.ErrMalformed},
		"cut in a part":           {"--x\r\n" + named("client_id") + "\r\n\r\na", httpx.ErrMalformed},
		"no part at all":          {"", httpx.ErrMalformed},
		"more parts than allowed": {strings.Repeat(part(named("audience"), "a"), 101) + "--x--\r\n", httpx.ErrMalformed},
		"too large":               {part(named("client_id"), strings.Repeat("a", 70<<10)) + "--x--\r\n", httpx.ErrTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			r := post("/token", `multipart/form-data; boundary="x"`, c.body)
			form, err := httpx.ReadForm(httptest.NewRecorder(), r, httpx.FormOptions{AllowMultipart: true, Repeatable: []string{"audience"}})
			require.ErrorIs(t, err, c.kind)
			if c.kind == nil {
				require.True(t, form.Multipart())
				require.True(t, form.Has("client_id"))
			}
		})
	}
}

func TestReadFormAllocates(t *testing.T) {
	const body = "grant_type=urn%3Aietf%3Aparams&subject_token=cambio_pat_x&subject_token_type=a&scope=b"
	r := post("/token", urlencoded, body)
	w := httptest.NewRecorder()
	reader := strings.NewReader(body)
	r.Body = io.NopCloser(reader)
	got := testing.AllocsPerRun(100, func() {
		reader.Reset(body)
		_, err := httpx.ReadForm(w, r, httpx.FormOptions{})
		require.NoError(t, err)
	})
	require.LessOrEqual(t, got, 5.0)
}

// Whatever is accepted, net/url reads alike, and it survives printing.
func FuzzReadForm(f *testing.F) {
	for _, seed := range []string{
		"a=1&b=2", "a=%41&a=2", "a;b", "a=%zz", "=x", "&&a=&", "a=%00", "a=\xff", "+=%2B", "audience=1&audience=2", "a=b=c",
	} {
		f.Add(seed)
	}
	read := func(body string) (httpx.Form, error) {
		return httpx.ReadForm(httptest.NewRecorder(), post("/", urlencoded, body), httpx.FormOptions{
			MaxBytes: 1 << 20, Repeatable: []string{"audience"}, // printing makes a form longer
		})
	}
	f.Fuzz(func(t *testing.T, body string) {
		form, err := read(body)
		want, oracleErr := url.ParseQuery(body)
		if err != nil {
			formErr, ok := errors.AsType[*httpx.FormError](err)
			require.True(t, ok)
			require.Error(t, formErr.Kind)
			return
		}
		require.NoError(t, oracleErr)
		require.Equal(t, want, form.Values())
		for name, values := range want {
			require.True(t, len(values) == 1 || name == "audience")
			require.True(t, utf8.ValidString(name+strings.Join(values, "")))
			require.Equal(t, values[0], form.Get(name))
		}
		again, err := read(form.Values().Encode())
		require.NoError(t, err)
		require.Equal(t, form.Values(), again.Values())
	})
}

// A text field that mime/multipart writes is read back as it was, or refused.
func FuzzReadFormMultipart(f *testing.F) {
	f.Add("client_id", "a b")
	f.Add("a\"b\\", "x\r\n--x--\r\n")
	f.Add("", "\x00")
	f.Fuzz(func(t *testing.T, name, value string) {
		var body bytes.Buffer
		writer := multipart.NewWriter(&body)
		require.NoError(t, writer.WriteField(name, value))
		require.NoError(t, writer.Close())
		r := post("/", writer.FormDataContentType(), body.String())
		form, err := httpx.ReadForm(httptest.NewRecorder(), r, httpx.FormOptions{AllowMultipart: true})
		if err != nil {
			return
		}
		require.Len(t, form.Values(), 1)
		for _, values := range form.Values() {
			require.Equal(t, []string{value}, values)
		}
	})
}

func BenchmarkReadForm(b *testing.B) {
	body := "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange&subject_token=cambio_pat_" + strings.Repeat("a", 82) +
		"&subject_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Apat&audience=https%3A%2F%2Fapi.example.com"
	r := post("/token", urlencoded, body)
	w := httptest.NewRecorder()
	reader := strings.NewReader(body)
	r.Body = io.NopCloser(reader)
	b.ReportAllocs()
	for b.Loop() {
		reader.Reset(body)
		if _, err := httpx.ReadForm(w, r, httpx.FormOptions{}); err != nil {
			b.Fatal(err)
		}
	}
}
