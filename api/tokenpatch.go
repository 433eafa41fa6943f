package api

import (
	"net/http"
	"net/netip"
	"slices"
	"time"

	"github.com/cambio-sts/cambio/manage"
	"github.com/cambio-sts/cambio/pat"
)

// tokenDocument is what of a token may be patched, as the API shows it. A member that
// was removed is null.
type tokenDocument struct {
	Name                       *string  `json:"name"`
	Description                *string  `json:"description"`
	Scope                      []string `json:"scope"`
	ExpirationDate             *Instant `json:"expirationDate"`
	UserAwareTokenNeverExpires *bool    `json:"userAwareTokenNeverExpires"`
	AllowedNetworks            []string `json:"allowedNetworks"`
	Audience                   []string `json:"audience"`
}

// tokenChange reads a patch of a token.
func tokenChange(w http.ResponseWriter, r *http.Request, defaultScope []string) manage.TokenChange {
	patch := readPatch[tokenDocument](w, r)
	return func(token *manage.Token) (pat.Change, error) {
		before := patchable(token)
		after, err := patch(before)
		if err != nil {
			return pat.Change{}, err
		}
		return before.changeTo(after, defaultScope)
	}
}

func patchable(token *manage.Token) *tokenDocument {
	return &tokenDocument{
		Name: &token.Name, Description: textPointer(token.Description), Scope: token.Scope, ExpirationDate: instantOrNull(token.Expires),
		UserAwareTokenNeverExpires: &token.NeverExpiresAcknowledged, AllowedNetworks: networkTexts(&token.Record), Audience: listOrNil(token.Audience),
	}
}

// changeTo returns what differs between the documents.
func (d *tokenDocument) changeTo(after *tokenDocument, defaultScope []string) (pat.Change, error) {
	var change pat.Change
	if after.Name == nil {
		return change, pat.Broken("name", pat.RuleNotNull)
	}
	change.Name = changed(*d.Name, *after.Name)
	change.Description = changed(orZero(d.Description), orZero(after.Description))
	change.NeverExpiresAcknowledged = changed(*d.UserAwareTokenNeverExpires, orZero(after.UserAwareTokenNeverExpires))
	if end := time.Time(orZero(after.ExpirationDate)); !end.Equal(time.Time(orZero(d.ExpirationDate))) {
		change.Expiration = &end
	}
	if !slices.Equal(d.Scope, after.Scope) {
		if after.Scope == nil {
			after.Scope = defaultScope
		}
		change.Scope = &after.Scope
	}
	if !slices.Equal(d.Audience, after.Audience) {
		change.Audience = &after.Audience
	}
	if !slices.Equal(d.AllowedNetworks, after.AllowedNetworks) {
		networks, err := pat.ParseNetworks("allowedNetworks", after.AllowedNetworks)
		if err != nil {
			return change, err
		}
		change.Networks = new([]netip.Prefix)
		*change.Networks = networks
	}
	return change, nil
}
