package transfer

import (
	"time"

	"github.com/cambio-sts/cambio/pat"
)

// Ended is what an item that is carried says has ended so late that JWTs may outlive it
// at now; a target tells of it as if it had ended as it was imported. The log of the
// source is not carried: so an end comes after all JWTs that it is about. Of a token that
// was deleted nothing is carried, so nothing is said.
func (i *Item) Ended(now time.Time) []pat.Ended {
	recent := func(at time.Time) bool { return !at.Before(now.Add(-pat.EndedWindow)) }
	switch {
	case i.Token != nil && i.Token.State != pat.StateActive:
		if recent(i.Token.RevokedAt) || recent(i.Token.Modified) { // it may have been rotated before that
			return []pat.Ended{{Kind: pat.EndedToken, ID: string(i.Token.ID), Generation: i.Token.Generation}}
		}
	case i.Token != nil && i.Token.Generation > 1 && recent(i.Token.Modified):
		return []pat.Ended{{Kind: pat.EndedToken, ID: string(i.Token.ID), Generation: i.Token.Generation - 1}}
	case i.Identity != nil && !i.Identity.Enabled && recent(i.Identity.Modified):
		return []pat.Ended{{Kind: pat.EndedOwner, ID: string(i.Identity.ID)}}
	case i.JTI != nil && now.Before(i.JTI.Expiry):
		return []pat.Ended{{Kind: pat.EndedJWT, ID: i.JTI.ID, Token: i.JTI.Token, Expiry: i.JTI.Expiry}}
	}
	return nil
}
