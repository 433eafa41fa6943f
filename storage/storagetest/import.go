package storagetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/id"
	"github.com/cambio-sts/cambio/storage/transfer"
)

const (
	perOwner     = 10   // tokens of each owner that Import makes
	managedEvery = 50   // one of so many of them is managed
	importLen    = 1100 // items at once
)

// Import fills an empty store with n tokens of an organization, as they usually are,
// by its import: thousands in a second.
func Import(tb testing.TB, store transfer.Store, n int) directory.ID {
	tb.Helper()
	mark := transfer.Mark{Run: id.New()}
	require.NoError(tb, store.Begin(tb.Context(), mark))
	base, items := clock().Add(-24*time.Hour), make([]transfer.Item, 0, importLen)
	var owner directory.Identity
	for i := range n {
		if i%perOwner == 0 {
			owner = newIdentity()
			owner.DisplayName, owner.Email = "User "+owner.Username[:12], owner.Username+"@example.com"
			owner.Issuer, owner.Subject, owner.LastLogin = "https://idp.example.com", string(owner.ID), base
			identity := owner
			items = append(items, transfer.Item{Identity: &identity})
		}
		record := newRecord(owner.ID)
		record.Name, record.Description, record.Scope = fmt.Sprintf("deploy %d", i*7919%n), "deploys the shop", []string{"sp:scopes:all"}
		record.Created = base.Add(time.Duration(i*31%n) * time.Millisecond)
		record.Expiration, record.LastUsed = record.Created.Add(time.Duration(1+i%90)*24*time.Hour), record.Created.Add(time.Duration(i%60)*time.Minute)
		record.Managed = i%managedEvery == 0
		items = append(items, transfer.Item{Token: &record})
		if len(items) >= importLen || i == n-1 {
			require.NoError(tb, store.Import(tb.Context(), items, mark))
			items = items[:0]
		}
	}
	require.NoError(tb, store.Finish(tb.Context()))
	return organization
}
