package redis_test

import (
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/id"
	"github.com/cambio-sts/cambio/internal/testenv"
	"github.com/cambio-sts/cambio/storage/redis"
)

// TestMembersRepeatedInAnyOrder: two processes change the groups of an identity in
// turns, and the server goes back to some state in between. Whatever the order in
// which they repeat what they sent, the indexes say what the record says.
func TestMembersRepeatedInAnyOrder(t *testing.T) {
	server := testenv.Redis(t, testenv.RedisOptions{})
	processes, client := []*redis.DB{open(t, server), open(t, server)}, admin(t, server)
	groups := []directory.ID{directory.ID(id.New()), directory.ID(id.New()), directory.ID(id.New())}
	some := rapid.SliceOfNDistinct(rapid.SampledFrom(groups), 0, len(groups), rapid.ID[directory.ID])
	rapid.Check(t, func(rt *rapid.T) {
		record := token(t, processes[0])
		changes := rapid.SliceOfN(some, 1, 6).Draw(rt, "groups")
		at := rapid.IntRange(0, len(changes)-1).Draw(rt, "goes back to")
		deletes := rapid.Bool().Draw(rt, "and is deleted")
		var before shardOf
		var now directory.Identity
		for i, next := range changes {
			if i == at {
				before = copyShard(t, client, &record)
			}
			db := processes[rapid.IntRange(0, 1).Draw(rt, "process")]
			insist(t, func(audit.Event) error {
				var err error
				now, err = db.Identities().Find(t.Context(), record.Owner)
				return err
			})
			now.Groups = next
			insist(t, func(event audit.Event) error { return db.Identities().Replace(t.Context(), now, event) })
		}
		if deletes {
			insist(t, func(event audit.Event) error {
				return processes[1].Identities().Delete(t.Context(), record.Owner, event)
			})
		}
		before.putBack(t, client, &record)
		promote(t, client)
		for range 2 {
			for _, db := range rapid.Permutation(processes).Draw(rt, "order") {
				testenv.Wait(t, 10*time.Second, func() bool { return second(db.Uses().Use(t.Context(), presentation(&record))) == nil })
			}
		}
		var got directory.Identity
		var err error
		testenv.Wait(t, 10*time.Second, func() bool {
			got, err = processes[0].Identities().Find(t.Context(), record.Owner)
			return err == nil || errors.Is(err, directory.ErrNotFound)
		})
		require.Equal(rt, deletes, errors.Is(err, directory.ErrNotFound))
		if !deletes {
			require.ElementsMatch(rt, changes[len(changes)-1], got.Groups, "the last change is repeated")
		}
		member, err := hex.DecodeString(string(record.Owner))
		require.NoError(rt, err)
		for _, group := range groups {
			index := strings.Replace(shardKey(&record), "epoch", "grp:"+string(group), 1)
			require.Equal(rt, slices.Contains(got.Groups, group), client.SIsMember(t.Context(), index, string(member)).Val())
		}
	})
}
