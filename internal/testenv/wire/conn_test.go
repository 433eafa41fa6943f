package wire

import (
	"io"
	"net"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAnswer(t *testing.T) {
	read := func(text string) (*Conn, int, string, error) {
		ours, theirs := net.Pipe()
		t.Cleanup(func() { _ = ours.Close() })
		go func() {
			_, _ = io.WriteString(theirs, text) // a reader that gave up shows in the test
			_ = theirs.Close()
		}()
		c := New(ours)
		status, body, err := c.Answer()
		return c, status, string(body), err
	}
	c, status, body, err := read("HTTP/1.1 200 OK\r\nCache-Control: no-store\r\ncontent-length: 4\r\n\r\nbodynext")
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, "body", body)
	require.False(t, c.Ends())

	c, status, _, err = read("HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
	require.NoError(t, err)
	require.Equal(t, http.StatusServiceUnavailable, status)
	require.True(t, c.Ends())

	for _, text := range []string{
		"", "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\n", "HTTP/1.1 2\n", "HTTP/1.1 2x0 OK\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nx",
	} {
		_, _, _, err := read(text)
		require.Error(t, err, text)
	}
}
