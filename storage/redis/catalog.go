package redis

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/id"
)

// catalog is the store of organizations, groups and role assignments.
type catalog struct{ db *DB }

var _ directory.Catalogs = catalog{}

// The places of the three hashes among the keys of catalog_write.
const (
	placeOrganizations = 4 + iota
	placeGroups
	placeAssignments
)

func catalogKey() string { return key(cfg, "catalog") }

// Version implements directory.Catalogs.
func (s catalog) Version(ctx context.Context) (uint64, error) {
	answer, err := s.db.read(ctx, "read catalog version", cfg, catalogKey(), "version")
	if err != nil {
		return 0, err
	}
	fields, _ := answer.fields(0)
	text, ok := optional(fields)
	if !ok {
		return 0, unavailable("read catalog version", errReply)
	}
	if text == "" {
		return 0, nil
	}
	version, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return 0, unavailable("read catalog version", errReply)
	}
	return version, nil
}

// Load implements directory.Catalogs.
func (s catalog) Load(ctx context.Context) (directory.Catalog, error) {
	answer, err := s.db.do(ctx, call{
		what: "load catalog", script: s.db.scripts.catalogLoad,
		keys: []string{catalogKey(), epochKey(cfg), key(cfg, "organizations"), key(cfg, "groups"), key(cfg, "assignments")},
	})
	if err != nil {
		return directory.Catalog{}, err
	}
	if len(answer.rest) != 4 {
		return directory.Catalog{}, unavailable("load catalog", errReply)
	}
	var out directory.Catalog
	text, _ := answer.rest[0].(string)
	if out.Version, err = strconv.ParseUint(text, 10, 64); err == nil {
		err = decodeAll(answer, 1, &out.Organizations)
	}
	if err == nil {
		err = decodeAll(answer, 2, &out.Groups)
	}
	if err == nil {
		err = decodeAll(answer, 3, &out.Assignments)
	}
	if err != nil {
		return directory.Catalog{}, unavailable("load catalog", fmt.Errorf("%w: no catalog", errReply))
	}
	return out, nil
}

// decodeAll appends the i-th value of a reply, a list of JSON texts, to out.
func decodeAll[T any](answer reply, i int, out *[]T) error {
	texts, ok := answer.fields(i)
	if !ok {
		return errReply
	}
	for _, value := range texts {
		text, _ := value.(string)
		var one T
		if err := json.Unmarshal([]byte(text), &one); err != nil {
			return fmt.Errorf("decode: %w", err)
		}
		*out = append(*out, one)
	}
	return nil
}

// Write implements directory.Catalogs.
func (s catalog) Write(ctx context.Context, want uint64, changes []directory.Change, events []audit.Event) error {
	name := ""
	if len(events) > 0 {
		name = events[0].ID
	}
	var removals []removal
	rows, told := make([]any, 0, 3*len(changes)), make([]any, 0, len(events))
	for i := range changes {
		place, entity, value, err := encodeChange(&changes[i])
		if err != nil {
			return unavailable("write catalog", err)
		}
		if changes[i].Remove {
			removals = append(removals, removal{place, string(entity)})
		}
		rows = append(rows, place, string(entity), value)
	}
	for _, event := range events {
		told = append(told, encode(event))
	}
	ends := len(changes) > 0 && len(removals) == len(changes)
	c := call{
		what: "write catalog", script: s.db.scripts.catalogWrite, change: true,
		keys: []string{
			catalogKey(), epochKey(cfg), auditKey(cfg),
			key(cfg, "organizations"), key(cfg, "groups"), key(cfg, "assignments"),
		},
		args: slices.Concat([]any{name, "0", strconv.FormatUint(want, 10), flag(ends), len(changes)}, rows, told),
	}
	if len(removals) > 0 {
		c.again = s.db.againRemoved(c, removals, told)
	}
	answer, err := s.db.do(ctx, c)
	return identityOutcome("write catalog", answer, err)
}

// encodeChange returns where a change goes, under which id, and the JSON that
// is put there; none to remove it.
func encodeChange(change *directory.Change) (place int, entity directory.ID, value string, err error) {
	var whole any
	switch {
	case change.Organization != nil:
		place, entity, whole = placeOrganizations, change.Organization.ID, change.Organization
	case change.Group != nil:
		place, entity, whole = placeGroups, change.Group.ID, change.Group
	case change.Assignment != nil:
		place, entity, whole = placeAssignments, change.Assignment.ID, change.Assignment
	}
	if !id.Valid(string(entity)) {
		return 0, "", "", fmt.Errorf("%w: a change of nothing", errReply)
	}
	if change.Remove {
		return place, entity, "", nil
	}
	text, err := json.Marshal(whole)
	return place, entity, string(text), err
}
