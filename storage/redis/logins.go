package redis

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/id"
)

// A login is a field of the organization's hash and names an identity that lies
// in another slot, so the two cannot be written in one step:
//
//	reserve ──▶ "<identity> <time> <nonce>" ──▶ write the identity ──▶ release what it gave up
//	                                            within loginLease
//
// An entry counts only while its identity holds the login, or while it is
// younger than loginGrace: then that identity may still be on its way. What a
// crash leaves behind is older in the end, and whoever wants the login
// takes it away. The lease is shorter than the grace by more than the clocks of
// two nodes may differ, so that no identity arrives after its entry was taken.
const (
	loginLease = 5 * time.Second
	loginGrace = time.Minute
)

// login is the field of a login.
type login string

func loginField(kind directory.LoginKind, name string) login {
	return login(string(kind) + "\x00" + name)
}

// loginsOf returns the logins by which identity is found.
func loginsOf(identity *directory.Identity) []login {
	var out []login
	if identity.Username != "" {
		out = append(out, loginField(directory.ByUsername, identity.Username))
	}
	if identity.ExternalID != "" {
		out = append(out, loginField(directory.ByExternalID, identity.ExternalID))
	}
	if identity.Subject != "" {
		out = append(out, loginField(directory.ByProvider, directory.ProviderKey(identity.Issuer, identity.Subject)))
	}
	return out
}

// missing returns the logins of all that are not among others.
func missing(all, others []login) []login {
	return slices.DeleteFunc(all, func(one login) bool { return slices.Contains(others, one) })
}

// reservation is what reserve did.
type reservation struct {
	deadline string // the store's time until which the identity must be written; empty if nothing was reserved
	given    []any  // login, entry, … that will be given up
}

// reserve takes all the wanted logins for identity, or none of them, and reads
// the entries of those that it gives up. directory.ErrNameTaken.
func (s identities) reserve(ctx context.Context, identity *directory.Identity, wanted, given []login) (reservation, error) {
	if len(wanted)+len(given) == 0 {
		return reservation{}, nil
	}
	args := []any{string(identity.ID), id.New(), loginLease.Milliseconds(), len(wanted)}
	for _, one := range slices.Concat(wanted, given) {
		args = append(args, string(one))
	}
	for range len(wanted) + 1 { // each round may take one dead entry away
		answer, err := s.db.do(ctx, call{
			what: "reserve login", script: s.db.scripts.loginReserve,
			keys: []string{loginsKey(identity.Organization), epochKey(cfg)}, args: args,
		})
		if err != nil {
			return reservation{}, err
		}
		if answer.code == codeOK {
			return reserved(answer, len(wanted) > 0, given)
		}
		if err := s.reclaim(ctx, identity.Organization, answer); err != nil {
			return reservation{}, err
		}
	}
	return reservation{}, fmt.Errorf("reserve login: %w", directory.ErrNameTaken)
}

func reserved(answer reply, timed bool, given []login) (reservation, error) {
	entries, ok := answer.fields(1)
	deadline, ok2 := answer.rest[0].(string)
	if !ok || !ok2 || len(entries) != len(given) {
		return reservation{}, unavailable("reserve login", errReply)
	}
	var out reservation
	if timed {
		out.deadline = deadline
	}
	for i, entry := range entries {
		if text, ok := entry.(string); ok {
			out.given = append(out.given, string(given[i]), text)
		}
	}
	return out, nil
}

// reclaim takes away the entry that was in the way if it is dead, and fails
// with directory.ErrNameTaken if it is not.
func (s identities) reclaim(ctx context.Context, organization directory.ID, answer reply) error {
	if answer.code != codeTaken || len(answer.rest) != 3 {
		return unavailable("reserve login", errReply)
	}
	now, _ := answer.number(0)
	field, _ := answer.rest[1].(string)
	entry, _ := answer.rest[2].(string)
	holder, at, ok := parseEntry(entry)
	if !ok {
		return unavailable("reserve login", errReply)
	}
	taken := fmt.Errorf("reserve login: %w", directory.ErrNameTaken)
	if now-at < loginGrace.Milliseconds() {
		return taken
	}
	identity, err := s.Find(ctx, holder)
	switch {
	case err == nil && identity.Organization == organization && slices.Contains(loginsOf(&identity), login(field)):
		return taken
	case err != nil && !errors.Is(err, directory.ErrNotFound):
		return err
	}
	_, err = s.db.do(ctx, call{
		what: "release login", script: s.db.scripts.loginRelease,
		keys: []string{loginsKey(organization), epochKey(cfg)}, args: []any{field, entry},
	})
	return err
}

// parseEntry reads "<identity> <Unix milliseconds> <nonce>".
func parseEntry(entry string) (directory.ID, int64, bool) {
	holder, rest, _ := strings.Cut(entry, " ")
	at, _, _ := strings.Cut(rest, " ")
	n, err := strconv.ParseInt(at, 10, 64)
	return directory.ID(holder), n, err == nil && id.Valid(holder)
}

// givenUp returns the logins of an identity that is gone, each with how its
// entry begins.
func givenUp(gone *directory.Identity) []any {
	var out []any
	for _, one := range loginsOf(gone) {
		out = append(out, string(one), string(gone.ID)+" ")
	}
	return out
}

// release gives logins up after the change that is their reason. It cannot
// fail that change any more: an entry that stays is dead.
func (s identities) release(ctx context.Context, organization directory.ID, entries []any) {
	if len(entries) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.db.config.within(callTimeout))
	defer cancel()
	if _, err := s.db.do(ctx, call{
		what: "release login", script: s.db.scripts.loginRelease,
		keys: []string{loginsKey(organization), epochKey(cfg)}, args: entries,
	}); err != nil {
		s.db.log.Warn("a login stays reserved until it is wanted again")
	}
}

// FindByLogin implements directory.Identities.
func (s identities) FindByLogin(ctx context.Context, organization directory.ID, kind directory.LoginKind, name string) (directory.Identity, error) {
	none := fmt.Errorf("find login: %w", directory.ErrNotFound)
	if !id.Valid(string(organization)) {
		return directory.Identity{}, none
	}
	field := loginField(kind, name)
	answer, err := s.db.read(ctx, "find login", cfg, loginsKey(organization), string(field))
	if err != nil {
		return directory.Identity{}, err
	}
	fields, _ := answer.fields(0)
	if len(fields) != 1 {
		return directory.Identity{}, unavailable("find login", errReply)
	}
	entry, ok := fields[0].(string)
	if !ok {
		return directory.Identity{}, none
	}
	holder, _, ok := parseEntry(entry)
	if !ok {
		return directory.Identity{}, unavailable("find login", errReply)
	}
	identity, err := s.Find(ctx, holder)
	if err != nil {
		return directory.Identity{}, err
	}
	if identity.Organization != organization || !slices.Contains(loginsOf(&identity), field) {
		return directory.Identity{}, none
	}
	return identity, nil
}
