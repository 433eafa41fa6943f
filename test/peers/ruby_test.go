package peers

import (
	"net/http"
	"os/exec"
	"strings"
	"testing"

	"github.com/cambio-sts/cambio/internal/testenv"
)

// TestRuby: ruby-jwt verifies by the published keys, which it asks for again by need.
func TestRuby(t *testing.T) {
	t.Parallel()
	ruby := testenv.Need(t, "ruby")
	printed, err := exec.CommandContext(t.Context(), ruby, "-e", `require "jwt"; puts "Ruby #{RUBY_VERSION} ruby-jwt #{JWT.gem_version}"`).CombinedOutput()
	if err != nil {
		testenv.Lack(t, "Ruby lacks a library: "+string(printed))
	}
	t.Logf("%s", printed)
	g := newGuarded(t)
	addr := freeAddr(t)
	_, port, _ := strings.Cut(addr, ":")
	process := testenv.Start(t, nil, ruby, "ruby/server.rb", g.issuer, apiAudience, port)
	at := guard{url: "http://" + addr + "/orders", refused: http.StatusUnauthorized, lacking: http.StatusForbidden}
	g.await(process, at.url)
	g.checks(at)
}
