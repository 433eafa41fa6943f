package audit_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/id"
	"github.com/cambio-sts/cambio/internal/testenv"
)

// TestAllocations holds what recording ten events of exchanges takes, until they are in the file.
func TestAllocations(t *testing.T) {
	sink := open(t, audit.Config{Dir: t.TempDir()})
	e := used(1)
	e.ID, e.Time = id.New(), time.Now()
	e.Audience, e.JTI, e.TrackingID = []string{"https://api.example.com"}, id.New(), id.New()
	require.LessOrEqual(t, testenv.Allocations(t, func() {
		for range 10 {
			require.NoError(t, sink.Record(e))
		}
		require.NoError(t, sink.Flush(t.Context()))
	}), 18.0)
}
