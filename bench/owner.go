package main

import (
	"fmt"
	"time"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/id"
	"github.com/cambio-sts/cambio/pat"
	"github.com/cambio-sts/cambio/storage/transfer"
)

// ownerWithTokens is an identity and the tokens that it has, from the given one on.
func ownerWithTokens(organization directory.ID, now time.Time, first, n int) []transfer.Item {
	now = pat.Milliseconds(now)
	owner := directory.Identity{
		ID: directory.ID(id.New()), Organization: organization, Type: directory.User, Username: "user-" + id.New(), Enabled: first%30 > 0,
		DisplayName: fmt.Sprintf("User %d", first*7919%1_000_003), Issuer: "https://idp.example.com", Subject: id.New(), Created: now, LastLogin: now, Revision: 1,
	}
	owner.Email = owner.Username + "@example.com"
	items := []transfer.Item{{Identity: &owner}}
	for i := first; i < first+n; i++ {
		created := now.Add(-time.Duration(i*31%1_000_003) * time.Minute / 10)
		record := pat.Record{
			ID: pat.NewID(owner.ID), Organization: organization, Owner: owner.ID, Name: fmt.Sprintf("deploy %d", i*7919%1_000_003),
			Description: fmt.Sprintf("deploys shop %d", i%1000), Scope: []string{pat.ScopeAll}, Level: pat.Personal, Created: created, CreatedBy: owner.ID,
			Expiration: now.Add(time.Duration(i%90-9) * 24 * time.Hour), LastUsed: created.Add(time.Duration(i%600) * time.Minute / 100),
			Managed: i%managedOf == 0, State: pat.StateActive, Generation: 1, Revision: 1,
			Verifier: pat.Verifier{Current: pat.Digest{Pepper: 1, Sum: [32]byte{byte(i), byte(i >> 8), byte(i >> 16), 1}}},
		}
		items = append(items, transfer.Item{Token: &record})
	}
	return items
}
