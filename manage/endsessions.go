package manage

import (
	"context"
	"errors"
	"fmt"

	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/fault"
)

// EndSessions records that the caller ends the sessions of a person in all browsers,
// and returns them: the door that keeps sessions ends them then. What cannot be recorded
// is not done. ErrTechnical.
func (m *Manager) EndSessions(ctx context.Context, c *Caller, id string) (*Identity, error) {
	identity, t, err := m.identity(ctx, c, id, WriteIdentity)
	if err == nil {
		err = alterable(identity)
	}
	if err != nil {
		return nil, err
	}
	if m.audit == nil {
		return nil, errNoRecorder
	}
	event := m.loginEvent(identity, c.Origin)
	event.Name, event.Actor, event.Outcome = audit.LoginEnded, string(c.Identity.ID), audit.Success
	if err := m.audit.Record(event); err != nil {
		return nil, fmt.Errorf("record the end of sessions: %w", errors.Join(err, fault.ErrUnavailable))
	}
	return t.show(identity), nil
}
