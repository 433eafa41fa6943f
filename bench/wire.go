package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"

	testwire "github.com/cambio-sts/cambio/internal/testenv/wire"
)

// wire is how a request goes over one kept-alive connection.
type wire interface {
	// ask sends the request and returns the status of the answer and its body, which
	// lies in the memory given if that is large enough.
	ask(request, memory []byte) (status string, body []byte, err error)
}

// open connects as the server wants it: plain, or with TLS, and then what that agrees on.
func open(ctx context.Context, s *server) (net.Conn, wire, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", s.addr)
	if err != nil {
		return nil, nil, err
	}
	if s.tls == nil {
		return conn, http1{testwire.New(conn)}, nil
	}
	secured := tls.Client(conn, s.tls)
	if err := secured.HandshakeContext(ctx); err != nil {
		return nil, nil, errors.Join(err, conn.Close())
	}
	if !s.http2() {
		return secured, http1{testwire.New(secured)}, nil
	}
	if agreed := secured.ConnectionState().NegotiatedProtocol; agreed != protocolHTTP2 {
		return nil, nil, errors.Join(fmt.Errorf("%s does not speak HTTP/2 but %q", s.name, agreed), conn.Close())
	}
	framed, err := newHTTP2(secured, s.addr)
	if err != nil {
		return nil, nil, errors.Join(err, conn.Close())
	}
	return secured, framed, nil
}

// http1 is HTTP/1.1. A request is its bytes as they go over the wire.
type http1 struct{ *testwire.Conn }

var _ wire = http1{}

// ask implements wire. The body lies in the connection's own memory.
func (h http1) ask(request, _ []byte) (status string, body []byte, err error) {
	code, body, err := h.Do(request)
	if code == http.StatusOK {
		return "200", body, err
	}
	return strconv.Itoa(code), body, err
}
