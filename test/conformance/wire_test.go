package conformance

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/testenv"
)

const formType = "application/x-www-form-urlencoded"

// send sends a request with its variables filled in and returns the answer. The
// cases share their users, so that on a quick machine they are too many for the
// management API: whoever is told to wait does.
func (w *world) send(t *testing.T, r Request) answer {
	t.Helper()
	for {
		got := w.sendBy(t, w.client, r)
		if got.Status != http.StatusTooManyRequests || !strings.Contains(got.Body, "Rate Limit Exceeded") {
			return got
		}
		seconds, err := strconv.Atoi(got.Header.Get("Retry-After"))
		require.NoError(t, err)
		until := time.Now().Add(time.Duration(seconds) * time.Second)
		testenv.Wait(t, time.Minute, func() bool { return time.Now().After(until) })
	}
}

// sendBy is send by another client, and without the patience.

func (w *world) sendBy(t *testing.T, client *http.Client, r Request) answer {
	t.Helper()
	got, err := w.try(t, client, r)
	require.NoError(t, err)
	return got
}

// try is send where an answer is not certain.
func (w *world) try(t *testing.T, client *http.Client, r Request) (answer, error) {
	t.Helper()
	addr := w.addr
	if r.Replica {
		addr = w.replica
	}
	header, text := w.rendered(t, r)
	target := w.expand(t, r.Path)
	if r.Raw {
		return rawRequest(t, addr, r.Method, target, header, text)
	}
	request, err := http.NewRequestWithContext(context.WithoutCancel(t.Context()), r.Method, addr+target, strings.NewReader(text))
	require.NoError(t, err)
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		if name == "Host" {
			request.Host = value
			continue
		}
		request.Header.Add(name, value)
	}
	response, err := client.Do(request)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = response.Body.Close() }()
	return read(t, response), nil
}

// rendered is the header lines and the body of a request as they are sent.
func (w *world) rendered(t *testing.T, r Request) (header []string, text string) {
	t.Helper()
	hasType := false
	for _, line := range r.Header {
		name, value, found := strings.Cut(w.expand(t, line), ": ")
		require.True(t, found, line)
		hasType = hasType || name == "Content-Type"
		header = append(header, name+": "+encodeBasic(value))
	}
	if r.Form == nil {
		return header, w.expand(t, r.Body)
	}
	if !hasType {
		header = append(header, "Content-Type: "+formType)
	}
	pairs := make([]string, len(r.Form))
	for i, pair := range r.Form {
		name, value, _ := strings.Cut(w.expand(t, pair), "=")
		pairs[i] = url.QueryEscape(name) + "=" + url.QueryEscape(value)
	}
	return header, strings.Join(pairs, "&")
}

// rawRequest sends what an HTTP client would refuse to.
func rawRequest(t *testing.T, addr, method, target string, header []string, text string) (answer, error) {
	t.Helper()
	parsed, err := url.Parse(addr)
	require.NoError(t, err)
	dialer := net.Dialer{Timeout: 5 * time.Second}
	conn, err := dialer.DialContext(t.Context(), "tcp", parsed.Host)
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	require.NoError(t, conn.SetDeadline(time.Now().Add(5*time.Second)))

	var message bytes.Buffer
	message.WriteString(method + " " + target + " HTTP/1.1\r\nHost: " + parsed.Host + "\r\nConnection: close\r\n")
	for _, line := range header {
		message.WriteString(line + "\r\n")
	}
	if text != "" {
		message.WriteString("Content-Length: " + strconv.Itoa(len(text)) + "\r\n")
	}
	message.WriteString("\r\n" + text)
	_, err = conn.Write(message.Bytes())
	require.NoError(t, err)
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = response.Body.Close() }()
	return read(t, response), nil
}

func read(t *testing.T, response *http.Response) answer {
	t.Helper()
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return answer{Status: response.StatusCode, Header: response.Header, Body: string(text)}
}

// from is a client that comes from another address of this machine, and so, to
// the server, from another network.
func (w *world) from(t *testing.T, address string) *http.Client {
	t.Helper()
	dialer := &net.Dialer{Timeout: 5 * time.Second, LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}
	probe, err := dialer.DialContext(t.Context(), "tcp", strings.TrimPrefix(w.addr, "http://"))
	if err != nil {
		testenv.Lack(t, "this system cannot connect from "+address+": "+err.Error())
	}
	_ = probe.Close()
	transport := &http.Transport{DialContext: dialer.DialContext}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: 10 * time.Second}
}

func writeFile(t *testing.T, dir, name, text string) string {
	t.Helper()
	file := filepath.Join(dir, name)
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	return file
}
