package httpx_test

import (
	"bufio"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/httpx"
)

func TestSmuggledRequestsAreNeverExecuted(t *testing.T) {
	const (
		head     = "POST /first HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n"
		smuggled = "GET /second HTTP/1.1\r\nHost: x\r\n\r\n"
	)
	for name, c := range map[string]struct {
		raw      string
		statuses []int
	}{
		"plain chunked":            {head + "Transfer-Encoding: chunked\r\n\r\n3\r\na=b\r\n0\r\n\r\n", []int{200}},
		"CL.TE":                    {head + fmt.Sprintf("Content-Length: %d\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 5+len(smuggled)), []int{200, 400}},
		"TE.CL":                    {head + "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n3\r\na=b\r\n0\r\n\r\n", []int{200, 400}},
		"TE.TE":                    {head + "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n", []int{400, 501}},
		"TE list":                  {head + "Transfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n", []int{400, 501}},
		"xchunked":                 {head + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", []int{400, 501}},
		"TE with vertical tab":     {head + "Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n", []int{400, 501}},
		"TE with space before":     {head + "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", []int{400}},
		"TE folded":                {head + "X: y\r\n Transfer-Encoding: chunked\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", []int{200, 400, 501}},
		"TE in HTTP/1.0":           {strings.Replace(head, "1.1", "1.0", 1) + "Connection: keep-alive\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\na=b", []int{200, 400}},
		"two Content-Length":       {head + "Content-Length: 3\r\nContent-Length: 4\r\n\r\na=b", []int{400}},
		"Content-Length list":      {head + "Content-Length: 3, 4\r\n\r\na=b", []int{400}},
		"negative Content-Length":  {head + "Content-Length: -3\r\n\r\na=b", []int{400}},
		"signed Content-Length":    {head + "Content-Length: +3\r\n\r\na=b", []int{400}},
		"bare LF in chunk size":    {head + "Transfer-Encoding: chunked\r\n\r\n3\na=b\r\n0\r\n\r\n", []int{400}},
		"bare LF in extension":     {head + "Transfer-Encoding: chunked\r\n\r\n3;x\na=b\r\n0\r\n\r\n", []int{400}},
		"bad chunk size":           {head + "Transfer-Encoding: chunked\r\n\r\n0x3\r\na=b\r\n0\r\n\r\n", []int{400}},
		"chunk longer than it is":  {head + "Transfer-Encoding: chunked\r\n\r\n2\r\na=b\r\n0\r\n\r\n", []int{400}},
		"chunk size out of bounds": {head + "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\na=b\r\n0\r\n\r\n", []int{400}},
		"smuggled in a trailer":    {head + "Trailer: Content-Length\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 5\r\n\r\n", []int{200, 400}},
		"announced and too large":  {head + "Content-Length: 10485760\r\n\r\n", []int{413}},
	} {
		t.Run(name, func(t *testing.T) {
			h := start(t, httpx.ServerConfig{}, httpx.GroupConfig{Grace: patience}, nil)
			answer := h.talk(t, c.raw+smuggled)
			response, err := http.ReadResponse(bufio.NewReader(strings.NewReader(answer)), nil)
			require.NoError(t, err, "%q", answer)
			require.NoError(t, response.Body.Close())
			require.Contains(t, c.statuses, response.StatusCode)
			require.True(t, response.Close, "%q", answer)
			require.Equal(t, 1, strings.Count(answer, "HTTP/1."), "%q", answer)
			require.Zero(t, h.second.Load())
		})
	}
}

// The rows above mean nothing if a second request never runs.
func TestPipelinedRequestsAreExecuted(t *testing.T) {
	h := start(t, httpx.ServerConfig{}, httpx.GroupConfig{Grace: patience}, nil)
	answer := h.talk(t, "POST /first HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 3\r\n\r\na=b"+
		"GET /second HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	require.Equal(t, 2, strings.Count(answer, "HTTP/1.1 200"), "%q", answer)
	require.EqualValues(t, 1, h.second.Load())
}
