package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/testenv"
)

// A directory is carried from one kind of store to the other and back by the
// commands, and is the same.
func TestDirectoryBetweenStores(t *testing.T) {
	redis := testenv.Redis(t, testenv.RedisOptions{})
	stores := []*testenv.DevServer{testenv.Dev(t), testenv.Dev(t, "--redis", redis.URL()), testenv.Dev(t)}
	admin := func(server *testenv.DevServer, stdin []byte, args ...string) []byte {
		command := exec.CommandContext(t.Context(), testenv.Binary(t), append([]string{"directory"}, args...)...)
		command.Env = append(os.Environ(), "CAMBIO_SERVER="+server.Info.Addr, "CAMBIO_TOKEN="+server.Info.Users.Admin.PAT.Token, "HOME="+t.TempDir())
		command.Stdin = bytes.NewReader(stdin)
		var complaint strings.Builder
		command.Stderr = &complaint
		printed, err := command.Output()
		require.NoError(t, err, complaint.String())
		return printed
	}
	admin(stores[0], []byte(`{"version":1,"identities":[{"username":"zoë","groups":["night"]},{"username":"yan","email":"yan@example.com"}],
		"groups":[{"name":"clerks","childGroups":["night"]},{"name":"night"}],
		"roleAssignments":[{"role":"group_admin","scope":"group","scopeName":"clerks","holder":{"type":"IDENTITY","name":"zoë"}}]}`), "import")
	document := admin(stores[0], nil, "export")
	for i, server := range stores[1:] {
		preview := admin(server, document, "import", "--preview", "-o", "json")
		require.Contains(t, string(preview), "zoë")
		require.NotContains(t, string(admin(server, nil, "export")), "zoë", "store %d", i+1)
		admin(server, document, "import", "--prune", "--yes")
		require.Equal(t, byName(t, document), byName(t, admin(server, nil, "export")))
		require.Contains(t, string(admin(server, document, "import", "--prune", "--yes", "-o", "json")), `"changes":[]`)
	}
}

// byName is a directory with its people in an order of their own.
func byName(t *testing.T, document []byte) map[string]any {
	t.Helper()
	var decoded map[string]any
	require.NoError(t, json.Unmarshal(document, &decoded))
	people, ok := decoded["identities"].([]any)
	require.True(t, ok)
	name := func(person any) string {
		members, _ := person.(map[string]any)
		username, _ := members["username"].(string)
		return username
	}
	slices.SortFunc(people, func(a, b any) int { return strings.Compare(name(a), name(b)) })
	return decoded
}
