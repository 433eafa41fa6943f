//go:build linux

package bolt_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/fault"
	"github.com/cambio-sts/cambio/pat"
	"github.com/cambio-sts/cambio/storage/bolt"
)

// childEnv makes the test binary be one of the processes below.
const childEnv = "CAMBIO_BOLT_CHILD"

func TestMain(m *testing.M) {
	switch path := os.Getenv("CAMBIO_BOLT_PATH"); os.Getenv(childEnv) {
	case "writer":
		exit(writer(path))
	case "full":
		exit(fullDisk(path))
	default:
		os.Exit(m.Run())
	}
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func child(t *testing.T, role, path string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+role, "CAMBIO_BOLT_PATH="+path)
	return cmd
}

// writer creates and revokes tokens for ever, eight at a time, and says what
// was acknowledged.
func writer(path string) error {
	db, err := bolt.Open(bolt.Config{Path: path, Now: time.Now})
	if err != nil {
		return err
	}
	var owners []directory.ID
	for identity, err := range db.Identities().List(context.Background(), tenant) {
		if err != nil {
			return err
		}
		owners = append(owners, identity.ID)
	}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for err == nil {
				record := aToken(owners[rand.IntN(len(owners))])
				if err := db.PATs().Create(context.Background(), record, 0, anEvent(audit.TokenCreated)); err != nil {
					exit(err)
				}
				say("created", record.ID)
				if rand.IntN(2) == 0 {
					continue
				}
				r := pat.Revocation{ID: record.ID, Generation: 1, To: pat.StateRevoked, At: time.Now(), By: record.Owner}
				if _, _, err := db.PATs().Revoke(context.Background(), r, anEvent(audit.TokenRevoked)); err != nil {
					exit(err)
				}
				say("revoked", record.ID)
			}
		})
	}
	all.Wait()
	return nil
}

// say writes a line at once.
func say(what string, token pat.ID) {
	_, _ = io.WriteString(os.Stdout, what+" "+string(token)+"\n")
}

// TestKill kills a writing process again and again (A101): the file opens and
// has all that was acknowledged, each change with its event.
func TestKill(t *testing.T) {
	times := 20
	if os.Getenv("CAMBIO_MARATHON") == "1" {
		times = 200
	}
	path := filepath.Join(t.TempDir(), "cambio.db")
	db := open(t, path)
	for range times { // however quick the writers are, nobody gets pat.MaxRecords tokens
		anOwner(t, db)
	}
	require.NoError(t, db.Close())
	acknowledged := map[pat.ID]pat.State{}
	for range times {
		killOne(t, path, acknowledged)
		checkTree(t, path)
		db, err := bolt.Open(bolt.Config{Path: path, Now: time.Now})
		require.NoError(t, err)
		for token, state := range acknowledged {
			record, err := db.PATs().Find(t.Context(), token)
			require.NoError(t, err, "an acknowledged token is gone")
			if state == pat.StateRevoked {
				require.Equal(t, state, record.State, "an acknowledged revocation is gone")
			}
		}
		checkIndexes(t, db)
		require.NoError(t, db.Close())
	}
	require.NotEmpty(t, acknowledged)
}

// killOne lets a writer run until some of its lines were read, and kills it.
func killOne(t *testing.T, path string, acknowledged map[pat.ID]pat.State) {
	t.Helper()
	cmd := child(t, "writer", path)
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	lines := bufio.NewReader(out)
	for left := rand.IntN(200); ; left-- {
		if left == 0 {
			require.NoError(t, cmd.Process.Kill())
		}
		line, err := lines.ReadString('\n')
		if err != nil { // also what was said between the last line and the kill is read
			break
		}
		what, token, _ := strings.Cut(strings.TrimSpace(line), " ")
		acknowledged[pat.ID(token)] = map[string]pat.State{"created": pat.StateActive, "revoked": pat.StateRevoked}[what]
	}
	_ = cmd.Wait()
	require.Empty(t, complaint.String())
}

// checkIndexes proves that every index has every token, and the outbox the
// event of every change, and the log all that ended.
func checkIndexes(t *testing.T, db *bolt.DB) {
	t.Helper()
	byHolder, revoked, total := map[pat.ID]bool{}, 0, 0
	for identity, err := range db.Identities().List(t.Context(), tenant) {
		require.NoError(t, err)
		for record, err := range db.PATs().List(t.Context(), pat.Query{Organization: tenant, Holder: identity.ID}) {
			require.NoError(t, err)
			byHolder[record.ID] = true
		}
	}
	for record, err := range db.PATs().List(t.Context(), pat.Query{Organization: tenant}) {
		require.NoError(t, err)
		require.True(t, byHolder[record.ID])
		total++
		if record.State == pat.StateRevoked {
			revoked++
		}
	}
	require.Len(t, byHolder, total)
	events := map[audit.Name]int{audit.TokenCreated: 0, audit.TokenRevoked: 0}
	pending, err := db.Outbox().Pending(t.Context(), 1_000_000)
	require.NoError(t, err)
	for _, stored := range pending {
		for _, name := range []audit.Name{audit.TokenCreated, audit.TokenRevoked} {
			if bytes.Contains(stored.Event, []byte(name)) {
				events[name]++
			}
		}
	}
	require.Equal(t, map[audit.Name]int{audit.TokenCreated: total, audit.TokenRevoked: revoked}, events)
	ended, err := db.Ended().Follow().Next(t.Context())
	require.NoError(t, err)
	require.Len(t, ended, revoked)
	for _, one := range ended {
		record, err := db.PATs().Find(t.Context(), pat.ID(one.ID))
		require.NoError(t, err)
		require.Equal(t, pat.StateRevoked, record.State)
	}
}

// TestFullDisk lets a process run into the largest size of a file that it may
// have (A103). What fullDisk finds wrong it says.
func TestFullDisk(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cambio.db")
	out, err := child(t, "full", path).CombinedOutput()
	require.NoError(t, err, string(out))
	checkTree(t, path)
	open(t, path)
}

func fullDisk(path string) error {
	signal.Ignore(syscall.SIGXFSZ)
	db, err := bolt.Open(bolt.Config{Path: path, Create: true, Now: time.Now})
	if err != nil {
		return err
	}
	ctx := context.Background()
	owner := directory.Identity{ID: tenant, Organization: tenant, Username: "owner", Enabled: true, Revision: 1}
	if err := db.Identities().Create(ctx, owner, anEvent(audit.IdentityCreated)); err != nil {
		return err
	}
	create := func() (pat.Record, error) {
		record := aToken(owner.ID)
		return record, db.PATs().Create(ctx, record, 0, anEvent(audit.TokenCreated))
	}
	var first pat.Record
	for range 200 {
		if first, err = create(); err != nil {
			return err
		}
	}
	page := uint64(os.Getpagesize())
	// No growth; no page but the meta pages and a few more; nothing at all.
	for _, room := range []func() uint64{func() uint64 { return sizeOf(path) }, func() uint64 { return 4 * page }, func() uint64 { return 0 }} {
		kept := []pat.Record{first}
		if err := limitFiles(room()); err != nil {
			return err
		}
		var refused pat.Record
		for err = nil; err == nil; {
			if refused, err = create(); err == nil {
				kept = append(kept, refused)
			}
			if len(kept) > 20000 {
				return errors.New("the limit was not reached")
			}
		}
		if !errors.Is(err, fault.ErrUnavailable) {
			return fmt.Errorf("create on a full disk: %w", err)
		}
		for i := range kept {
			if used, err := db.Uses().Use(ctx, presented(&kept[i])); err != nil || used.Record.ID != kept[i].ID || used.Owner.ID != owner.ID {
				return fmt.Errorf("use on a full disk: %v, %w", used.Record.ID, err)
			}
		}
		if _, err := db.PATs().Find(ctx, refused.ID); !errors.Is(err, pat.ErrNotFound) {
			return fmt.Errorf("find a token that was refused: %w", err)
		}
		if err := limitFiles(1 << 40); err != nil {
			return err
		}
		if _, err := create(); err != nil {
			return fmt.Errorf("create after there is room again: %w", err)
		}
		if _, changed, err := db.PATs().Revoke(ctx, pat.Revocation{ID: kept[len(kept)-1].ID, Generation: 1, To: pat.StateRevoked}, anEvent(audit.TokenRevoked)); err != nil || (!changed && len(kept) > 1) {
			return fmt.Errorf("revoke after there is room again: %w", err)
		}
		if first, err = create(); err != nil {
			return err
		}
	}
	return db.Close()
}

func sizeOf(path string) uint64 {
	info, err := os.Stat(path)
	if err != nil {
		exit(err)
	}
	return uint64(info.Size())
}

func limitFiles(size uint64) error {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		return err
	}
	limit.Cur = min(size, limit.Max)
	return syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit)
}
