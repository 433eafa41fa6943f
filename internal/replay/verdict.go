package replay

import (
	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/pat"
)

// verdict is what the events of a token come to. The first that is set counts:
// deleted, revoked, final, renewed.
type verdict struct {
	deleted *ending
	revoked *ending // and not reactivated since
	final   *ending // nothing after it brings the token back
	// renewed is a revocation that the event with the index reactivated undid.
	renewed     *ending
	reactivated int
	cycles      int // how often that happened: each made a generation
	// orphans are reactivations after a revocation of which the events do not tell.
	orphans []int
}

// ending is an end and the index of the event that tells of it.
type ending struct {
	lost  pat.Lost
	event int
	alone bool // nothing else made it final
}

// judge goes through the events of a token, of which the backup had record.
func judge(record *pat.Record, events []audit.Event) verdict {
	var v verdict
	for i := range events {
		e := &events[i]
		switch e.Name {
		case audit.TokenDeleted:
			v.deleted = &ending{event: i}
		case audit.TokenExpired:
			v.finally(i, pat.Lost{To: pat.StateAutoRevoked, At: e.Time})
		case audit.TokenRotated:
			if !rotatedIn(record, e) {
				v.finally(i, pat.Lost{To: pat.StateRevoked, At: e.Time, Reason: pat.Compromised})
			}
		case audit.TokenRevoked:
			v.revoke(i, e)
		case audit.TokenReactivated:
			v.reactivate(record, i, e)
		default: // created or updated: they end nothing
		}
	}
	if v.revoked != nil && v.final != nil {
		v.revoked.alone = false
	}
	return v
}

// finally keeps the first end for good.
func (v *verdict) finally(i int, lost pat.Lost) {
	if v.final == nil {
		v.final = &ending{lost: lost, event: i}
	}
}

// revoke takes the time of the first of several revocations, which ended access,
// and the reason of the last, as a record does.
func (v *verdict) revoke(i int, e *audit.Event) {
	lost := pat.Lost{To: pat.StateRevoked, At: e.Time, Reason: reason(e.Reason)}
	first := v.revoked == nil
	if !first {
		lost.At = v.revoked.lost.At
	}
	v.revoked = &ending{lost: lost, event: i, alone: first}
}

// reactivate undoes a revocation. One that the record has went with all before it.
func (v *verdict) reactivate(record *pat.Record, i int, e *audit.Event) {
	switch {
	case !record.Modified.Before(e.Time):
		v.revoked, v.renewed, v.cycles = nil, nil, 0
	case v.revoked != nil:
		v.revoked, v.renewed, v.reactivated = nil, v.revoked, i
		v.cycles++
	case v.renewed == nil:
		v.orphans = append(v.orphans, i)
	}
}

// rotatedIn reports whether record has the secret of a rotation. A replica with
// a fast clock may have changed the record before the rotation and left a later
// time in it; a token that is revoked in vain is better than a leaked secret that
// lives, so such times do not count.
func rotatedIn(record *pat.Record, e *audit.Event) bool {
	return !record.Verifier.Previous.IsZero() &&
		(record.Modified.Equal(e.Time) || !record.Modified.Before(e.Time.Add(2*pat.MaxSkew)))
}

func reason(text string) pat.Reason {
	switch known := pat.Reason(text); known {
	case pat.Compromised, pat.Unused, pat.Other:
		return known
	default:
		return pat.Other
	}
}
