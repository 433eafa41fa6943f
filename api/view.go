package api

import (
	"time"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/manage"
	"github.com/cambio-sts/cambio/pat"
)

// showToken is a token as the API shows it.
func showToken(token *manage.Token) *PersonalAccessToken {
	record := &token.Record
	shown := &PersonalAccessToken{
		ID: string(record.ID), Name: record.Name, Description: textPointer(record.Description), Scope: record.Scope,
		Level: record.Level, LevelID: textPointer(string(record.LevelID)), Owner: *showReference(&token.OwnerReference), AdminRole: record.AdminRole,
		Audience: listOrNil(record.Audience), AllowedNetworks: networkTexts(record), Managed: record.Managed,
		AccessTokenValiditySeconds: int64(token.JWTLife / time.Second), Created: Instant(record.Created), CreatedBy: showReference(token.Maker),
		CreatedByPat: textPointer(string(record.CreatedByPAT)), Modified: instantOrNull(record.Modified),
		ExpirationDate: instantOrNull(token.Expires), UserAwareTokenNeverExpires: record.NeverExpiresAcknowledged,
		LastUsed: instantOrNull(record.LastUsed), LastSeen: instantOrNull(record.LastSeen), Status: token.Status,
		RevokedAt: instantOrNull(record.RevokedAt), RevokedBy: showReference(token.Revoker), RevokeReason: textPointer(record.RevokeReason),
		Reactivatable: token.Reactivatable, OwnerUsername: textPointer(token.OwnerUsername), OwnerStatus: textPointer(token.OwnerStatus),
	}
	if !record.Verifier.Previous.IsZero() {
		shown.OldSecretUntil, shown.OldSecretUses = instantOrNull(record.Verifier.PreviousUntil), oldSecretUses(record)
	}
	return shown
}

// showReference is nil for nil.
func showReference(reference *manage.Reference) *IdentityReference {
	if reference == nil {
		return nil
	}
	return &IdentityReference{Type: "IDENTITY", ID: string(reference.ID), Name: textPointer(reference.Name)}
}

// withSecret adds what is told once.
func withSecret(token pat.Token) func(*manage.Token) *PersonalAccessToken {
	return func(shown *manage.Token) *PersonalAccessToken {
		told := showToken(shown)
		tail, whole := token.Secret().Reveal(), token.Reveal().Reveal()
		told.Secret, told.Token = &tail, &whole
		return told
	}
}

func networkTexts(record *pat.Record) []string {
	var texts []string
	for _, network := range record.Networks {
		texts = append(texts, network.String())
	}
	return texts
}

func oldSecretUses(record *pat.Record) *[]OldSecretUse {
	uses := shownAll(record.OldUses, func(use pat.OldUse) OldSecretUse {
		return OldSecretUse{Time: Instant(use.At), IP: use.IP, UserAgent: use.UserAgent}
	})
	return &uses
}

// listOrNil is nil for an empty list.
func listOrNil(list []string) []string {
	if len(list) == 0 {
		return nil
	}
	return list
}

// showNamed lists references to groups, in the order of their ids.
func showNamed(ids []directory.ID, names map[directory.ID]string) []Reference {
	return shownAll(ids, func(id directory.ID) Reference { return Reference{ID: string(id), Name: textPointer(names[id])} })
}

// orZero is the zero value for nil.
func orZero[T any](value *T) T {
	if value == nil {
		var zero T
		return zero
	}
	return *value
}
