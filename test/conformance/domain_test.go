package conformance

import (
	"crypto"
	"crypto/x509"
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/keys"
	"github.com/cambio-sts/cambio/pat"
	"github.com/cambio-sts/cambio/storage/bolt"
	"github.com/cambio-sts/cambio/storage/redis"
)

// domain is the store of a server, opened beside it.
type domain struct {
	store interface {
		PATs() pat.Store
		Uses() pat.UseStore
		Identities() directory.Identities
		Catalog() directory.Catalogs
		Keys() keys.Store
		Close() error
	}
	directory    *directory.Directory
	tokens       *pat.Service
	master       *keys.Master
	organization directory.Organization
}

// openDomain opens the store of a folder of cambio dev, whose server must be
// stopped if it is bolt.
func openDomain(t *testing.T, dir, redisURL string) *domain {
	t.Helper()
	ctx := t.Context()
	text, err := os.ReadFile(filepath.Join(dir, "master.key"))
	require.NoError(t, err)
	d := &domain{}
	d.master, err = keys.ParseMaster(text)
	require.NoError(t, err)
	if redisURL == "" {
		d.store, err = bolt.Open(bolt.Config{Path: filepath.Join(dir, "cambio.db"), Now: time.Now})
	} else {
		d.store, err = redis.Open(ctx, redis.Config{Addrs: []string{strings.TrimPrefix(redisURL, "redis://")}, Durability: redis.BestEffort, Now: time.Now})
	}
	require.NoError(t, err)
	d.directory, err = directory.New(directory.Config{Identities: d.store.Identities(), Catalog: d.store.Catalog(), Now: time.Now})
	require.NoError(t, err)
	format, err := pat.NewFormat("cambio_pat")
	require.NoError(t, err)
	var live []pat.Pepper
	for _, pepper := range d.master.Peppers() {
		live = append(live, pat.Pepper{Version: pepper.Version, Key: []byte(pepper.Key.Reveal())})
	}
	peppers, err := pat.NewPeppers(live...)
	require.NoError(t, err)
	d.tokens, err = pat.NewService(pat.Config{Store: d.store.PATs(), Uses: d.store.Uses(), Format: format, Peppers: peppers, Now: time.Now})
	require.NoError(t, err)
	snapshot, err := d.directory.Snapshot(ctx)
	require.NoError(t, err)
	organization, found := snapshot.OrganizationByName(directory.DefaultOrganizationName)
	require.True(t, found)
	d.organization = *organization
	return d
}

func (d *domain) close(t *testing.T) {
	t.Helper()
	require.NoError(t, d.store.Close())
}

// person makes an identity with roles and rights and a token, which has the
// variables of its name.
func (d *domain) person(t *testing.T, vars map[string]string, organization *directory.Organization, identity directory.Identity, held ...directory.Assignment) {
	t.Helper()
	ctx := t.Context()
	identity.Organization, identity.Type, identity.DisplayName = organization.ID, directory.User, identity.Username
	identity, err := d.directory.CreateIdentity(ctx, identity, directory.Actor{})
	require.NoError(t, err)
	for _, assignment := range held {
		assignment.Scope, assignment.ScopeID, assignment.Holder = directory.OnOrganization, organization.ID, identity.ID
		require.NoError(t, d.directory.Assign(ctx, organization.ID, assignment, directory.Actor{}))
	}
	draft := pat.Draft{Name: "made in the store", Scope: []string{pat.ScopeAll}, Level: pat.Personal}
	token, record, err := d.tokens.Create(ctx, &identity, &draft, &organization.Policy, pat.Actor{Identity: identity.ID})
	require.NoError(t, err)
	vars[identity.Username+".user"] = string(identity.ID)
	addToken(vars, identity.Username, string(record.ID), token.Secret().Reveal(), token.Reveal().Reveal())
}

// populate puts people into a store whom no API can make yet:
//
//	carol   disabled
//	dave    lacks AccessAsNonInteractiveUser
//	frank   holds it, until a case takes it away
//	erin    administers another organization
//
// It returns their variables and the keys that the server signs with.
func populate(t *testing.T, dir, redisURL string) (map[string]string, []signingKey) {
	t.Helper()
	d := openDomain(t, dir, redisURL)
	defer d.close(t)
	access := directory.Assignment{Role: directory.AccessAsNonInteractiveUser}
	vars := map[string]string{}
	d.person(t, vars, &d.organization, directory.Identity{Username: "carol"}, access)
	d.person(t, vars, &d.organization, directory.Identity{Username: "dave", Enabled: true})
	d.person(t, vars, &d.organization, directory.Identity{Username: "frank", Enabled: true}, access)
	rival, err := d.directory.CreateOrganization(t.Context(), "rival", d.organization.Policy, directory.Actor{})
	require.NoError(t, err)
	d.person(t, vars, &rival, directory.Identity{Username: "erin", Enabled: true}, access,
		directory.Assignment{Role: directory.AdministerNonInteractiveUser}, directory.Assignment{Role: directory.OrganizationAdmin},
		directory.Assignment{Rights: []directory.Right{directory.ManageAllTokens, directory.Introspect}})
	return vars, d.signingKeys(t)
}

// makeClerk puts an identity into groups, which it makes.
func (d *domain) makeClerk(t *testing.T, username string, groups ...string) {
	t.Helper()
	ctx := t.Context()
	identity, err := d.directory.FindByLogin(ctx, d.organization.ID, directory.ByUsername, username)
	require.NoError(t, err)
	for _, name := range groups {
		group, err := d.directory.CreateGroup(ctx, directory.Group{Organization: d.organization.ID, Name: name}, directory.Actor{})
		require.NoError(t, err)
		identity.Groups = append(identity.Groups, group.ID)
	}
	require.NoError(t, d.directory.ReplaceIdentity(ctx, identity, directory.Actor{}))
}

// signingKey is a key of the server, to forge with.
type signingKey struct {
	kid     string
	alg     string
	private crypto.Signer
}

// signingKeys opens the sealed keys in the store.
func (d *domain) signingKeys(t *testing.T) []signingKey {
	t.Helper()
	stored, err := d.store.Keys().LoadKeys(t.Context())
	require.NoError(t, err)
	var opened []signingKey
	for _, record := range stored.Keys {
		if record.StateAt(time.Now()) != keys.Active {
			continue
		}
		plain, err := d.master.Open(t.Context(), record.Sealed, sealedFor("cambio signing key", record.KID, string(record.Alg)))
		require.NoError(t, err)
		private, err := x509.ParsePKCS8PrivateKey(plain)
		require.NoError(t, err)
		signer, ok := private.(crypto.Signer)
		require.True(t, ok)
		opened = append(opened, signingKey{record.KID, string(record.Alg), signer})
	}
	require.NotEmpty(t, opened)
	return opened
}

// sealedFor is what a sealed key is bound to: purpose, kid and alg, each with its
// length.
func sealedFor(parts ...string) []byte {
	var out []byte
	for _, part := range parts {
		out = binary.BigEndian.AppendUint64(out, uint64(len(part)))
		out = append(out, part...)
	}
	return out
}
