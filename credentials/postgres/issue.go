package postgres

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/cambio-sts/cambio/credentials"
)

const (
	// leaseTime is how long a role lasts whose maker dies before it can confirm that its
	// answer has left.
	leaseTime = 30 * time.Second
	// undoTimeout bounds the removal of a role that may have been made.
	undoTimeout = 3 * time.Second
	// rolePrefix begins the name of each role.
	rolePrefix = "cambio_"
)

// newRole returns the name of a new role: a prefix and 130 random bits.
func newRole() string { return rolePrefix + strings.ToLower(rand.Text()) }

// Issue implements credentials.Provider.
func (p *Provider) Issue(ctx context.Context, grant *credentials.Grant) (credentials.Issued, error) {
	granted, err := p.rolesFor(grant.Claims)
	if err != nil {
		return credentials.Issued{}, err
	}
	role, password := newRole(), newPassword()
	options, err := p.options(role, grant.Claims)
	if err != nil {
		return credentials.Issued{}, err
	}
	hidden, err := newVerifier(password)
	if err != nil {
		return credentials.Issued{}, err
	}
	comment, err := p.comment(grant)
	if err != nil {
		return credentials.Issued{}, err
	}
	within, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	now, err := p.permit(within, granted)
	if err != nil {
		return credentials.Issued{}, err
	}
	until := now.Add(grant.Expiry.Sub(grant.Now))
	first := now.Add(leaseTime)
	if first.After(until) {
		first = until
	}
	statements := slices.Concat([]string{
		fmt.Sprintf("CREATE ROLE %s LOGIN CONNECTION LIMIT %d PASSWORD %s VALID UNTIL %s", identifier(role), p.ConnectionLimit, literal(hidden), timestamp(first)),
		fmt.Sprintf("COMMENT ON ROLE %s IS %s", identifier(role), literal(comment)),
	}, options)
	for _, name := range granted.names {
		statements = append(statements, fmt.Sprintf("GRANT %s TO %s", identifier(name), identifier(role)))
	}
	if err := p.create(within, role, statements); err != nil {
		return credentials.Issued{}, err
	}
	if first.Before(until) {
		p.promise(role, until)
	}
	return credentials.Issued{Members: p.members(role, password, grant.Expiry), Expiry: grant.Expiry, Handle: role}, nil
}

// grants are the roles that are to be granted.
type grants struct {
	names []string
	// claimed are those that a claim has named, by the template that it stands in.
	claimed map[string]string
}

// rolesFor fills in the templates of the roles.
func (p *Provider) rolesFor(claims *credentials.Claims) (*grants, error) {
	out := &grants{claimed: map[string]string{}}
	for _, template := range p.roles {
		names, err := template.RenderEach(claims)
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			if slices.Contains(out.names, name) {
				continue
			}
			out.names = append(out.names, name)
			if text := template.String(); text != name {
				out.claimed[name] = text
			}
		}
	}
	if len(out.names) == 0 {
		return nil, &credentials.ClaimError{Claim: p.roles[0].String(), Problem: "gives no role to grant"}
	}
	return out, nil
}

// refuse says that a role cannot be granted: because of the owner, if a claim named it.
func (g *grants) refuse(name string) error {
	if template, ok := g.claimed[name]; ok {
		return &credentials.ClaimError{Claim: template, Problem: "gives a role that is not there, or not to be granted"}
	}
	return fmt.Errorf("role %q is not there, or too powerful to be granted", name)
}

// powers are predefined roles that lead out of the database, into the system of the server or the
// sessions of others.
func powers() []string {
	return []string{"pg_execute_server_program", "pg_read_server_files", "pg_write_server_files", "pg_signal_backend", "pg_create_subscription", "pg_checkpoint"}
}

// harmlessRoles tells for each role that is there whether it is too powerful, with all that it
// is a member of: it could make roles or databases, replicate, pass over row security, or act as
// a superuser or as the role that we connect as.
const harmlessRoles = `
WITH RECURSIVE up(named, oid) AS (
  SELECT r.rolname::text, r.oid FROM pg_catalog.pg_roles r WHERE r.rolname = ANY($1::text[])
  UNION
  SELECT up.named, m.roleid FROM pg_catalog.pg_auth_members m JOIN up ON m.member = up.oid
)
SELECT up.named FROM up JOIN pg_catalog.pg_roles r ON r.oid = up.oid
GROUP BY up.named
HAVING NOT bool_or(r.rolsuper OR r.rolcreaterole OR r.rolcreatedb OR r.rolreplication OR r.rolbypassrls
  OR r.rolname = current_user OR r.rolname = ANY($2::text[]))`

// permit checks that each role may be granted, and returns the time of the server.
func (p *Provider) permit(ctx context.Context, granted *grants) (time.Time, error) {
	var now time.Time
	var found []string
	batch := &pgx.Batch{}
	batch.Queue("SELECT clock_timestamp()").QueryRow(func(row pgx.Row) error { return row.Scan(&now) })
	batch.Queue(harmlessRoles, granted.names, powers()).Query(func(rows pgx.Rows) error {
		var err error
		found, err = pgx.CollectRows(rows, pgx.RowTo[string])
		return err
	})
	if err := p.pool.SendBatch(ctx, batch).Close(); err != nil {
		return time.Time{}, fmt.Errorf("look the roles up: %w", err)
	}
	for _, name := range granted.names {
		if len(name) > maxName || strings.HasPrefix(name, "pg_") || strings.HasPrefix(name, rolePrefix) || !slices.Contains(found, name) {
			return time.Time{}, granted.refuse(name)
		}
	}
	return now, nil
}

// options are the settings of a role, as statements.
func (p *Provider) options(role string, claims *credentials.Claims) ([]string, error) {
	out := make([]string, 0, len(p.settings))
	for _, s := range p.settings {
		value, err := s.value.Render(claims)
		if err != nil {
			return nil, err
		}
		out = append(out, fmt.Sprintf("ALTER ROLE %s SET %s", identifier(role), assignment(s.name, value)))
	}
	return out, nil
}

// create makes a role by statements that are sent as one, and so are one transaction.
func (p *Provider) create(ctx context.Context, role string, statements []string) error {
	err := p.run(ctx, statements...)
	if err == nil {
		return nil
	}
	if _, refused := errors.AsType[*pgconn.PgError](err); !refused { // it may have been done
		undo, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoTimeout)
		defer cancel()
		err = errors.Join(err, p.Revoke(undo, role))
	}
	return fmt.Errorf("create a role: %w", err)
}

// run runs statements in one transaction, and one round trip.
func (p *Provider) run(ctx context.Context, statements ...string) error {
	conn, err := p.pool.Acquire(ctx)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer conn.Release()
	return together(ctx, conn.Conn(), statements...)
}

// together runs statements that the server takes as one transaction, since they are one message.
func together(ctx context.Context, conn *pgx.Conn, statements ...string) error {
	_, err := conn.PgConn().Exec(ctx, strings.Join(statements, ";\n")).ReadAll()
	return err
}

// commentPrefix begins the comment of each role that was made here.
const commentPrefix = "cambio "

// mark is the comment of a role: who made it, and for whom. None of it is a secret: whoever can log in
// to the server can read it.
type mark struct {
	Issuer       string `json:"issuer"`
	Provider     string `json:"provider"`
	PAT          string `json:"pat_id"`
	Generation   int64  `json:"generation"`
	Owner        string `json:"owner"`
	Organization string `json:"org"`
}

func (p *Provider) comment(grant *credentials.Grant) (string, error) {
	text, err := json.Marshal(mark{
		Issuer: p.Issuer, Provider: p.Name, PAT: grant.Holder.PAT, Generation: grant.Holder.Generation,
		Owner: grant.Claims.Owner, Organization: grant.Claims.Organization,
	})
	if err != nil {
		return "", fmt.Errorf("write a comment: %w", err)
	}
	return commentPrefix + string(text), nil
}

// ours reads the comment of a role that this provider made.
func (p *Provider) ours(role, comment string) (*mark, bool) {
	text, ok := strings.CutPrefix(comment, commentPrefix)
	var m mark
	if !ok || json.Unmarshal([]byte(text), &m) != nil || m.Issuer != p.Issuer || m.Provider != p.Name {
		return nil, false
	}
	return &m, len(role) > len(rolePrefix) && strings.HasPrefix(role, rolePrefix)
}
