package testenv

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"
)

// ServeOptions says how `cambio serve` is started.
type ServeOptions struct {
	// Config is the YAML of the configuration file. Its listen.addr is on a
	// port of FreePort.
	Config string
	// URL is where the server answers: scheme, host and port.
	URL string
	// CAFile holds the certificate that signed the server's; empty for http.
	CAFile string
	// Args are added to the command line.
	Args []string
	// Env is added to the environment, as KEY=value.
	Env []string
}

// ServeServer is a running `cambio serve`. The methods of the running Process
// are its own; Restart begins another one. Restart must not run at the same
// time as any other method.
type ServeServer struct {
	*Process

	// URL is where the server answers, ConfigFile what it reads.
	URL, ConfigFile string

	binary  string
	options ServeOptions
}

// Serve starts `cambio serve` and waits until /readyz says 200.
func Serve(tb testing.TB, options ServeOptions) *ServeServer {
	tb.Helper()
	s := &ServeServer{
		URL:        options.URL,
		ConfigFile: filepath.Join(tb.TempDir(), "cambio.yaml"),
		binary:     Binary(tb),
		options:    options,
	}
	if err := os.WriteFile(s.ConfigFile, []byte(options.Config), 0o600); err != nil {
		tb.Fatalf("write the configuration: %v", err)
	}
	s.start(tb)
	return s
}

// Restart stops the server, if it runs, and starts it again with the same
// configuration.
func (s *ServeServer) Restart() {
	s.tb.Helper()
	s.Stop()
	s.start(s.tb)
}

// Client returns a client that trusts the server's CA, gives up after ten
// seconds and does not follow redirects.
func (s *ServeServer) Client() *http.Client {
	s.tb.Helper()
	return newClient(s.tb, s.options.CAFile)
}

func (s *ServeServer) start(tb testing.TB) {
	tb.Helper()
	s.Process = Start(tb, s.options.Env, s.binary, append([]string{"serve", "--config", s.ConfigFile}, s.options.Args...)...)
	client := s.Client()
	ready := poll(readyTimeout, s.exited, func() bool {
		request, err := http.NewRequestWithContext(tb.Context(), http.MethodGet, s.URL+"/readyz", http.NoBody)
		if err != nil {
			return false
		}
		answer, err := client.Do(request)
		if err != nil {
			return false
		}
		defer func() { _ = answer.Body.Close() }()
		return answer.StatusCode == http.StatusOK
	})
	if !ready {
		tb.Fatalf("cambio serve is not ready\n%s", s.report())
	}
}
