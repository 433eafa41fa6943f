package conformance

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// configCases are configurations that must not start.
func configCases() []Case {
	refuses := func(id, name, from, to, says string) Case {
		return Case{ID: id, Name: name, On: onItsOwn, Run: func(t *testing.T, _ *world) {
			t.Helper()
			refusesToStart(t, from, to, says)
		}}
	}
	const listen = `addr: "127.0.0.1:0"`
	return []Case{
		refuses("C067", "every interface", listen, `addr: "0.0.0.0:0"`, "listen.addr"),
		refuses("C067", "every interface, IPv6", listen, `addr: "[::]:0"`, "listen.addr"),
		refuses("C067", "no host", listen, `addr: ":0"`, "listen.addr"),
		refuses("C070", "none", "{alg: RS256}", "{alg: none}", "keys.alg"),
		refuses("C070", "HS256", "{alg: RS256}", "{alg: HS256}", "keys.alg"),
		refuses("C070", "HS256 of a service", "alg: EdDSA", "alg: HS256", "alg"),
		refuses("C084", "an audience twice", rsAudience, edAudience, "audience"),
		refuses("C084", "the management API's", rsAudience, "http://127.0.0.1:8080/api/v1", "audience"),
		{ID: "C067", Name: "loopback", On: onItsOwn, Run: func(t *testing.T, _ *world) {
			t.Helper()
			// What the others are one change away from.
			started(t, unprepared(t, "", ""), func(stderr string) bool {
				return strings.Contains(stderr, "store_not_prepared") || strings.Contains(stderr, "cambio init")
			})
		}},
	}
}

// unprepared is the configuration of the served world, changed, with a store that
// is not there: what is read last.
func unprepared(t *testing.T, from, to string) string {
	t.Helper()
	dir := t.TempDir()
	writeFile(t, dir, "master.key", "1:q3V0bGVyc2FyZW5vdGJ1dHRoaXNpczMyYnl0ZXMhIT8=\n")
	config := fmt.Sprintf(servedConfig, "http://127.0.0.1:8080", "127.0.0.1:0", dir)
	require.Contains(t, config, from)
	return writeFile(t, dir, "cambio.yaml", strings.Replace(config, from, to, 1))
}

// refusesToStart expects an error that names what is wrong.
func refusesToStart(t *testing.T, from, to, says string) {
	t.Helper()
	started(t, unprepared(t, from, to), func(stderr string) bool { return strings.Contains(stderr, says) })
}

// started runs serve, which must end by itself, and looks at what it says.
func started(t *testing.T, file string, isRight func(stderr string) bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var stderr bytes.Buffer
	serve := product(ctx, t, "serve", "--config", file)
	serve.Stderr = &stderr
	err := serve.Run()
	failed, ok := errors.AsType[*exec.ExitError](err)
	require.True(t, ok, "serve must refuse: %v", err)
	require.Contains(t, []int{1, 2}, failed.ExitCode(), "%s", stderr.String())
	require.True(t, isRight(stderr.String()), "%s", stderr.String())
}
