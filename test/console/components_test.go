package console

import (
	"testing"

	"github.com/cambio-sts/cambio/test/console/browser"
)

var _ = browser.DeclareUpdate()

// TestComponents compares every component in every state with how it looked when
// somebody last looked at it: go test ./test/console -run TestComponents -update.
func TestComponents(t *testing.T) {
	t.Parallel()
	page, _ := signedIn(t, browser.Options{})
	for theme, dark := range map[string]bool{"light": false, "dark": true} {
		page.SetDark(dark)
		page.Goto("/console/components")
		browser.RequireScreenshot(t, "components-"+theme, page.Screenshot())
	}
}
