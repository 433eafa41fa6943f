package storagetest

import (
	"crypto/sha256"
	"encoding/json"
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/id"
	"github.com/cambio-sts/cambio/pat"
)

// organization is the one that the fixtures belong to.
const organization = directory.ID("0123456789abcdef0123456789abcdef")

// event returns an event with an id of its own.
func event(name audit.Name) audit.Event {
	return audit.Event{ID: id.New(), Time: clock(), Name: name, Organization: string(organization), Outcome: audit.Success}
}

func decodeEvent(t *testing.T, stored audit.Stored) audit.Event {
	t.Helper()
	var out audit.Event
	require.NotEmpty(t, stored.Position)
	require.NoError(t, json.Unmarshal(stored.Event, &out))
	return out
}

// digest returns a digest of secret under a pepper version.
func digest(pepper int, secret string) pat.Digest {
	return pat.Digest{Pepper: pepper, Sum: sha256.Sum256([]byte(secret))}
}

// right is the digest of the secret that record, made by newRecord, accepts.
func right(record *pat.Record) pat.Digest { return digest(1, "secret of "+string(record.ID)) }

// present returns a presentation of record with the given candidates.
func present(record *pat.Record, candidates ...pat.Digest) pat.Presentation {
	return pat.Presentation{
		ID: record.ID, Candidates: candidates, Now: clock(),
		Origin: audit.Origin{IP: "192.0.2.7", UserAgent: `a "quoted" \ agent/1.0 é`, TrackingID: id.New()},
	}
}

func newIdentity() directory.Identity {
	made := directory.ID(id.New())
	return directory.Identity{
		ID: made, Organization: organization, Type: directory.User, Username: "user-" + string(made),
		DisplayName: "User", Enabled: true, Created: clock(), Revision: 1,
	}
}

// newOwner stores an identity.
func newOwner(t *testing.T, s Stores) directory.Identity {
	t.Helper()
	owner := newIdentity()
	require.NoError(t, s.Identities.Create(t.Context(), owner, event(audit.IdentityCreated)))
	return owner
}

// newRecord returns an ACTIVE personal token of owner that never expires, not
// yet stored, with a name of its own.
func newRecord(owner directory.ID) pat.Record {
	made := pat.NewID(owner)
	record := pat.Record{
		ID: made, Organization: organization, Owner: owner, Name: "token " + string(made), Level: pat.Personal,
		Created: clock().Add(-48 * time.Hour), CreatedBy: owner, State: pat.StateActive, Generation: 1, Revision: 1,
	}
	record.Verifier.Current = right(&record)
	return record
}

// newToken stores newRecord after change has been applied to it, with no limit,
// and drains the outbox.
func newToken(t *testing.T, s Stores, change func(*pat.Record)) pat.Record {
	t.Helper()
	record := newRecord(newOwner(t, s).ID)
	change(&record)
	mustCreate(t, s, record)
	drain(t, s)
	return record
}

func unchanged(*pat.Record) {}

func mustCreate(t *testing.T, s Stores, record pat.Record) {
	t.Helper()
	require.NoError(t, s.PATs.Create(t.Context(), record, 0, event(audit.TokenCreated)))
}

func mustFind(t *testing.T, s Stores, token pat.ID) pat.Record {
	t.Helper()
	record, err := s.PATs.Find(t.Context(), token)
	require.NoError(t, err)
	return record
}

// revocation returns a plain, final revocation of record by its owner.
func revocation(record *pat.Record) pat.Revocation {
	return pat.Revocation{
		ID: record.ID, Generation: record.Generation, To: pat.StateRevoked, At: clock(), By: record.Owner, Reason: pat.Other,
	}
}

// otherShard returns a fresh id that lies in another shard than sibling.
func otherShard(sibling string) string {
	made := id.New()
	if id.Shard(made) != id.Shard(sibling) {
		return made
	}
	flipped := map[bool]string{true: "f", false: "0"}[made[0] == '0']
	return flipped + made[1:]
}

// in returns a fresh id in the given shard.
func in(shard string) string { return id.NewIn(shard + strings.Repeat("0", id.Len-id.ShardLen)) }

// collect reads a list to its end.
func collect[T any](t *testing.T, list iter.Seq2[T, error]) []T {
	t.Helper()
	var out []T
	for one, err := range list {
		require.NoError(t, err)
		out = append(out, one)
	}
	return out
}

func idsOf(records []pat.Record) []pat.ID {
	out := make([]pat.ID, 0, len(records))
	for i := range records {
		out = append(out, records[i].ID)
	}
	return out
}
