package ui

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestTimesAreTheReaders: a time is shown in the browser's zone, with UTC beside it.
func TestTimesAreTheReaders(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 26, 23, 30, 0, 0, time.UTC)
	r, err := New(Config{Pages: emptyFS{}, Now: func() time.Time { return at }})
	require.NoError(t, err)
	for zone, want := range map[string]string{
		"": "Nov 26, 2026, 23:30", "Europe%2FBerlin": "Nov 27, 2026, 00:30", "Asia/Tokyo": "Nov 27, 2026, 08:30", "nowhere": "Nov 26, 2026, 23:30",
	} {
		request := httptest.NewRequest(http.MethodGet, "/console/", http.NoBody)
		request.AddCookie(&http.Cookie{Name: zoneCookie, Value: zone})
		shown := string(r.View(request).Time(at))
		require.Equal(t, `<time datetime="2026-11-26T23:30:00.000Z" title="2026-11-26 23:30:00 UTC">`+want+`</time>`, shown, zone)
	}
}

// FuzzZone: whatever a cookie says, there is a zone, and never the server's own.
func FuzzZone(f *testing.F) {
	for _, name := range []string{"Europe/Berlin", "../../etc/passwd", "Local", "UTC", "Etc/GMT+12", "//", "\x00"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		zone := zoneNamed(name)
		require.NotNil(t, zone)
		require.NotSame(t, time.Local, zone)
		if zone != time.UTC {
			require.Equal(t, name, zone.String())
			require.NotContains(t, name, "..")
		}
	})
}
