package manage

import (
	"context"

	"github.com/cambio-sts/cambio/directory"
)

// NewTurns returns what takeFor is a method of, as a function.
func NewTurns() func(ctx context.Context, caller, organization directory.ID) (end func(), err error) {
	all := newTurns()
	return all.takeFor
}
