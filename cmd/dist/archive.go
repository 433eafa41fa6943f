package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// sumsFile has a line `<sha256>  <name>` for each file of a release.
const sumsFile = "SHA256SUMS"

// entry is a file of an archive.
type entry struct {
	name    string // with slashes, below the folder of the archive
	mode    fs.FileMode
	content []byte
}

// writeArchive writes name.tar.gz, or name.zip, with the entries in a folder of that
// name. Its bytes depend on the arguments alone.
func writeArchive(dir, name string, zipped bool, at time.Time, entries []entry) error {
	slices.SortFunc(entries, func(a, b entry) int { return strings.Compare(a.name, b.name) })
	pack, suffix := tarred, ".tar.gz"
	if zipped {
		pack, suffix = zippedUp, ".zip"
	}
	archive, err := pack(name+"/", at.UTC(), entries)
	if err != nil {
		return fmt.Errorf("pack %s: %w", name, err)
	}
	if err := os.WriteFile(filepath.Join(dir, name+suffix), archive, 0o644); err != nil { //nolint:gosec // a release is for everybody
		return fmt.Errorf("write the archive: %w", err)
	}
	return nil
}

func tarred(folder string, at time.Time, entries []entry) ([]byte, error) {
	var out bytes.Buffer
	compressor, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	writer := tar.NewWriter(compressor)
	for _, e := range entries {
		header := &tar.Header{
			Typeflag: tar.TypeReg, Name: folder + e.name, Mode: int64(e.mode), Size: int64(len(e.content)), ModTime: at,
			Uname: "root", Gname: "root", Format: tar.FormatUSTAR,
		}
		if err := writer.WriteHeader(header); err != nil {
			return nil, err
		}
		if _, err := writer.Write(e.content); err != nil {
			return nil, err
		}
	}
	if err := writer.Close(); err != nil {
		return nil, err
	}
	if err := compressor.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

func zippedUp(folder string, at time.Time, entries []entry) ([]byte, error) {
	var out bytes.Buffer
	writer := zip.NewWriter(&out)
	for _, e := range entries {
		header := &zip.FileHeader{Name: folder + e.name, Method: zip.Deflate, Modified: at}
		header.SetMode(e.mode)
		file, err := writer.CreateHeader(header)
		if err != nil {
			return nil, err
		}
		if _, err := file.Write(e.content); err != nil {
			return nil, err
		}
	}
	if err := writer.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// writeSums writes the checksums of all files of a folder, as sha256sum -c reads
// them.
func writeSums(dir string) error {
	files, err := filepath.Glob(filepath.Join(dir, "cambio_*")) // sorted
	if err != nil {
		return fmt.Errorf("list the release: %w", err)
	}
	var out strings.Builder
	for _, file := range files {
		content, err := os.ReadFile(file) //nolint:gosec // what was just written
		if err != nil {
			return fmt.Errorf("read the release: %w", err)
		}
		fmt.Fprintf(&out, "%x  %s\n", sha256.Sum256(content), filepath.Base(file))
	}
	if err := os.WriteFile(filepath.Join(dir, sumsFile), []byte(out.String()), 0o644); err != nil { //nolint:gosec // a release is for everybody
		return fmt.Errorf("write the checksums: %w", err)
	}
	return nil
}
