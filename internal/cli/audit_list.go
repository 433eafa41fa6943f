package cli

import (
	"net/url"
	"time"

	"github.com/spf13/cobra"

	"github.com/cambio-sts/cambio/internal/audit"
)

// auditEvent is what the table tells of an event.
type auditEvent struct {
	Time    string `json:"time"`
	Event   string `json:"event"`
	Actor   string `json:"actor"`
	Subject string `json:"subject"`
	TokenID string `json:"pat_id"`
	IP      string `json:"ip"`
	Outcome string `json:"outcome"`
	Reason  string `json:"reason"`
}

func auditKind() kind[auditEvent] {
	return kind[auditEvent]{
		nouns:  "events",
		header: []string{"TIME", "EVENT", "OUTCOME", "ACTOR", "TOKEN", "SUBJECT", "FROM", "REASON"},
		row: func(e *auditEvent) []string {
			return []string{e.Time, e.Event, e.Outcome, e.Actor, e.TokenID, e.Subject, e.IP, e.Reason}
		},
	}
}

// auditQuery is what the flags of audit list ask for.
type auditQuery struct {
	since, until string
	exact        map[string]*string // by the name of flag and parameter
}

func (g group) auditList() *cobra.Command {
	var l listing
	q := auditQuery{exact: map[string]*string{}}
	command := g.command(action{
		use: "list", short: "List events of the organization, newest first", formats: []format{formatTable, formatJSON, formatYAML},
		long: "List events of the organization, newest first, as far as the trail of the server that answers reaches. It reads files:\n" +
			"say with --since how far back.",
		example: "  cambio audit list --since 24h --outcome failure\n  cambio audit list --denial-id ID -o json\n" +
			"  cambio audit list --event 'PERSONAL_ACCESS_TOKEN_*' --limit 20",
		run: func(c *call) error {
			query, err := q.values(c)
			if err != nil {
				return err
			}
			l.uncounted, l.pinned = true, func(first []byte) (url.Values, error) { return pinnedTo(query, first) }
			return auditKind().list(c, l, apiRoot+"/audit-events", query)
		},
	})
	flags := command.Flags()
	g.opts.addServer(flags)
	flags.StringVar(&q.since, "since", "", "not before this time: 24h, 30d, or an RFC 3339 time")
	flags.StringVar(&q.until, "until", "", "before this time, likewise")
	for name, use := range map[string]string{
		"event":   "its name, or the beginning of it followed by *",
		"outcome": "success or failure", "actor": "id or username of the identity that did it", "owner": "id or username of the identity that owns the token",
		"pat-id": "id of the token", "denial-id": "of a refusal", "tracking-id": "of a request",
	} {
		q.exact[name] = flags.String(name, "", use)
	}
	complete(command, "event", audit.Names()...)
	complete(command, "outcome", outcomes()...)
	l.add(command)
	return command
}

func (q auditQuery) values(c *call) (url.Values, error) {
	query := url.Values{}
	for name, value := range q.exact {
		text := *value
		if text != "" && (name == "actor" || name == "owner") {
			var err error
			if text, err = c.identityID(text); err != nil {
				return nil, err
			}
		}
		setPresent(query, name, text)
	}
	for name, text := range map[string]string{"from": q.since, "to": q.until} {
		if text == "" {
			continue
		}
		at, err := parsePast(text, c.env.Now())
		if err != nil {
			return nil, err
		}
		query.Set(name, at.UTC().Format(timeLayout))
	}
	return query, nil
}

// parsePast reads an RFC 3339 time, or a time span before now.
func parsePast(text string, now time.Time) (time.Time, error) {
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at, nil
	}
	span, err := parseSpan(text)
	if err != nil {
		return time.Time{}, usage(quote(text)+" is neither a time span nor a time", "write 24h, 30d or 2027-01-31T00:00:00Z")
	}
	return now.Add(-span), nil
}

// pinnedTo ends what query asks for with the newest event of the first page:
// those that come meanwhile would shift the pages after it.
func pinnedTo(query url.Values, first []byte) (url.Values, error) {
	var page []auditEvent
	if err := decode(first, &page); err != nil {
		return nil, err
	}
	newest, err := time.Parse(time.RFC3339, page[0].Time)
	if err != nil {
		return nil, unreadableAnswer(err)
	}
	pinned := url.Values{"to": {newest.Add(time.Millisecond).UTC().Format(timeLayout)}}
	for name := range query {
		if name != "to" {
			pinned.Set(name, query.Get(name))
		}
	}
	return pinned, nil
}
