package pat

import (
	"context"
	"fmt"
	"slices"

	"github.com/cambio-sts/cambio/directory"
)

// Tokenless returns those of owners that own no token of an organization, whatever its
// state, in their order.
func (s *Service) Tokenless(ctx context.Context, organization directory.ID, owners []directory.ID) ([]directory.ID, error) {
	if len(owners) == 0 {
		return nil, nil
	}
	left := make(map[directory.ID]bool, len(owners))
	for _, owner := range owners {
		left[owner] = true
	}
	for record, err := range s.store.List(ctx, Query{Organization: organization}) {
		if err != nil {
			return nil, fmt.Errorf("list tokens: %w", err)
		}
		delete(left, record.Owner)
	}
	return slices.DeleteFunc(slices.Clone(owners), func(owner directory.ID) bool { return !left[owner] }), nil
}
