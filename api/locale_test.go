package api_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/api"
	"github.com/cambio-sts/cambio/pat"
)

// An error is German for whoever asks for it, down to what a field breaks.
func TestGerman(t *testing.T) {
	w := newWorld(t)
	token := w.bearer(&w.alice, pat.ScopeAll)
	for body, text := range map[string]string{
		`{"name":""}`: "name: muss 1 bis 255 Zeichen haben",
		`{"name":"x","allowedNetworks":["nowhere"]}`:   "allowedNetworks: jeder Eintrag muss ein Netz sein, etwa 192.0.2.0/24 oder 2001:db8::/32",
		`{"name":"x","accessTokenValiditySeconds":14}`: "accessTokenValiditySeconds: muss zwischen 15 und 43200 liegen",
		`{"name":"x","nme":"x"}`:                       "nme: das Feld ist unbekannt",
		`{"name":7}`:                                   "name: muss eine Zeichenkette sein",
		`{`:                                            "der Inhalt der Anfrage ist fehlerhaft",
	} {
		got := w.call(token, http.MethodPost, collection, body, "Accept-Language", "de-AT, en;q=0.8")
		require.Equal(t, http.StatusBadRequest, got.StatusCode, body)
		failure := got.failure(t)
		require.Equal(t, "Die Anfrage ist syntaktisch korrekt, ihr Inhalt ist jedoch ungültig.", failure.Messages[0].Text)
		require.Equal(t, []api.Message{{Locale: "de", LocaleOrigin: "REQUEST", Text: text}}, failure.Causes)
	}
	english := w.call(token, http.MethodPost, collection, `{"name":""}`, "Accept-Language", "en, de;q=0.8")
	require.Equal(t, []api.Message{{Locale: "en-US", LocaleOrigin: "REQUEST", Text: "name: must have 1 to 255 characters"}}, english.failure(t).Causes)
}

// A catalogue that is configured speaks beside those of the product.
func TestConfiguredCatalogue(t *testing.T) {
	french, err := api.ParseCatalogue([]byte(`{"locale":"fr","texts":{"message.not_found":"Introuvable."}}`))
	require.NoError(t, err)
	w := newWorld(t, func(c *api.Config) { c.Catalogues = []api.Catalogue{french} })
	token := w.bearer(&w.alice, pat.ScopeAll)
	failure := w.call(token, http.MethodGet, collection+"/x", "", "Accept-Language", "fr").failure(t)
	require.Equal(t, []api.Message{{Locale: "fr", LocaleOrigin: "REQUEST", Text: "Introuvable."}}, failure.Messages)
	require.Equal(t, "en-US", failure.Causes[0].Locale)
	require.Equal(t, "DEFAULT", failure.Causes[0].LocaleOrigin)
}
