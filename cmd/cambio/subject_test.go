package main

import (
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/cli"
	"github.com/cambio-sts/cambio/internal/config"
	"github.com/cambio-sts/cambio/keys"
)

// A server that names people by what is unique within one organization serves no two.
// What starts finds the address taken, which ends it.
func TestServeNeedsSubjectsThatNoTwoShare(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { require.NoError(t, taken.Close()) }()
	for name, one := range map[string]struct {
		subject       string
		organizations int
		code          string
	}{
		"id, two":         {"id", 2, "listen"},
		"username, one":   {"username", 1, "listen"},
		"username, two":   {"username", 2, "subject"},
		"externalId, one": {"externalId", 1, "listen"},
		"externalId, two": {"externalId", 2, "subject"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			require.NoError(t, os.WriteFile(filepath.Join(dir, "master.key"), []byte(keys.GenerateMaster().Reveal()), 0o600))
			settings, _, err := config.Load(config.Sources{Env: []string{
				"CAMBIO_ISSUER=https://sts.example.com", "CAMBIO_STORE_URL=bolt:" + filepath.Join(dir, "cambio.db"), "CAMBIO_MASTER_KEY_FILE=" + filepath.Join(dir, "master.key"),
				"CAMBIO_AUDIT_DIR=" + filepath.Join(dir, "audit"), "CAMBIO_LISTEN_ADDR=" + taken.Addr().String(), "CAMBIO_TOKEN_SUBJECT=" + one.subject,
			}})
			require.NoError(t, err)
			n, err := openDomain(t.Context(), settings, opening{create: true}, zap.NewNop())
			require.NoError(t, err)
			_, err = n.prepare(t.Context())
			require.NoError(t, err)
			if one.organizations == 2 {
				_, err = n.directory.AddOrganization(t.Context(), "globex", directory.DefaultPolicy(), directory.Actor{})
				require.NoError(t, err)
			}
			require.NoError(t, n.store.Close())

			var refused *cli.Error
			require.ErrorAs(t, serve(t.Context(), settings), &refused)
			require.Equal(t, one.code, refused.Code)
			require.Equal(t, cli.ExitRefused, refused.Exit)
			if one.code == "subject" {
				require.Contains(t, refused.Cause, "token.subject is "+one.subject+", and the store has 2 organizations")
				require.Contains(t, refused.Fix, "set token.subject to id")
			}
		})
	}
}
