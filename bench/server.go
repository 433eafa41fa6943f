package main

import (
	"crypto/tls"
	"net/url"
	"slices"
	"strconv"
)

// server is one of those that are compared.
type server struct {
	console string // link that signs admin in; empty: it has none
	*process

	addr     string      // host:port of the token endpoint
	issuer   string      // of the tokens
	tls      *tls.Config // of who connects, with the one protocol that it speaks; nil: there is none
	adminURL string      // of the profiles
	requests [][]byte    // exchanges, which each connection sends in turns
}

// http2 reports whether it is spoken to by HTTP/2.
func (s *server) http2() bool {
	return s.tls != nil && slices.Contains(s.tls.NextProtos, protocolHTTP2)
}

// exchangeOf has each connection exchange these tokens in turns.
func (s *server) exchangeOf(tokens ...string) {
	s.requests = nil
	for _, token := range tokens {
		s.requests = append(s.requests, exchangeRequest(s, token))
	}
}

const (
	tokenPath  = "/oauth2/token"
	userAgent  = "cambio-bench"
	formType   = "application/x-www-form-urlencoded"
	answerType = "application/json"
)

// exchangeRequest is a token exchange (RFC 8693 §2.1) as it goes over the wire: whole
// in HTTP/1.1, the form in HTTP/2.
func exchangeRequest(s *server, token string) []byte {
	form := url.Values{
		"grant_type":         {"urn:ietf:params:oauth:grant-type:token-exchange"},
		"subject_token_type": {"urn:ietf:params:oauth:token-type:access_token"},
		"subject_token":      {token},
	}.Encode()
	if s.http2() {
		return []byte(form)
	}
	return []byte("POST " + tokenPath + " HTTP/1.1\r\nHost: " + s.addr + "\r\nUser-Agent: " + userAgent + "\r\nAccept: " + answerType + "\r\n" +
		"Content-Type: " + formType + "\r\nContent-Length: " + strconv.Itoa(len(form)) + "\r\n\r\n" + form)
}
