package console

import (
	"strings"

	"github.com/cambio-sts/cambio/console/ui"
	"github.com/cambio-sts/cambio/manage"
)

// homePage is where people begin.
type homePage struct {
	Name      string
	Tiles     []ui.NavLink
	Summary   *manage.TokenSummary
	MayCreate bool
	Expiring  string // where the caller's own tokens that end soon are
}

// soonDays is how far ahead a token counts as ending soon.
const soonDays = 30

// home shows what one may do here, and how one's own tokens are.
func (x *visit) home() error {
	shown := homePage{
		Name: first(x.caller.Identity.DisplayName, x.caller.Identity.Username), Summary: &manage.TokenSummary{}, Expiring: "/console/tokens?expiring=30",
		MayCreate: x.manager.May(x.caller, manage.CreateToken),
	}
	if x.manager.May(x.caller, manage.ReadToken) {
		summary, err := x.manager.TokenSummary(x.r.Context(), x.caller, x.caller.Identity.ID)
		if err != nil {
			return err
		}
		shown.Summary = summary
	}
	for _, group := range x.view.Nav {
		for _, link := range group.Links {
			if link.Path != Path {
				shown.Tiles = append(shown.Tiles, link)
			}
		}
	}
	return x.render("home", x.t("nav.home"), shown)
}

// first returns the first text that is not empty.
func first(texts ...string) string {
	for _, text := range texts {
		if strings.TrimSpace(text) != "" {
			return text
		}
	}
	return ""
}
