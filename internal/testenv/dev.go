package testenv

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// readyTimeout bounds the start of the product.
const readyTimeout = 30 * time.Second

// DevInfo is the line that `cambio dev --json` prints when it is ready. Scripts
// rely on its members, so an unknown one fails the decoding.
type DevInfo struct {
	Issuer      string   `json:"issuer"`
	Addr        string   `json:"addr"`    // http://host:port
	TLSAddr     string   `json:"tlsAddr"` // https://host:port
	CAFile      string   `json:"caFile"`
	DataDir     string   `json:"dataDir"`
	AdminAddr   string   `json:"adminAddr"`
	Audience    string   `json:"audience"`
	APIAudience string   `json:"apiAudience"`
	ConsoleURL  string   `json:"consoleUrl"` // a link that signs admin in, once
	Users       DevUsers `json:"users"`
}

// DevUsers are the built-in users.
type DevUsers struct {
	Alice DevUser `json:"alice"`
	Bob   DevUser `json:"bob"`
	Admin DevUser `json:"admin"`
}

// DevUser is a built-in user with a personal access token made at this start.
type DevUser struct {
	ID  string `json:"id"`
	PAT DevPAT `json:"pat"`
}

// DevPAT is a personal access token. A test may print it: it opens nothing but
// the server of that test.
type DevPAT struct {
	ID     string `json:"id"`
	Secret string `json:"secret"`
	Token  string `json:"token"`
}

// DevServer is a running `cambio dev`. The methods of the running Process are
// its own; Restart begins another one. Restart must not run at the same time as
// any other method.
type DevServer struct {
	*Process

	// Info is what the server said when it was ready.
	Info DevInfo

	binary string
	env    []string
	args   []string
}

// Dev starts `cambio dev --json` on free ports with args added, which win over
// those it sets itself, and waits until it is ready. Server and data end with
// the test; with --data-dir the data is the caller's.
func Dev(tb testing.TB, args ...string) *DevServer {
	tb.Helper()
	d := &DevServer{
		binary: Binary(tb),
		env:    []string{"TMPDIR=" + tb.TempDir()}, // takes what a killed server leaves
		args:   args,
	}
	d.start(tb, "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0")
	return d
}

// Restart stops the server, if it runs, and starts it again on the same
// addresses with the same arguments. Its data is there again only with
// --data-dir or --redis; Info and the users' tokens are new.
func (d *DevServer) Restart() {
	d.tb.Helper()
	d.Stop()
	d.start(d.tb, hostPort(d.Info.Addr), hostPort(d.Info.TLSAddr), hostPort(d.Info.AdminAddr))
}

// Client returns a client that trusts the server's CA, gives up after ten
// seconds and does not follow redirects.
func (d *DevServer) Client() *http.Client {
	d.tb.Helper()
	return newClient(d.tb, d.Info.CAFile)
}

func (d *DevServer) start(tb testing.TB, addr, tlsAddr, adminAddr string) {
	tb.Helper()
	args := []string{"dev", "--json", "--addr", addr, "--tls-addr", tlsAddr, "--admin-addr", adminAddr}
	d.Process = Start(tb, d.env, d.binary, append(args, d.args...)...)
	ready := poll(readyTimeout, d.exited, func() bool { return strings.Contains(d.Stdout(), "\n") })
	if !ready {
		tb.Fatalf("cambio dev is not ready\n%s", d.report())
	}
	info, err := decodeDevInfo(d.Stdout())
	if err != nil {
		tb.Fatalf("the line of cambio dev: %v\n%s", err, d.report())
	}
	d.Info = info
	process := d.Process
	tb.Cleanup(func() {
		if strings.Count(process.Stdout(), "\n") != 1 {
			tb.Errorf("the standard output of cambio dev is not exactly one line:\n%s", process.Stdout())
		}
	})
}

func decodeDevInfo(line string) (DevInfo, error) {
	var info DevInfo
	decoder := json.NewDecoder(strings.NewReader(line))
	decoder.DisallowUnknownFields()
	err := decoder.Decode(&info)
	return info, err
}

// hostPort returns host and port of an address with or without a scheme.
func hostPort(addr string) string {
	if parsed, err := url.Parse(addr); err == nil && parsed.Host != "" {
		return parsed.Host
	}
	return addr
}
