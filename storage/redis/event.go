package redis

import (
	"time"

	"github.com/cambio-sts/cambio/internal/audit"
)

// eventTexts is how many texts encode writes. A new one goes to the end.
const eventTexts = 17

// encode returns an event as the streams keep it: packed, as many may wait. The
// scripts that make events themselves write the first ones of its texts
// (pack.inc.lua).
func encode(event audit.Event) string {
	w := &writer{texts: make([]string, 0, eventTexts)}
	w.text(event.ID)
	w.time(event.Time)
	w.text(string(event.Name))
	w.unless(string(event.Outcome), string(audit.Success))
	w.text(event.Organization)
	w.text(event.PATID)
	w.text(event.Owner)
	w.unless(event.Actor, event.Owner)
	w.text(event.IP)
	w.text(event.UserAgent)
	w.text(event.TrackingID)
	w.text(event.Subject)
	w.text(event.Scope)
	list(w, event.Audience)
	w.text(event.JTI)
	w.text(event.Reason)
	w.text(event.DenialID)
	return w.pack()
}

// decode returns an event of a stream as JSON; what is none comes back as it is,
// and whoever ships it tells of it.
func decode(packed string) []byte {
	r := unpack(packed)
	event := audit.Event{
		ID: r.text(), Time: r.time(), Name: audit.Name(r.text()), Outcome: audit.Outcome(r.unless(string(audit.Success))),
		Organization: r.text(), PATID: r.text(), Owner: r.text(),
	}
	event.Actor = r.unless(event.Owner)
	event.IP, event.UserAgent, event.TrackingID = r.text(), r.text(), r.text()
	event.Subject, event.Scope, event.Audience = r.text(), r.text(), listed[string](r)
	event.JTI, event.Reason, event.DenialID = r.text(), r.text(), r.text()
	if r.err != nil {
		return []byte(packed)
	}
	text, _ := event.MarshalJSON() // it never fails
	return text
}

// millisOf is the time of an event as encode writes it.
func millisOf(event *audit.Event) string { return millis(event.Time.Truncate(time.Millisecond)) }
