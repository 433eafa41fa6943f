package api

import (
	"net/http"
	"time"

	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/manage"
)

// maxAuditOffset bounds what is read to be passed over; further back reaches "to".
const maxAuditOffset = 10_000

// ListAuditEvents answers with a page of the audit trail.
func (s server) ListAuditEvents(w http.ResponseWriter, r *http.Request, params ListAuditEventsParams) {
	found, err := s.manager.AuditEvents(r.Context(), callerFrom(r.Context()), params.ask)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	if found.Damaged {
		w.Header().Set("Warning", `199 - "lines of the audit trail could not be read: run cambio audit verify"`)
	}
	write(w, http.StatusOK, typeJSON, shownAll(found.Entries, showEvent))
}

func (p *ListAuditEventsParams) ask() (*manage.AuditAsk, error) {
	page, err := listParams{limit: p.Limit, offset: p.Offset}.ask(nil)
	if err != nil {
		return nil, err
	}
	if page.Offset > maxAuditOffset {
		return nil, &requestError{key: causeRange, args: []any{"offset", 0, maxAuditOffset}}
	}
	switch orZero(p.Outcome) {
	case "", string(audit.Success), string(audit.Failure):
	default:
		return nil, &requestError{key: causeParameter, args: []any{"outcome"}}
	}
	return &manage.AuditAsk{
		From: time.Time(orZero(p.From)), To: time.Time(orZero(p.To)), Event: orZero(p.Event), Outcome: audit.Outcome(orZero(p.Outcome)),
		Actor: orZero(p.Actor), Owner: orZero(p.Owner), Token: orZero(p.PatID), Denial: orZero(p.DenialID), Tracking: orZero(p.TrackingID),
		Limit: page.Limit, Offset: page.Offset,
	}, nil
}

func showEvent(entry audit.Entry) AuditEvent {
	return AuditEvent{
		Seq: entry.Seq, Time: Instant(entry.Time), Event: string(entry.Name), ID: textPointer(entry.ID), Organization: textPointer(entry.Organization),
		Actor: textPointer(entry.Actor), Subject: textPointer(entry.Subject), PatID: textPointer(entry.PATID), Owner: textPointer(entry.Owner),
		Audience: entry.Audience, Scope: textPointer(entry.Scope), Jti: textPointer(entry.JTI), IP: textPointer(entry.IP),
		UserAgent: textPointer(entry.UserAgent), TrackingID: textPointer(entry.TrackingID), Outcome: string(entry.Outcome),
		Reason: textPointer(entry.Reason), DenialID: textPointer(entry.DenialID),
	}
}
