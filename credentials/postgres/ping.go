package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// ErrLogin says that the server answers, and does not let us log in.
var ErrLogin = errors.New("the server refuses the login")

// RightsError says what keeps a role of the server from being used, and by which SQL a
// superuser mends that; empty where it is not for them alone to say.
type RightsError struct{ Problem, SQL string }

// Error is the problem.
func (e *RightsError) Error() string { return e.Problem }

// Ping reports whether the server answers, and lets this provider create roles and grant
// those that the configuration names, as far as no claim is needed to know them.
func (p *Provider) Ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	var creates, super bool
	row := p.pool.QueryRow(ctx, `SELECT rolcreaterole, rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user`)
	if err := row.Scan(&creates, &super); err != nil {
		if refused, ok := errors.AsType[*pgconn.PgError](err); ok && strings.HasPrefix(refused.Code, "28") {
			return fmt.Errorf("%w: %w", ErrLogin, err)
		}
		return fmt.Errorf("ask the server: %w", err)
	}
	if super || !creates {
		return &RightsError{
			"the role that Cambio connects as must have CREATEROLE and must not be a superuser",
			"ALTER ROLE " + identifier(p.Server.User) + " CREATEROLE NOSUPERUSER",
		}
	}
	return p.pingRoles(ctx)
}

// lacksAdmin are the roles of a list that are there and that we may not grant.
const lacksAdmin = `SELECT r.rolname FROM pg_catalog.pg_roles r
WHERE r.rolname = ANY($1::text[]) AND NOT pg_catalog.pg_has_role(current_user, r.oid, 'MEMBER WITH ADMIN OPTION')`

// adminSince is the version from which on CREATEROLE alone does not let us grant any role.
const adminSince = 16

func (p *Provider) pingRoles(ctx context.Context) error {
	var fixed []string
	for _, template := range p.roles {
		if text := template.String(); !strings.Contains(text, "{{") {
			fixed = append(fixed, text)
		}
	}
	conn, err := p.pool.Acquire(ctx)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer conn.Release()
	there, err := names(ctx, conn.Conn(), `SELECT rolname FROM pg_catalog.pg_roles WHERE rolname = ANY($1::text[])`, fixed)
	if err != nil {
		return err
	}
	harmless, err := names(ctx, conn.Conn(), harmlessRoles, fixed, powers())
	if err != nil {
		return err
	}
	var lacks []string
	if majorVersion(conn.Conn()) >= adminSince {
		if lacks, err = names(ctx, conn.Conn(), lacksAdmin, fixed); err != nil {
			return err
		}
	}
	grant := func(role string) string {
		return "GRANT " + identifier(role) + " TO " + identifier(p.Server.User) + " WITH ADMIN OPTION"
	}
	for _, role := range fixed {
		switch {
		case !slices.Contains(there, role):
			return &RightsError{fmt.Sprintf("there is no role %q to grant", role), "CREATE ROLE " + identifier(role) + " NOLOGIN; " + grant(role)}
		case !slices.Contains(harmless, role):
			return &RightsError{fmt.Sprintf("the role %q is too powerful to be granted", role), ""}
		case slices.Contains(lacks, role):
			return &RightsError{fmt.Sprintf("the role that Cambio connects as may not grant %q", role), grant(role)}
		}
	}
	return nil
}

func names(ctx context.Context, of *pgx.Conn, sql string, args ...any) ([]string, error) {
	rows, err := of.Query(ctx, sql, args...)
	if err != nil {
		return nil, fmt.Errorf("look the roles up: %w", err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("look the roles up: %w", err)
	}
	return found, nil
}
