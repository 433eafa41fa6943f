package storagetest

import (
	"fmt"
	"net/netip"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/id"
	"github.com/cambio-sts/cambio/pat"
)

// filled returns a T each of whose fields, however deep, differs from its zero
// value and from the others. A field that is added to T is filled too, and so
// fails the round trip of a store that does not keep it.
func filled[T any](t *testing.T) T {
	t.Helper()
	var (
		out T
		f   filler
	)
	f.fill(t, reflect.ValueOf(&out).Elem())
	return out
}

type filler struct{ n int }

func (f *filler) fill(t *testing.T, v reflect.Value) {
	t.Helper()
	f.n++
	switch v.Interface().(type) {
	case time.Time:
		v.Set(reflect.ValueOf(time.UnixMilli(1_700_000_000_123 + int64(f.n)*3_600_007).UTC()))
		return
	case netip.Prefix:
		v.Set(reflect.ValueOf(netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 1, byte(f.n % 250), 0}), 24))) //nolint:gosec // below 250
		return
	case time.Duration:
		v.SetInt(int64(time.Duration(f.n) * time.Second))
		return
	case pat.ID, directory.ID:
		v.SetString(id.New())
		return
	}
	f.fillKind(t, v)
}

func (f *filler) fillKind(t *testing.T, v reflect.Value) {
	t.Helper()
	switch v.Kind() {
	case reflect.Struct:
		for _, field := range v.Fields() {
			f.fill(t, field)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		f.elements(t, v)
	case reflect.Array:
		f.elements(t, v)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		f.fill(t, v.Elem())
	case reflect.String:
		v.SetString(fmt.Sprintf("{%d} \"ü\" \\ / <b>\u2028", f.n))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(int64(f.n%100) + 1)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(uint64(f.n%100) + 1) //nolint:gosec // f.n counts fields
	default:
		require.Failf(t, "unknown kind", "teach the filler %s", v.Type())
	}
}

func (f *filler) elements(t *testing.T, v reflect.Value) {
	t.Helper()
	for i := range v.Len() {
		f.fill(t, v.Index(i))
	}
}

// filledIdentity returns an identity with every field set.
func filledIdentity(t *testing.T) directory.Identity {
	t.Helper()
	out := filled[directory.Identity](t)
	out.Organization = organization
	out.Type = directory.TechnicalUser
	return out
}

// filledRecord returns a REVOKED token with every field set, held by a group and
// owned by owner. Its ancestors lie in other shards.
func filledRecord(t *testing.T, owner directory.ID) pat.Record {
	t.Helper()
	out := filled[pat.Record](t)
	out.ID = pat.NewID(owner)
	out.Organization = organization
	out.Owner = owner
	out.Level = pat.Group
	out.LevelID = directory.ID(id.NewIn(string(owner)))
	out.Lineage = []pat.ID{pat.ID(otherShard(string(owner))), pat.ID(otherShard(string(owner)))}
	out.CreatedByPAT = out.Lineage[1]
	out.State = pat.StateRevoked
	out.RevokeReason = pat.Compromised
	return out
}
