package postgres

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Conditions of PostgreSQL, appendix A of its manual.
const (
	undefinedObject  = "42704"
	dependentObjects = "2BP01"
)

const (
	revokeTimeout = 8 * time.Second
	// releaseTimeout bounds the release of the lock of a role.
	releaseTimeout = time.Second
	// lockClass is the first half of the keys of our advisory locks.
	lockClass = 0x43616d62
)

var (
	errForeign = errors.New("it is no role that this provider made")
	errOwns    = errors.New("the role is kept without login, since it owns objects of this database and ownedTo names no role to give them to")
	errAway    = errors.New("the role is kept without login, since it owns objects or has privileges in another database of the server")
)

// Revoke implements credentials.Provider: the role can log in no more, its sessions
// end, what it owns goes to the configured role, and it is dropped. It repeats all of that
// safely after it failed in the middle.
func (p *Provider) Revoke(ctx context.Context, role string) error {
	p.forget(role)
	ctx, cancel := context.WithTimeout(ctx, revokeTimeout)
	defer cancel()
	conn, err := p.pool.Acquire(ctx)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer conn.Release()
	// One process at a time; the lock goes with the session at the latest.
	if _, err := conn.Exec(ctx, "SELECT pg_advisory_lock($1, $2)", int32(lockClass), lockKey(role)); err != nil {
		return fmt.Errorf("lock the role: %w", err)
	}
	defer func() {
		release, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseTimeout)
		defer cancel()
		if _, err := conn.Exec(release, "SELECT pg_advisory_unlock($1, $2)", int32(lockClass), lockKey(role)); err != nil {
			_ = conn.Conn().Close(release) // it is lost either way
		}
	}()
	return p.revoke(ctx, conn.Conn(), role)
}

// lockKey is the second half of the key of a role's lock. Two roles with one key wait for
// each other.
func lockKey(role string) int32 {
	sum := fnv.New32a()
	_, _ = sum.Write([]byte(role)) // never fails
	return int32(sum.Sum32())      //nolint:gosec // all bits are as good
}

func (p *Provider) revoke(ctx context.Context, conn *pgx.Conn, role string) error {
	var oid uint32
	var comment string
	err := conn.QueryRow(ctx, `SELECT oid, coalesce(pg_catalog.shobj_description(oid, 'pg_authid'), '') FROM pg_catalog.pg_roles WHERE rolname = $1::text`, role).Scan(&oid, &comment)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("find the role: %w", err)
	}
	if _, ok := p.ours(role, comment); !ok {
		return errForeign
	}
	// To end sessions and to give away what a role owns takes its privileges, which who made it
	// may give to itself. They go with the role.
	take := "GRANT " + identifier(role) + " TO CURRENT_USER"
	if majorVersion(conn) >= 16 {
		take += " WITH INHERIT TRUE, SET TRUE"
	}
	if err := together(ctx, conn, "ALTER ROLE "+identifier(role)+" NOLOGIN VALID UNTIL 'epoch'", take); err != nil {
		return gone(fmt.Errorf("disable the role: %w", err))
	}
	if err := p.endSessions(ctx, conn, oid); err != nil {
		return err
	}
	return p.drop(ctx, conn, role, oid)
}

// endSessions returns once there is none, twice in a row: one that was beginning when
// the role was disabled may show late.
func (p *Provider) endSessions(ctx context.Context, conn *pgx.Conn, oid uint32) error {
	const end = `SELECT count(pg_catalog.pg_terminate_backend(pid)) FROM pg_catalog.pg_stat_activity WHERE usesysid = $1::oid`
	for none := 0; none < 2; {
		var ended int
		if err := conn.QueryRow(ctx, end, oid).Scan(&ended); err != nil {
			return fmt.Errorf("end the sessions of the role: %w", err)
		}
		if none++; ended > 0 {
			none = 0
		}
		if _, err := conn.Exec(ctx, "SELECT pg_catalog.pg_sleep(0.02)"); err != nil {
			return fmt.Errorf("wait for the sessions of the role: %w", err)
		}
	}
	return nil
}

// drop gives away what a role owns here, takes its privileges and drops it, all or
// nothing. DROP OWNED alone would destroy what it owns, so that is looked at before.
func (p *Provider) drop(ctx context.Context, conn *pgx.Conn, role string, oid uint32) error {
	const owns = `SELECT EXISTS (SELECT FROM pg_catalog.pg_shdepend WHERE refclassid = 'pg_catalog.pg_authid'::pg_catalog.regclass AND refobjid = $1::oid AND deptype = 'o'
  AND dbid IN (0, (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())))`
	var owner bool
	if err := conn.QueryRow(ctx, owns, oid).Scan(&owner); err != nil {
		return fmt.Errorf("look at what the role owns: %w", err)
	}
	var statements []string
	if owner {
		if p.OwnedTo == "" {
			return errOwns
		}
		if err := p.receiver(ctx, conn); err != nil {
			return err
		}
		statements = append(statements, "REASSIGN OWNED BY "+identifier(role)+" TO "+identifier(p.OwnedTo))
	}
	statements = append(statements, "DROP OWNED BY "+identifier(role), "DROP ROLE "+identifier(role))
	err := together(ctx, conn, statements...)
	if refused, ok := errors.AsType[*pgconn.PgError](err); ok && refused.Code == dependentObjects {
		return errAway
	}
	if err != nil {
		return gone(fmt.Errorf("drop the role: %w", err))
	}
	return nil
}

// receiver refuses a powerful role as the owner of what others made: a function can run as
// who owns it.
func (p *Provider) receiver(ctx context.Context, conn *pgx.Conn) error {
	rows, err := conn.Query(ctx, harmlessRoles, []string{p.OwnedTo}, powers())
	if err != nil {
		return fmt.Errorf("look up ownedTo: %w", err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return fmt.Errorf("look up ownedTo: %w", err)
	}
	if len(found) == 0 || strings.HasPrefix(p.OwnedTo, "pg_") {
		return fmt.Errorf("ownedTo: role %q is not there, or too powerful to own what others made", p.OwnedTo)
	}
	return nil
}

// gone is nil if err says that the role is not there any more.
func gone(err error) error {
	if refused, ok := errors.AsType[*pgconn.PgError](err); ok && refused.Code == undefinedObject {
		return nil
	}
	return err
}
