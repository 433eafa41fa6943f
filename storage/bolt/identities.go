package bolt

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"

	"go.etcd.io/bbolt"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/id"
	"github.com/cambio-sts/cambio/pat"
)

// Identities is the directory.Identities of a DB.
type Identities struct{ db *DB }

var _ directory.Identities = Identities{}

// Identities returns the identities of the file.
func (db *DB) Identities() directory.Identities { return Identities{db} }

// Create implements directory.Identities. directory.ErrConflict if the id exists.
func (s Identities) Create(ctx context.Context, identity directory.Identity, event audit.Event) error {
	return s.db.write(ctx, "create identity", func(tx *bbolt.Tx) error {
		if !id.Valid(string(identity.ID)) {
			return errBadID
		}
		if tx.Bucket(bucketIdentities).Get([]byte(identity.ID)) != nil {
			return directory.ErrConflict
		}
		if loginTaken(tx, &identity) {
			return directory.ErrNameTaken
		}
		if err := appendEvent(tx, &event); err != nil {
			return err
		}
		return s.put(tx, nil, &identity)
	})
}

// Find implements directory.Identities.
func (s Identities) Find(ctx context.Context, id directory.ID) (directory.Identity, error) {
	var identity directory.Identity
	err := s.db.read(ctx, "find identity", func(tx *bbolt.Tx) (err error) {
		identity, err = s.load(tx, id)
		return err
	})
	return identity, err
}

// FindByLogin implements directory.Identities.
func (s Identities) FindByLogin(
	ctx context.Context, organization directory.ID, kind directory.LoginKind, key string,
) (directory.Identity, error) {
	var identity directory.Identity
	err := s.db.read(ctx, "find identity by login", func(tx *bbolt.Tx) (err error) {
		found := tx.Bucket(bucketLogins).Get(loginKey(organization, kind, key))
		if found == nil {
			return directory.ErrNotFound
		}
		identity, err = s.load(tx, directory.ID(found))
		return err
	})
	return identity, err
}

// Replace implements directory.Identities. Errors besides ErrConflict:
// directory.ErrNotFound, directory.ErrNameTaken.
func (s Identities) Replace(ctx context.Context, identity directory.Identity, event audit.Event) error {
	return s.db.write(ctx, "replace identity", func(tx *bbolt.Tx) error {
		before, err := s.load(tx, identity.ID)
		if err != nil {
			return err
		}
		if before.Revision != identity.Revision {
			return directory.ErrConflict
		}
		if loginTaken(tx, &identity) {
			return directory.ErrNameTaken
		}
		appending := appendEvent
		if before.LosesBy(&identity) {
			appending = appendEnd
		}
		if err := appending(tx, &event); err != nil {
			return err
		}
		if err := s.db.tellDisabled(tx, &before, &identity); err != nil {
			return err
		}
		next := identity
		next.Revision++
		return s.put(tx, &before, &next)
	})
}

// Delete implements directory.Identities. directory.ErrNotFound.
func (s Identities) Delete(ctx context.Context, id directory.ID, event audit.Event) error {
	return s.db.write(ctx, "delete identity", func(tx *bbolt.Tx) error {
		before, err := s.load(tx, id)
		if err != nil {
			return err
		}
		owned, err := s.ownedBy(tx, id)
		if err != nil {
			return err
		}
		if err := appendEnd(tx, &event); err != nil {
			return err
		}
		ended := make([]pat.Ended, 0, len(owned))
		for i := range owned {
			gone := pat.DeletedWithOwner(&event, &owned[i])
			if err := appendEnd(tx, &gone); err != nil {
				return err
			}
			if err := putToken(tx, &owned[i], nil); err != nil {
				return err
			}
			ended = append(ended, endedToken(owned[i].ID, pat.EveryGeneration))
		}
		if err := s.db.tell(tx, ended...); err != nil {
			return err
		}
		return s.put(tx, &before, nil)
	})
}

func (s Identities) ownedBy(tx *bbolt.Tx, owner directory.ID) ([]pat.Record, error) {
	var owned []pat.Record
	c, prefix := tx.Bucket(bucketByOwner).Cursor(), join(string(owner), "")
	for k, _ := c.Seek(prefix); bytes.HasPrefix(k, prefix); k, _ = c.Next() {
		record, err := mustToken(tx, pat.ID(k[len(prefix):]))
		if err != nil {
			return nil, err
		}
		owned = append(owned, record)
	}
	return owned, nil
}

// FindAll implements directory.Identities.
func (s Identities) FindAll(ctx context.Context, ids []directory.ID) (map[directory.ID]directory.Identity, error) {
	found := make(map[directory.ID]directory.Identity, len(ids))
	err := s.db.read(ctx, "find identities", func(tx *bbolt.Tx) error {
		for _, id := range ids {
			identity, err := s.load(tx, id)
			if errors.Is(err, directory.ErrNotFound) {
				continue
			}
			if err != nil {
				return err
			}
			found[id] = identity
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return found, nil
}

// List implements directory.Identities. Equal times come by id.
func (s Identities) List(ctx context.Context, organization directory.ID) iter.Seq2[directory.Identity, error] {
	return s.list(ctx, "list identities", bucketIdentitiesByTime, organization)
}

// Members implements directory.Identities.
func (s Identities) Members(ctx context.Context, group directory.ID) iter.Seq2[directory.Identity, error] {
	return s.list(ctx, "list members", bucketMembers, group)
}

// list yields the identities that an index has of something, in its order.
func (s Identities) list(ctx context.Context, what string, index []byte, of directory.ID) iter.Seq2[directory.Identity, error] {
	return func(yield func(directory.Identity, error) bool) {
		prefix := join(string(of), "")
		from := prefix
		for from != nil {
			var slice []directory.Identity
			err := s.db.read(ctx, what, func(tx *bbolt.Tx) (err error) {
				slice, from, err = s.slice(tx, index, prefix, from)
				return err
			})
			if err != nil {
				yield(directory.Identity{}, err)
				return
			}
			for i := range slice {
				if !yield(slice[i], nil) {
					return
				}
			}
		}
	}
}

// slice reads the identities from the key from on, and returns the key to go on
// from; nil at the end.
func (s Identities) slice(tx *bbolt.Tx, index, prefix, from []byte) (out []directory.Identity, next []byte, err error) {
	c := tx.Bucket(index).Cursor()
	k, _ := c.Seek(from)
	for range listSlice {
		if !bytes.HasPrefix(k, prefix) {
			return out, nil, nil
		}
		identity, err := s.load(tx, directory.ID(k[len(k)-id.Len:]))
		if err != nil {
			return nil, nil, err
		}
		out = append(out, identity)
		k, _ = c.Next()
	}
	return out, bytes.Clone(k), nil
}

func (s Identities) load(tx *bbolt.Tx, id directory.ID) (directory.Identity, error) {
	row := tx.Bucket(bucketIdentities).Get([]byte(id))
	if row == nil {
		return directory.Identity{}, directory.ErrNotFound
	}
	var identity directory.Identity
	err := decodeIdentity(id, row, &identity)
	return identity, err
}

// put stores next in place of before; either may be nil.
func (s Identities) put(tx *bbolt.Tx, before, next *directory.Identity) error {
	if err := reindex(tx, identityEntries(before), identityEntries(next)); err != nil {
		return err
	}
	identities := tx.Bucket(bucketIdentities)
	if next == nil {
		return identities.Delete([]byte(before.ID))
	}
	if err := identities.Put([]byte(next.ID), encode(next, identityMembers)); err != nil {
		return fmt.Errorf("put identity: %w", err)
	}
	return nil
}

func identityEntries(i *directory.Identity) []entry {
	if i == nil {
		return nil
	}
	entries := []entry{{bucketIdentitiesByTime, join(string(i.Organization), string(sortable(millis(i.Created))), string(i.ID)), nil}}
	for _, key := range loginKeys(i) {
		entries = append(entries, entry{bucketLogins, key, []byte(i.ID)})
	}
	return append(entries, memberEntries(i)...)
}

// memberEntries lists the groups that have an identity among their members.
func memberEntries(i *directory.Identity) []entry {
	var entries []entry
	for _, group := range i.Groups {
		if id.Valid(string(group)) {
			entries = append(entries, entry{bucketMembers, join(string(group), string(i.ID)), nil})
		}
	}
	return entries
}

// loginKeys lists the names by which an identity is found; an empty one is none.
func loginKeys(i *directory.Identity) [][]byte {
	var keys [][]byte
	if i.Username != "" {
		keys = append(keys, loginKey(i.Organization, directory.ByUsername, i.Username))
	}
	if i.ExternalID != "" {
		keys = append(keys, loginKey(i.Organization, directory.ByExternalID, i.ExternalID))
	}
	if i.Subject != "" {
		keys = append(keys, loginKey(i.Organization, directory.ByProvider, directory.ProviderKey(i.Issuer, i.Subject)))
	}
	return keys
}

func loginKey(organization directory.ID, kind directory.LoginKind, key string) []byte {
	return join(string(organization), string(kind), key)
}

func loginTaken(tx *bbolt.Tx, i *directory.Identity) bool {
	logins := tx.Bucket(bucketLogins)
	for _, key := range loginKeys(i) {
		if by := logins.Get(key); by != nil && string(by) != string(i.ID) {
			return true
		}
	}
	return false
}
