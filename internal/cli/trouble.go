package cli

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"strings"
	"syscall"
)

// trouble is a reason why there is no answer, and its fix; SERVER stands for
// host and port.
type trouble struct {
	is        func(error) bool
	code, fix string
}

// troubles are in order: the first that fits is told. The last fits all.
func troubles() []trouble {
	return []trouble{
		{isType[x509.UnknownAuthorityError], "tls_untrusted", "name the certificate of the authority that signed the server's with --ca-file FILE, or in CAMBIO_CA_FILE"},
		{isType[x509.HostnameError], "tls_wrong_name", "use in --server a name that the server's certificate is for"},
		{isExpiredCertificate, "tls_expired", "have the server's certificate renewed, and check this machine's clock"},
		{isType[tls.RecordHeaderError], "tls_failed", "the server does not speak TLS at SERVER: check the port"},
		{isPlainAnswer, "tls_failed", "the server does not speak TLS at SERVER: check the port"},
		{isType[*tls.CertificateVerificationError], "tls_untrusted", "have the server's certificate mended, or check --ca-file"},
		{isType[tls.AlertError], "tls_failed", "the server ended the TLS handshake: check the port, and that it needs no client certificate"},
		{isTimeout, "timeout", "check the network and --server, then repeat: whether it was done is not known"},
		{isType[*net.DNSError], "unknown_host", "check the name in --server"},
		{isRefused, "unreachable", "check that the server runs at SERVER, and --server"},
		{func(error) bool { return true }, "unreachable", "check --server and the network"},
	}
}

func isExpiredCertificate(err error) bool {
	invalid, ok := errors.AsType[x509.CertificateInvalidError](err)
	return ok && invalid.Reason == x509.Expired
}

// isPlainAnswer knows what net/http makes of a tls.RecordHeaderError that looks
// like HTTP.
func isPlainAnswer(err error) bool {
	return strings.Contains(err.Error(), "server gave HTTP response to HTTPS client")
}

func isTimeout(err error) bool {
	failed, ok := errors.AsType[net.Error](err)
	return ok && failed.Timeout()
}

func isRefused(err error) bool { return errors.Is(err, syscall.ECONNREFUSED) }
