package ui

import (
	"net/http"
	"strings"
	"time"
)

// zoneCookie holds the name of the browser's time zone (IANA). The script sets it; a
// reader without script is told UTC.
const zoneCookie = "cambio_zone"

// maxZoneName is longer than any name of the time zone database.
const maxZoneName = 64

// zoneOf returns the time zone of the reader, UTC if it is unknown.
func zoneOf(r *http.Request) *time.Location {
	cookie, err := r.Cookie(zoneCookie)
	if err != nil {
		return time.UTC
	}
	return zoneNamed(strings.ReplaceAll(cookie.Value, "%2F", "/"))
}

// zoneNamed returns the zone of a name that came from outside.
func zoneNamed(name string) *time.Location {
	plain := func(c rune) bool {
		return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune("_+-/", c)
	}
	if len(name) > maxZoneName || strings.Trim(name, "/") == "" || strings.IndexFunc(name, func(c rune) bool { return !plain(c) }) >= 0 {
		return time.UTC
	}
	zone, err := time.LoadLocation(name)
	if err != nil || zone == time.Local { //nolint:gosmopolitan // the server's own zone is nobody's
		return time.UTC
	}
	return zone
}
