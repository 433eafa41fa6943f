package bolt

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"go.etcd.io/bbolt"
)

// The version of the layout that doc.go describes.
const formatVersion = "3"

// allBuckets are made with the file.
func allBuckets() [][]byte {
	return [][]byte{
		bucketAbout,
		bucketTokens, bucketNames, bucketByHolder, bucketByTime, bucketByAncestor, bucketByOwner, bucketCounts, bucketJTIs, bucketJTIExpiry,
		bucketIdentities, bucketIdentitiesByTime, bucketMembers, bucketLogins,
		bucketOrganizations, bucketGroups, bucketAssignments, bucketCatalog,
		bucketKeys, bucketOutbox, bucketEnded, bucketKept, bucketKeptExpiry,
	}
}

// createFile makes a new file at path: whole and synced under another name, then
// linked to its place. A link, unlike a rename, never replaces what somebody
// else put there meanwhile; then that is the file to open.
func createFile(path string) error {
	fail := func(err error) error {
		return &FileError{
			Path: path, Cause: "the file cannot be made: " + err.Error(),
			Fix: "make its folder, on a local disk that has room and where the user that runs cambio may write", err: err,
		}
	}
	folder, name := filepath.Split(path)
	if folder == "" {
		folder = "."
	}
	temp, err := os.CreateTemp(folder, "."+name+".new-*") // with permissions 0600
	if err != nil {
		return fail(err)
	}
	defer func() { _ = os.Remove(temp.Name()) }()
	if err := temp.Close(); err != nil {
		return fail(err)
	}
	if err := fillFile(temp.Name()); err != nil {
		return fail(err)
	}
	if err := os.Link(temp.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return fail(err)
	}
	if err := syncFolder(folder); err != nil {
		return fail(err)
	}
	return nil
}

// fillFile makes an empty database of the file at path.
func fillFile(path string) error {
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{FreelistType: bbolt.FreelistMapType, Timeout: defaultLockTimeout})
	if err != nil {
		return fmt.Errorf("make database: %w", err)
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		for _, name := range allBuckets() {
			if _, err := tx.CreateBucket(name); err != nil {
				return fmt.Errorf("make bucket %s: %w", name, err)
			}
		}
		return tx.Bucket(bucketAbout).Put(keyFormat, []byte(formatVersion))
	})
	if err == nil {
		err = db.Sync()
	}
	return errors.Join(err, db.Close())
}

// syncFolder makes the entry of a new file in it last.
func syncFolder(path string) error {
	folder, err := os.Open(path) //nolint:gosec // the folder of the configured file
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// checkFormat tells a file of this layout from any other bbolt file.
func checkFormat(tx *bbolt.Tx, path string) error {
	about := tx.Bucket(bucketAbout)
	if about == nil {
		return &FileError{Path: path, Cause: "it is a bbolt database, but not one of Cambio", Fix: "name Cambio's own file, or move this one away"}
	}
	if version := string(about.Get(keyFormat)); version != formatVersion {
		return &FileError{
			Path: path, Cause: fmt.Sprintf("its layout has version %q, this program knows %q", version, formatVersion),
			Fix: "run the version of cambio that wrote it, or a later one; or restore a backup from before the upgrade with `cambio restore --replace`",
		}
	}
	for _, name := range allBuckets() {
		if tx.Bucket(name) == nil {
			return damaged(path, fmt.Sprintf("bucket %s is missing", name))
		}
	}
	return nil
}
