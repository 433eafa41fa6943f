package cli

import (
	"fmt"
	"strings"
)

// token is what the tables tell of a personal access token, or of one of a group
// or an organization.
type token struct {
	ID             string   `json:"id"`
	Name           string   `json:"name"`
	Description    string   `json:"description"`
	Scope          []string `json:"scope"`
	Level          string   `json:"level"`
	AdminRole      bool     `json:"adminRole"`
	Reactivatable  bool     `json:"reactivatable"`
	OwnerUsername  string   `json:"ownerUsername"`
	OwnerStatus    string   `json:"ownerStatus"`
	Audience       []string `json:"audience"`
	Networks       []string `json:"allowedNetworks"`
	Validity       int64    `json:"accessTokenValiditySeconds"`
	Created        string   `json:"created"`
	Modified       string   `json:"modified"`
	Expiration     string   `json:"expirationDate"`
	LastUsed       string   `json:"lastUsed"`
	LastSeen       string   `json:"lastSeen"`
	Status         string   `json:"status"`
	RevokedAt      string   `json:"revokedAt"`
	RevokeReason   string   `json:"revokeReason"`
	OldSecretUntil string   `json:"oldSecretUntil"`
	OldSecretUses  []oldUse `json:"oldSecretUses"`
	Token          string   `json:"token"` // after create and rotate only
}

// oldUse is a use of the secret before the last rotation.
type oldUse struct {
	Time      string `json:"time"`
	IP        string `json:"ip"`
	UserAgent string `json:"userAgent"`
}

// tokenKind is how tables show tokens.
func tokenKind() kind[token] {
	return kind[token]{
		nouns:  "tokens",
		header: []string{"ID", "NAME", "OWNER", "STATUS", "SCOPE", "EXPIRES", "LAST USED"},
		row: func(t *token) []string {
			return []string{t.ID, t.Name, t.OwnerUsername, t.Status, strings.Join(t.Scope, " "), firstOf(t.Expiration, "never"), firstOf(t.LastUsed, "never")}
		},
		detail: (*token).table,
		id:     func(t *token) string { return t.ID },
	}
}

func (t *token) table() *table {
	out := &table{}
	out.add("id", t.ID)
	out.add("name", t.Name)
	out.addPresent("description", t.Description)
	out.add("status", t.Status)
	out.add("owner", t.OwnerUsername)
	if t.OwnerStatus != "Active" {
		out.addPresent("owner status", t.OwnerStatus)
	}
	if t.Level != "personal" {
		out.addPresent("level", t.Level)
	}
	if t.AdminRole {
		out.add("acts as", "administrator of the "+t.Level)
	}
	out.add("scope", strings.Join(t.Scope, " "))
	out.add("audience", firstOf(strings.Join(t.Audience, " "), "any"))
	out.add("networks", firstOf(strings.Join(t.Networks, " "), "any"))
	out.add("access tokens", fmt.Sprintf("valid for %d s", t.Validity))
	out.add("created", t.Created)
	out.addPresent("modified", t.Modified)
	out.add("expires", firstOf(t.Expiration, "never"))
	out.add("last used", firstOf(t.LastUsed, "never"))
	out.addPresent("last seen", t.LastSeen)
	out.addPresent("revoked", strings.TrimSpace(t.RevokedAt+" "+t.RevokeReason))
	if t.Reactivatable {
		out.add("reactivatable", "yes")
	}
	out.addPresent("old secret until", t.OldSecretUntil)
	for _, use := range t.OldSecretUses {
		out.add("old secret used", use.Time+" from "+use.IP+" by "+use.UserAgent)
	}
	out.addPresent("token", t.Token)
	return out
}
