package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/testenv"
)

// native is the platform that this test runs on, if releases have it.
func native(t *testing.T) target {
	t.Helper()
	wanted := target{runtime.GOOS, runtime.GOARCH}
	if wanted.os == "windows" || !slices.Contains(targets, wanted) {
		t.Skip("a release has no archive that runs here and is a tar")
	}
	return wanted
}

// extract unpacks a .tar.gz and returns its one folder.
func extract(t *testing.T, archive, dir string) string {
	t.Helper()
	file, err := os.Open(archive)
	require.NoError(t, err)
	defer file.Close()
	unzipped, err := gzip.NewReader(file)
	require.NoError(t, err)
	folder := ""
	for reader := tar.NewReader(unzipped); ; {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return filepath.Join(dir, folder)
		}
		require.NoError(t, err)
		folder, _, _ = strings.Cut(header.Name, "/")
		path := filepath.Join(dir, header.Name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		content, err := io.ReadAll(reader)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(path, content, os.FileMode(header.Mode)))
	}
}

// TestArchive makes a release of the working tree for this platform and uses it as
// somebody does who has downloaded it.
func TestArchive(t *testing.T) {
	testenv.Need(t, "git")
	here, out := native(t), t.TempDir()
	left := filepath.Join(out, "cambio_0.0.9_linux_amd64.tar.gz")
	require.NoError(t, os.WriteFile(left, nil, 0o600))
	require.NoError(t, run(t.Context(), []string{"-root", root, "-out", out, "-targets", here.String(), "-modified"}))
	require.NoFileExists(t, left, "what a former run left")

	version, err := os.ReadFile(filepath.Join(root, "VERSION"))
	require.NoError(t, err)
	name := "cambio_" + strings.TrimSpace(string(version)) + "_" + here.os + "_" + here.arch
	sums, err := os.ReadFile(filepath.Join(out, sumsFile))
	require.NoError(t, err)
	require.Equal(t, sum(t, filepath.Join(out, name+".cdx.json"))+sum(t, filepath.Join(out, name+".tar.gz")), string(sums))

	folder := extract(t, filepath.Join(out, name+".tar.gz"), t.TempDir())
	require.Equal(t, name, filepath.Base(folder))
	for _, file := range []string{
		"README.md", "LICENSE", "THIRD_PARTY_LICENSES.txt", "completions/_cambio", "completions/cambio.bash", "completions/cambio.fish",
		"completions/cambio.ps1", "man/man1/cambio.1", "man/man1/cambio-serve.1", "systemd/cambio.service",
	} {
		require.FileExists(t, filepath.Join(folder, file))
	}
	binary := filepath.Join(folder, "cambio")
	printed, err := exec.CommandContext(t.Context(), binary, "version", "-o", "json").Output()
	require.NoError(t, err)
	var said struct{ Version, Revision, Time, Go string }
	require.NoError(t, json.Unmarshal(printed, &said))
	require.Equal(t, "v"+strings.TrimSpace(string(version)), said.Version)
	require.Len(t, said.Revision, 40)
	require.NotEmpty(t, said.Time)
	require.Equal(t, runtime.Version(), said.Go)
	requireBill(t, filepath.Join(out, name+".cdx.json"), binary)

	t.Setenv("CAMBIO_BINARY", binary)
	server := testenv.Dev(t)
	response, err := server.Client().Get(server.Info.Addr + "/readyz")
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, http.StatusOK, response.StatusCode)
}

func sum(t *testing.T, file string) string {
	t.Helper()
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	return fmt.Sprintf("%x  %s\n", sha256.Sum256(content), filepath.Base(file))
}

// requireBill checks that the bill of materials is of that binary, and has all that
// go version -m finds in it.
func requireBill(t *testing.T, file, binary string) {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	var b bill
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	require.NoError(t, decoder.Decode(&b))
	content, err := os.ReadFile(binary)
	require.NoError(t, err)
	require.Equal(t, fmt.Sprintf("%x", sha256.Sum256(content)), b.Metadata.Component.Hashes[0].Content)
	info, err := buildinfo.ReadFile(binary)
	require.NoError(t, err)
	var want, got []string
	for _, dep := range info.Deps {
		want = append(want, dep.Path+" "+dep.Version+" "+dep.Sum)
	}
	for _, c := range b.Components {
		require.NotEmpty(t, c.Licenses[0].Expression, c.Name)
		if c.Properties != nil {
			got = append(got, c.Name+" "+c.Version+" "+c.Properties[0].Value)
		}
	}
	require.ElementsMatch(t, want, got)
	require.Len(t, b.Components, len(want)+1+len(embedded), "and Go's own library, and what is embedded")
}

// TestBuildIsReproducible builds the commit in two checkouts. make dist-check does so
// without a cache, and for whole archives.
func TestBuildIsReproducible(t *testing.T) {
	git := testenv.Need(t, "git")
	var digests []string
	for _, dir := range []string{"a", "elsewhere/and/deeper"} {
		checkout := filepath.Join(t.TempDir(), dir)
		output, err := exec.CommandContext(t.Context(), git, "clone", "--quiet", root, checkout).CombinedOutput()
		require.NoError(t, err, "%s", output)
		r := release{root: checkout, scratch: t.TempDir(), version: "1.2.3"}
		b, err := r.build(t.Context(), target{runtime.GOOS, runtime.GOARCH})
		require.NoError(t, err)
		require.NoError(t, r.check(b), "a checkout as it was committed")
		require.NotContains(t, string(b.content), checkout)
		digests = append(digests, fmt.Sprintf("%x", sha256.Sum256(b.content)))
	}
	require.Equal(t, digests[0], digests[1])
}

func TestCheck(t *testing.T) {
	for name, tc := range map[string]struct {
		tag, modified string
		accepts, good bool
	}{
		"a commit without a tag":  {tag: "v0.0.0-20261126121816-29002bb1eea8", modified: "false", good: true},
		"with its tag":            {tag: "v1.2.3", modified: "false", good: true},
		"with another's tag":      {tag: "v1.2.4", modified: "false"},
		"with changes":            {tag: "v1.2.3+dirty", modified: "true"},
		"with changes, knowingly": {tag: "v1.2.3+dirty", modified: "true", accepts: true, good: true},
		"of no commit":            {tag: "(devel)"},
	} {
		t.Run(name, func(t *testing.T) {
			info := &debug.BuildInfo{Main: debug.Module{Version: tc.tag}}
			if tc.modified != "" {
				info.Settings = []debug.BuildSetting{{Key: "vcs.modified", Value: tc.modified}}
			}
			r := release{version: "1.2.3", modified: tc.accepts}
			require.Equal(t, tc.good, r.check(&built{info: info, version: "v1.2.3"}) == nil)
		})
	}
}

func TestArchivesDependOnTheirContentAlone(t *testing.T) {
	at := time.Date(2026, 11, 26, 12, 0, 0, 0, time.FixedZone("east", 3600))
	entries := []entry{{"b", 0o755, []byte("program")}, {"a", 0o644, []byte("text")}}
	for _, suffix := range []string{".tar.gz", ".zip"} {
		one, two := t.TempDir(), t.TempDir()
		require.NoError(t, writeArchive(one, "x", suffix == ".zip", at, slices.Clone(entries)))
		slices.Reverse(entries)
		require.NoError(t, writeArchive(two, "x", suffix == ".zip", at.UTC(), slices.Clone(entries)))
		require.Equal(t, sum(t, filepath.Join(one, "x"+suffix)), sum(t, filepath.Join(two, "x"+suffix)))
	}

	dir := t.TempDir()
	require.NoError(t, writeArchive(dir, "x", true, at, entries))
	reader, err := zip.OpenReader(filepath.Join(dir, "x.zip"))
	require.NoError(t, err)
	defer reader.Close()
	require.Len(t, reader.File, 2)
	require.Equal(t, "x/a", reader.File[0].Name)
	require.Equal(t, os.FileMode(0o755), reader.File[1].Mode())
	require.True(t, reader.File[0].Modified.Equal(at))
}

func TestParseTargets(t *testing.T) {
	all, err := parseTargets("")
	require.NoError(t, err)
	require.Len(t, all, 5)
	some, err := parseTargets("windows/amd64,linux/arm64")
	require.NoError(t, err)
	require.Equal(t, []target{{"windows", "amd64"}, {"linux", "arm64"}}, some)
	_, err = parseTargets("plan9/386")
	require.ErrorContains(t, err, "no such target")
}

func TestBuildEnvIsNobodysOwn(t *testing.T) {
	env := buildEnv([]string{"HOME=/h", "GOFLAGS=-tags=mine", "GOAMD64=v4", "CGO_ENABLED=1"}, target{"linux", "amd64"})
	require.Contains(t, env, "HOME=/h")
	require.NotContains(t, strings.Join(env, " "), "mine")
	require.NotContains(t, env, "GOAMD64=v4")
	require.Contains(t, env, "CGO_ENABLED=0")
}

func TestPURL(t *testing.T) {
	require.Equal(t, "pkg:golang/example.com/m@v2.0.3%2Bincompatible", purl("example.com/m", "v2.0.3+incompatible"))
}
