package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/cambio-sts/cambio/credentials"
)

const commentedRoles = `
SELECT r.rolname::text, d.description, r.rolvaliduntil - clock_timestamp() AS left
FROM pg_catalog.pg_roles r
JOIN pg_catalog.pg_shdescription d ON d.objoid = r.oid AND d.classoid = 'pg_catalog.pg_authid'::pg_catalog.regclass
WHERE r.rolname LIKE 'cambio\_%' AND d.description LIKE 'cambio {%' AND NOT r.rolsuper AND isfinite(r.rolvaliduntil)
ORDER BY r.rolvaliduntil`

// List implements credentials.Lister: the roles that this provider made, in whichever
// process. The expiry of one whose answer may not have left is half a minute after its making.
func (p *Provider) List(ctx context.Context) ([]credentials.Outstanding, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	rows, err := p.pool.Query(ctx, commentedRoles)
	if err != nil {
		return nil, fmt.Errorf("list the roles: %w", err)
	}
	type row struct {
		Role, Comment string
		Left          time.Duration
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[row])
	if err != nil {
		return nil, fmt.Errorf("list the roles: %w", err)
	}
	var out []credentials.Outstanding
	now := p.Now()
	for _, r := range found {
		if m, ok := p.ours(r.Role, r.Comment); ok {
			out = append(out, credentials.Outstanding{
				Handle: r.Role, Holder: credentials.Holder{PAT: m.PAT, Generation: m.Generation},
				Expiry: now.Add(r.Left), Owner: m.Owner, Organization: m.Organization,
			})
		}
	}
	return out, nil
}
