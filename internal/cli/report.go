package cli

import (
	"net/url"
	"strconv"

	"github.com/spf13/cobra"
)

// inactivity is what the table tells of who becomes inactive.
type inactivity struct {
	Identity      reference `json:"identity"`
	Username      string    `json:"username"`
	Status        string    `json:"userStatus"`
	LastLogin     string    `json:"lastLogin"`
	RemainingDays int       `json:"remainingDays"`
	DeactivatesAt string    `json:"deactivatesAt"`
}

func inactivityKind() kind[inactivity] {
	return kind[inactivity]{
		nouns:  "people",
		header: []string{"ID", "USERNAME", "NAME", "STATUS", "LAST LOGIN", "DAYS LEFT", "INACTIVE FROM"},
		row: func(i *inactivity) []string {
			return []string{
				i.Identity.ID, i.Username, i.Identity.Name, i.Status, firstOf(i.LastLogin, "never"), strconv.Itoa(i.RemainingDays), i.DeactivatesAt,
			}
		},
		id: func(i *inactivity) string { return i.Identity.ID },
	}
}

func newReports(env Env) *cobra.Command {
	head := &cobra.Command{Use: "report", Short: "Report what will happen"}
	g := newServerGroup(env, head)
	var (
		l      listing
		within int
	)
	report := g.command(action{
		use: "inactivity", short: "List who becomes inactive, the first of them first", formats: dataFormats(),
		long: "List who becomes inactive without a login, the first of them first, and who is. Where the policy has no\n" +
			"logonInactivityDays, nobody does.",
		example: "  cambio report inactivity --within-days 14",
		run: func(c *call) error {
			query := url.Values{}
			if c.changed("within-days") {
				query.Set("within-days", strconv.Itoa(within))
			}
			return inactivityKind().list(c, l, apiRoot+"/reports/inactivity", query)
		},
	})
	report.Flags().IntVar(&within, "within-days", 0, "only who becomes inactive within so many days, or is")
	l.add(report)
	head.AddCommand(report)
	return head
}
