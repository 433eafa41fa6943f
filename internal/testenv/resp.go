package testenv

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"
)

// respTimeout bounds one command to a Redis server or a sentinel.
const respTimeout = 5 * time.Second

// Do sends one command to the server over a connection of its own and returns
// the reply, the elements of a list joined by blanks. A reply of the server that
// is an error is one here.
func (r *RedisServer) Do(args ...string) (string, error) {
	network := "tcp"
	if r.socket != "" {
		network = "unix"
	}
	return respDo(network, r.Addr(), args...)
}

// MustDo is Do where an error ends the test.
func (r *RedisServer) MustDo(args ...string) string {
	r.tb.Helper()
	text, err := r.Do(args...)
	if err != nil {
		r.tb.Fatalf("redis %s: %v", strings.Join(args, " "), err)
	}
	return text
}

func respDo(network, addr string, args ...string) (string, error) {
	conn, err := (&net.Dialer{Timeout: respTimeout}).Dial(network, addr)
	if err != nil {
		return "", err
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(respTimeout)); err != nil {
		return "", err
	}
	var message strings.Builder
	fmt.Fprintf(&message, "*%d\r\n", len(args))
	for _, arg := range args {
		fmt.Fprintf(&message, "$%d\r\n%s\r\n", len(arg), arg)
	}
	if _, err := io.WriteString(conn, message.String()); err != nil {
		return "", err
	}
	return respReply(bufio.NewReader(conn))
}

// respReply reads one reply of version 2 of the protocol.
func respReply(from *bufio.Reader) (string, error) {
	line, err := from.ReadString('\n')
	if err != nil {
		return "", err
	}
	kind, rest := line[0], strings.TrimRight(line[1:], "\r\n")
	switch kind {
	case '-':
		return "", &respError{rest}
	case '$':
		n, err := strconv.Atoi(rest)
		if err != nil || n < 0 {
			return "", err
		}
		bulk := make([]byte, n+len("\r\n"))
		if _, err := io.ReadFull(from, bulk); err != nil {
			return "", err
		}
		return string(bulk[:n]), nil
	case '*':
		n, err := strconv.Atoi(rest)
		if err != nil {
			return "", err
		}
		var all []string
		for range n {
			one, err := respReply(from)
			if err != nil {
				return "", err
			}
			all = append(all, one)
		}
		return strings.Join(all, " "), nil
	default:
		return rest, nil
	}
}

// respError is a reply that refuses.
type respError struct{ text string }

func (e *respError) Error() string { return e.text }
