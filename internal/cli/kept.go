package cli

import (
	"bytes"
	"encoding/json"
	"net/url"
	"path/filepath"
	"strings"
)

// kept is the server that login keeps, and how it is reached.
type kept struct {
	Server       string `json:"server"`
	CAFile       string `json:"caFile,omitempty"` // absolute
	InsecureHTTP bool   `json:"insecureHttp,omitempty"`
}

// text is what the file of the server holds: the address alone where there is nothing
// else to tell, which people write by hand too.
func (k kept) text() (string, error) {
	if k == (kept{Server: k.Server}) {
		return k.Server, nil
	}
	text, err := json.Marshal(k)
	return string(text), err
}

// parseKept reads that; false for what text does not write, such as settings of no
// server.
func parseKept(text []byte) (kept, bool) {
	text = bytes.TrimSpace(text)
	if !bytes.HasPrefix(text, []byte("{")) {
		return kept{Server: string(text)}, true
	}
	var k kept
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if decoder.Decode(&k) != nil || decoder.More() {
		return kept{}, false
	}
	return k, k.Server != "" && (k.CAFile == "" || filepath.IsAbs(k.CAFile))
}

// server returns what login kept; the zero value if that is nothing.
func (h home) server() (kept, error) {
	text, found, err := h.read(privateServer)
	if err != nil || !found {
		return kept{}, err
	}
	k, ok := parseKept(text)
	if !ok {
		return kept{}, usage("the file "+quote(h.path(homeServerFile))+" does not tell a server", "log in again with cambio login")
	}
	return k, nil
}

// target is where requests go, and how.
type target struct {
	base         *url.URL
	caFile       string
	insecureHTTP bool
}

// target returns the server of --server, else of the environment, else that which
// login kept. How that one is reached is kept with it, and is of no other; flags and
// the environment go before it.
func (c *call) target() (target, error) {
	server := firstOf(c.opts.server, c.env.Getenv("CAMBIO_SERVER"), c.env.Getenv("CAMBIO_URL"))
	kept, err := c.home().server()
	if server == "" {
		if err != nil {
			return target{}, err
		}
		server = kept.Server
	}
	if err != nil || strings.TrimRight(server, "/") != kept.Server { // what cannot be trusted loosens nothing
		kept.CAFile, kept.InsecureHTTP = "", false
	}
	t := target{caFile: firstOf(c.env.Getenv("CAMBIO_CA_FILE"), kept.CAFile), insecureHTTP: kept.InsecureHTTP}
	if c.changed("ca-file") {
		t.caFile = c.opts.caFile // empty: the system's
	}
	if c.changed("insecure-http") {
		t.insecureHTTP = c.opts.insecureHTTP
	}
	t.base, err = parseServer(server, t.insecureHTTP)
	return t, err
}

// kept is what is to be kept of t.
func (t target) kept() (kept, error) {
	k := kept{Server: t.base.String(), InsecureHTTP: t.insecureHTTP && t.base.Scheme == "http"}
	if t.caFile == "" || t.base.Scheme != "https" {
		return k, nil
	}
	var err error
	k.CAFile, err = filepath.Abs(t.caFile)
	return k, err
}
