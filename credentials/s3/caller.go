package s3

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// maxAnswer is how long an answer may be, in bytes.
const maxAnswer = 64 << 10

// caller makes the SDK's calls. A client of net/http would follow redirects.
type caller struct{ transport http.RoundTripper }

// Do implements sts.HTTPClient.
func (c *caller) Do(request *http.Request) (*http.Response, error) {
	request.Header.Set("User-Agent", "cambio") // not what machine this is
	answer, err := c.transport.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	answer.Body = &bounded{answer.Body, maxAnswer}
	return answer, nil
}

// errTooLong is an answer of more than maxAnswer.
var errTooLong = errors.New("the answer is too long")

// bounded is a body that fails when it is too long.
type bounded struct {
	io.ReadCloser

	left int
}

func (b *bounded) Read(into []byte) (int, error) {
	if b.left < 0 {
		return 0, errTooLong
	}
	n, err := b.ReadCloser.Read(into[:min(len(into), b.left+1)])
	b.left -= n
	if b.left < 0 {
		return n, errTooLong
	}
	return n, err
}

// errorCode is that of an error of such a service, such as InvalidIdentityToken.
var errorCode = regexp.MustCompile(`^[A-Za-z][A-Za-z.]{0,63}$`)

// plain is what went wrong, without anything that a store might have put into it but the
// code of its error.
func plain(err error) error {
	if errors.Is(err, errTooLong) {
		return errTooLong
	}
	if refused, ok := errors.AsType[smithy.APIError](err); ok {
		code := refused.ErrorCode()
		if !errorCode.MatchString(code) {
			code = "an error without a code"
		}
		return fmt.Errorf("the store refused: %s%s", code, hint(code))
	}
	ends := []error{context.DeadlineExceeded, context.Canceled}
	if _, read := errors.AsType[*smithy.DeserializationError](err); !read { // else it is the end of the XML
		ends = append(ends, io.EOF, io.ErrUnexpectedEOF)
	}
	for _, ended := range ends {
		if errors.Is(err, ended) {
			return fmt.Errorf("call the store: %w", ended)
		}
	}
	if network, ok := errors.AsType[*net.OpError](err); ok {
		return fmt.Errorf("call the store: %w", network)
	}
	if name, ok := errors.AsType[*net.DNSError](err); ok {
		return fmt.Errorf("call the store: %w", name)
	}
	if certificate, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return fmt.Errorf("call the store: %w", certificate)
	}
	if answered, ok := errors.AsType[*smithyhttp.ResponseError](err); ok {
		return fmt.Errorf("the store answered %d, with what cannot be read", answered.HTTPStatusCode())
	}
	return errors.New("the store's answer cannot be read")
}

// hint says what to look at. Codes are those of AssumeRoleWithWebIdentity.
func hint(code string) string {
	switch code {
	case "AccessDenied":
		return " (does the role trust this issuer, the audience and the subject?)"
	case "InvalidIdentityToken", "IDPRejectedClaim":
		return " (does the store know this issuer and the audience, and has it the issuer's current keys?)"
	case "IDPCommunicationError":
		return " (can the store reach the issuer's discovery document and keys?)"
	case "ExpiredTokenException", "ExpiredToken":
		return " (do the clocks agree?)"
	case "MalformedPolicyDocument", "PackedPolicyTooLarge":
		return " (is the policy one of S3, and short enough?)"
	case "ValidationError", "InvalidParameterValue":
		return " (is the role an ARN that the store knows?)"
	default:
		return ""
	}
}
