package manage

import (
	"context"

	"github.com/cambio-sts/cambio/exchange"
	"github.com/cambio-sts/cambio/internal/query"
	"github.com/cambio-sts/cambio/keys"
)

// Services lists what tokens are meant for, by configuration; they must not be changed.
func (m *Manager) Services(c *Caller, input Input[*Ask]) (Page[*exchange.Service], error) {
	if err := c.could(ReadServices); err != nil {
		return Page[*exchange.Service]{}, err
	}
	ask, err := input()
	if err != nil {
		return Page[*exchange.Service]{}, err
	}
	return page(values(m.services.All()), ask, &listing[*exchange.Service]{
		read:    func(**exchange.Service, query.Field) query.Value { return query.Value{} },
		natural: func(query.Order) bool { return true },
	})
}

// Keys lists the signing keys.
func (m *Manager) Keys(c *Caller) ([]keys.Info, error) {
	if err := c.could(ManageKeys); err != nil {
		return nil, err
	}
	return m.keys.List(), nil
}

// RotateKeys brings the next key of each algorithm into use, and returns all.
func (m *Manager) RotateKeys(ctx context.Context, c *Caller) ([]keys.Info, error) {
	return m.afterKeys(c, func(actor keys.Actor) error { return m.keys.Rotate(ctx, actor) })
}

// RevokeKey ends a key at once, and returns all; keys.ErrUnknownKey.
func (m *Manager) RevokeKey(ctx context.Context, c *Caller, kid string) ([]keys.Info, error) {
	return m.afterKeys(c, func(actor keys.Actor) error { return m.keys.Revoke(ctx, kid, actor) })
}

func (m *Manager) afterKeys(c *Caller, do func(keys.Actor) error) ([]keys.Info, error) {
	if err := c.could(ManageKeys); err != nil {
		return nil, err
	}
	if err := do(keys.Actor{ID: string(c.Identity.ID), Origin: c.Origin}); err != nil {
		return nil, err
	}
	return m.keys.List(), nil
}
