package bolt

import (
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/id"
	"github.com/cambio-sts/cambio/pat"
)

// TestCopyUsedCopiesAll: there is nothing in an answer, besides what copyUsed clones, that
// two answers could share and one of them change.
func TestCopyUsedCopiesAll(t *testing.T) {
	var shared []string
	var walk func(path string, of reflect.Type)
	walk = func(path string, of reflect.Type) {
		switch of.Kind() {
		case reflect.Struct:
			if of == reflect.TypeFor[time.Time]() {
				return // not to be changed
			}
			for field := range of.Fields() {
				walk(path+"."+field.Name, field.Type)
			}
		case reflect.Array:
			walk(path, of.Elem())
		case reflect.Slice, reflect.Map, reflect.Pointer, reflect.Interface, reflect.Chan, reflect.Func:
			shared = append(shared, path)
		default: // has no parts
		}
	}
	walk("", reflect.TypeFor[pat.Used]())
	require.Equal(t, []string{".Record.Scope", ".Record.Audience", ".Record.Networks", ".Record.OldUses", ".Record.Lineage", ".Owner.Groups"}, shared)
}

// ofOne returns a file with one token, and how it is presented.
func ofOne(t *testing.T) (*DB, pat.Presentation) {
	t.Helper()
	db, err := Open(Config{Path: filepath.Join(t.TempDir(), "cambio.db"), Create: true, Now: time.Now})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	record := aSmallToken()
	require.NoError(t, db.write(t.Context(), "put", func(tx *bbolt.Tx) error { return putToken(tx, nil, &record) }))
	return db, pat.Presentation{ID: record.ID, Candidates: []pat.Digest{record.Verifier.Current}, Now: time.Now()}
}

// aSmallToken returns one whose owner is gone.
func aSmallToken() pat.Record {
	made, owner := id.New(), directory.ID(id.New())
	return pat.Record{
		ID: pat.ID(made), Organization: owner, Owner: owner, Name: made, State: pat.StateActive,
		Verifier: pat.Verifier{Current: pat.Digest{Pepper: 1, Sum: [32]byte{1}}},
	}
}

// TestOthersUsedOnce: a token stays remembered while others that share its slot are used
// once each, and not when one of them is used again.
func TestOthersUsedOnce(t *testing.T) {
	db, p := ofOne(t)
	use := func(p pat.Presentation) {
		used, err := db.Uses().Use(t.Context(), p)
		require.NoError(t, err)
		require.Equal(t, p.ID, used.Record.ID)
	}
	slot, _ := db.recent.slot(p.ID)
	var others []pat.Presentation
	require.NoError(t, db.write(t.Context(), "put", func(tx *bbolt.Tx) error {
		for len(others) < 3 {
			other := aSmallToken()
			if theirs, _ := db.recent.slot(other.ID); theirs != slot {
				continue
			}
			if err := putToken(tx, nil, &other); err != nil {
				return err
			}
			others = append(others, pat.Presentation{ID: other.ID, Candidates: p.Candidates, Now: p.Now})
		}
		return nil
	}))
	use(p)
	require.Nil(t, slot.token.Load())
	use(p)
	for _, other := range others {
		use(other)
		require.Equal(t, p.ID, slot.token.Load().used.Record.ID)
	}
	use(others[2])
	require.Equal(t, others[2].ID, slot.token.Load().used.Record.ID)
}

// TestNothingSentIsRemembered: the id of a token is a part of what was sent, with its
// secret; what is remembered is not, and nothing of that stays in memory.
func TestNothingSentIsRemembered(t *testing.T) {
	db, p := ofOne(t)
	slot, _ := db.recent.slot(p.ID)
	const long = 64 << 20
	func() {
		sent := strings.Repeat("x", long) + string(p.ID)
		p := pat.Presentation{ID: pat.ID(sent[long:]), Candidates: p.Candidates, Now: p.Now}
		for range 2 {
			_, err := db.Uses().Use(t.Context(), p)
			require.NoError(t, err)
		}
	}()
	require.Equal(t, p.ID, slot.token.Load().used.Record.ID)
	var memory runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&memory)
	require.Less(t, memory.HeapAlloc, uint64(long))
	runtime.KeepAlive(db)
}

// TestNothingDoubtfulIsRemembered: not what could not be read whole, nor what may not lie
// on the disk; and nothing stays that a write has made stale, once it is looked for.
func TestNothingDoubtfulIsRemembered(t *testing.T) {
	db, p := ofOne(t)
	slot, _ := db.recent.slot(p.ID)
	use := func() error {
		_, err := db.Uses().Use(t.Context(), p)
		return err
	}
	db.unsettled.Store(true)
	for range 3 {
		require.NoError(t, use())
		require.Nil(t, slot.token.Load())
	}
	db.unsettled.Store(false)
	require.NoError(t, use())
	require.NoError(t, use())
	require.NotNil(t, slot.token.Load())

	var row []byte
	require.NoError(t, db.write(t.Context(), "damage", func(tx *bbolt.Tx) error {
		tokens := tx.Bucket(bucketTokens)
		row = append(row, tokens.Get([]byte(p.ID))...)
		return tokens.Put([]byte(p.ID), append(row, 0xFF))
	}))
	for range 3 {
		require.Error(t, use())
		require.Nil(t, slot.token.Load())
	}
}
