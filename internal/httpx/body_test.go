package httpx_test

import (
	"encoding/json"
	"io"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/httpx"
)

// dripBody hands its text out byte by byte, as a slow client does, and knows the
// most room it was ever given beyond what had arrived.
type dripBody struct {
	text      string
	given     int
	mostSpare int
	offered   int
}

func (b *dripBody) Read(p []byte) (int, error) {
	b.offered = max(b.offered, b.given+len(p))
	b.mostSpare = max(b.mostSpare, len(p)-b.given)
	if b.given == len(b.text) {
		return 0, io.EOF
	}
	p[0] = b.text[b.given]
	b.given++
	return 1, nil
}

func (*dripBody) Close() error { return nil }

// A body takes memory for what has arrived of it, not for what is announced.
func TestMemoryForWhatArrives(t *testing.T) {
	const first = 2 << 10
	form := "scope=" + strings.Repeat("a", httpx.DefaultMaxBytes-len("scope="))
	text := `{"note":"` + strings.Repeat("a", httpx.DefaultMaxBytes-len(`{"note":""}`)) + `"}`
	readers := map[string]struct {
		body, contentType string
		read              func(contentType string, body *dripBody, announced int64) (string, error)
	}{
		"ReadForm": {form, urlencoded, func(contentType string, body *dripBody, announced int64) (string, error) {
			r := post("/token", contentType, "")
			r.Body, r.ContentLength = body, announced
			got, err := httpx.ReadForm(httptest.NewRecorder(), r, httpx.FormOptions{})
			return "scope=" + got.Get("scope"), err
		}},
		"DecodeJSON": {text, "application/json", func(contentType string, body *dripBody, announced int64) (string, error) {
			r := post("/", contentType, "")
			r.Body, r.ContentLength = body, announced
			var got struct {
				Note string `json:"note"`
			}
			err := httpx.DecodeJSON(httptest.NewRecorder(), r, httpx.JSONOptions{}, &got)
			printed, _ := json.Marshal(got)
			return string(printed), err
		}},
	}
	for name, reader := range readers {
		for announced, length := range map[string]int64{"announced": int64(len(reader.body)), "not announced": -1} {
			t.Run(name+"/"+announced, func(t *testing.T) {
				body := &dripBody{text: reader.body}
				got, err := reader.read(reader.contentType, body, length)
				require.NoError(t, err)
				require.Equal(t, reader.body, got)
				require.LessOrEqual(t, body.mostSpare, first)
				require.LessOrEqual(t, body.offered, httpx.DefaultMaxBytes+1)
			})
			t.Run(name+"/"+announced+", one byte of it", func(t *testing.T) {
				body := &dripBody{text: reader.body[:1]}
				_, err := reader.read(reader.contentType, body, length)
				if length > 0 {
					require.ErrorIs(t, err, httpx.ErrMalformed)
				}
				require.LessOrEqual(t, body.offered, first)
			})
		}
	}
}
