package bolt

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"go.etcd.io/bbolt"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/audit"
)

// Catalog is the directory.Catalogs of a DB.
type Catalog struct{ db *DB }

var _ directory.Catalogs = Catalog{}

// Catalog returns the shared part of the directory.
func (db *DB) Catalog() directory.Catalogs { return Catalog{db} }

// Version implements directory.Catalogs.
func (s Catalog) Version(ctx context.Context) (uint64, error) {
	var version uint64
	err := s.db.read(ctx, "read catalog version", func(tx *bbolt.Tx) (err error) {
		version, err = catalogVersion(tx)
		return err
	})
	return version, err
}

func catalogVersion(tx *bbolt.Tx) (uint64, error) {
	packed := tx.Bucket(bucketCatalog).Get(keyVersion)
	switch len(packed) {
	case 0:
		return 0, nil
	case 8:
		return binary.BigEndian.Uint64(packed), nil
	default:
		return 0, errors.New("catalog version: wrong length")
	}
}

// Load implements directory.Catalogs. The entities come by id.
func (s Catalog) Load(ctx context.Context) (directory.Catalog, error) {
	var catalog directory.Catalog
	err := s.db.read(ctx, "load catalog", func(tx *bbolt.Tx) (err error) {
		if catalog.Version, err = catalogVersion(tx); err != nil {
			return err
		}
		err = loadAll(tx, bucketOrganizations, organizationMembers, func(id directory.ID, organization directory.Organization) {
			organization.ID = id
			catalog.Organizations = append(catalog.Organizations, organization)
		})
		if err != nil {
			return err
		}
		err = loadAll(tx, bucketGroups, groupMembers, func(id directory.ID, group directory.Group) {
			group.ID = id
			catalog.Groups = append(catalog.Groups, group)
		})
		if err != nil {
			return err
		}
		return loadAll(tx, bucketAssignments, assignmentMembers, func(id directory.ID, assignment directory.Assignment) {
			assignment.ID = id
			catalog.Assignments = append(catalog.Assignments, assignment)
		})
	})
	if err != nil {
		return directory.Catalog{}, err
	}
	return catalog, nil
}

func loadAll[T any](tx *bbolt.Tx, bucket []byte, members func(*wire, *T), add func(id directory.ID, value T)) error {
	return tx.Bucket(bucket).ForEach(func(id, row []byte) error {
		var value T
		if err := decode(row, &value, members); err != nil {
			return fmt.Errorf("%s %s: %w", bucket, id, err)
		}
		add(directory.ID(id), value)
		return nil
	})
}

// Write implements directory.Catalogs.
func (s Catalog) Write(ctx context.Context, want uint64, changes []directory.Change, events []audit.Event) error {
	return s.db.write(ctx, "write catalog", func(tx *bbolt.Tx) error {
		version, err := catalogVersion(tx)
		if err != nil {
			return err
		}
		if version != want {
			return directory.ErrConflict
		}
		appending := appendEvent
		if len(changes) > 0 && !slices.ContainsFunc(changes, func(c directory.Change) bool { return !c.Remove }) {
			appending = appendEnd
		}
		for i := range events {
			if err := appending(tx, &events[i]); err != nil {
				return err
			}
		}
		for i := range changes {
			if err := applyChange(tx, &changes[i]); err != nil {
				return err
			}
		}
		return tx.Bucket(bucketCatalog).Put(keyVersion, binary.BigEndian.AppendUint64(nil, version+1))
	})
}

func applyChange(tx *bbolt.Tx, change *directory.Change) error {
	var bucket, row []byte
	var id directory.ID
	switch {
	case change.Organization != nil:
		bucket, id, row = bucketOrganizations, change.Organization.ID, encode(change.Organization, organizationMembers)
	case change.Group != nil:
		bucket, id, row = bucketGroups, change.Group.ID, encode(change.Group, groupMembers)
	case change.Assignment != nil:
		bucket, id, row = bucketAssignments, change.Assignment.ID, encode(change.Assignment, assignmentMembers)
	default:
		return errors.New("a change of nothing")
	}
	if change.Remove {
		return tx.Bucket(bucket).Delete([]byte(id))
	}
	return tx.Bucket(bucket).Put([]byte(id), row)
}
