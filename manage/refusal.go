package manage

// Refusal says why the caller may do something to nothing at all, for a door that asks
// before there is anything to do it to; nil if they could. *LackError, *ScopeError.
func (*Manager) Refusal(c *Caller, action Action) error { return c.could(action) }

// RefusalOfToken says why the caller may not do something to a token that they see, for
// a door that asks before it does it; nil where MayToken says that they may. *LackError,
// *ScopeError; ErrNotOwner for a change, which nobody else may make; ErrNotFound.
func (m *Manager) RefusalOfToken(c *Caller, action Action, token *Token) error {
	if m.MayToken(c, action, token) {
		return nil
	}
	if action == ChangeToken && !c.owns(&token.Record) {
		return ErrNotOwner
	}
	if err := c.need(action, ofToken(&token.Record)); err != nil {
		return err
	}
	return ErrNotFound
}
