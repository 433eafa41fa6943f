package bolt

import (
	"crypto/sha256"
	"math"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/pat"
)

// drawn is drawn by rapid, with times and digests as they are kept.
func drawn(t *rapid.T) pat.Record {
	text := rapid.String()
	moment := rapid.Map(rapid.Int64Range(1, 253402300799999), func(ms int64) time.Time { return time.UnixMilli(ms).UTC() })
	maybe := rapid.OneOf(rapid.Just(time.Time{}), moment)
	digest := rapid.OneOf(rapid.Just(pat.Digest{}), rapid.Custom(func(t *rapid.T) pat.Digest {
		return pat.Digest{Pepper: rapid.IntRange(1, math.MaxInt32).Draw(t, "pepper"), Sum: sha256.Sum256([]byte(text.Draw(t, "sum")))}
	}))
	list := rapid.OneOf(rapid.Just([]string(nil)), rapid.SliceOfN(text, 0, 4))
	use := rapid.Custom(func(t *rapid.T) pat.OldUse {
		return pat.OldUse{At: maybe.Draw(t, "at"), IP: text.Draw(t, "ip"), UserAgent: text.Draw(t, "agent")}
	})
	return pat.Record{
		Owner: directory.ID(text.Draw(t, "owner")), Name: text.Draw(t, "name"), Scope: list.Draw(t, "scope"), Audience: list.Draw(t, "audience"),
		AdminRole: rapid.Bool().Draw(t, "admin"), AccessTokenLife: time.Duration(rapid.Int64().Draw(t, "life")), Created: moment.Draw(t, "created"),
		Expiration: maybe.Draw(t, "expiration"), Generation: rapid.Int64().Draw(t, "generation"), State: pat.State(text.Draw(t, "state")),
		Verifier: pat.Verifier{Current: digest.Draw(t, "current"), Previous: digest.Draw(t, "previous"), PreviousUntil: maybe.Draw(t, "until")},
		Lineage: rapid.Map(list, func(texts []string) (ids []pat.ID) {
			for _, text := range texts {
				ids = append(ids, pat.ID(text))
			}
			return ids
		}).Draw(t, "lineage"),
		OldUses: rapid.OneOf(rapid.Just([]pat.OldUse(nil)), rapid.SliceOfN(use, 0, 3)).Draw(t, "uses"),
	}
}

func TestTokenRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		record := drawn(t)
		var back pat.Record
		require.NoError(t, decode(encode(&record, tokenMembers), &back, tokenMembers))
		require.Equal(t, record, back)
	})
}

// TestColumnsOfARow: what is not passed over is what it is in the whole record.
func TestColumnsOfARow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		whole := drawn(t)
		columns := pat.Columns(rapid.Uint16Range(0, 1<<11-1).Draw(t, "columns"))
		var got pat.Record
		require.NoError(t, decodeColumns(encode(&whole, tokenMembers), skipped(&pat.Query{Columns: columns}), &got))
		if columns != 0 {
			whole.Audience, whole.Networks, whole.Lineage = nil, nil, nil
		}
		if !columns.Has(pat.ColumnScope) {
			whole.Scope = nil
		}
		require.Equal(t, whole, got)
	})
}

func TestDecodeRefuses(t *testing.T) {
	good := encode(&directory.Identity{Username: "u", Enabled: true, Revision: 300, LastLogin: time.UnixMilli(5)}, identityMembers)
	require.Equal(t, []byte{3, 1, 'u', 9, 2, 11, 10, 15, 0xD8, 4}, good)
	for name, row := range map[string][]byte{
		"unknown member":    append(slices.Clip(good), 16, 2),
		"member twice":      append(slices.Clip(good), 15, 2),
		"out of order":      append([]byte{9, 2}, good...),
		"a byte short":      good[:len(good)-1],
		"text too long":     {3, 2, 'u'},
		"length too long":   {3, 0x80},
		"empty text":        {3, 0},
		"zero integer":      {15, 0},
		"number not short":  {15, 0x82, 0},
		"number too large":  {15, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 2},
		"flag that is two":  {9, 4},
		"list too long":     {12, 3, 1, 'a'},
		"list of a billion": {12, 0x80, 0x94, 0xEB, 0xDC, 3},
	} {
		var identity directory.Identity
		require.ErrorIs(t, decode(row, &identity, identityMembers), errRow, name)
	}
	for name, row := range map[string][]byte{
		"network":            {15, 1, 3, 'a', '/', '8'},
		"network not masked": append([]byte{15, 1, 9}, "::0:0/128"...),
		"digest of no sum":   {1, 2},
		"sum of no digest":   {2, 1, 'a'},
		"short sum":          {1, 2, 2, 1, 'a'},
		"negative pepper":    append([]byte{1, 1, 2, 32}, make([]byte, 32)...),
	} {
		var record pat.Record
		require.ErrorIs(t, decode(row, &record, tokenMembers), errRow, name)
	}
}

// TestVerifierIsTheHead: the verifier is read by itself from the head of any
// row, the longest one too.
func TestVerifierIsTheHead(t *testing.T) {
	longest := pat.Digest{Pepper: math.MaxInt, Sum: sha256.Sum256(nil)}
	latest := time.UnixMilli(math.MaxInt64).UTC()
	rapid.Check(t, func(t *rapid.T) {
		record := drawn(t)
		if rapid.Bool().Draw(t, "longest") {
			record.Verifier = pat.Verifier{Current: longest, Previous: longest, PreviousUntil: latest}
		}
		var verifier pat.Verifier
		require.NoError(t, decodeVerifier(encode(&record, tokenMembers), &verifier))
		require.Equal(t, record.Verifier, verifier)
	})
	var verifier pat.Verifier
	require.NoError(t, decodeVerifier(decoyRow(), &verifier))
	require.False(t, verifier.Current.IsZero())
	require.GreaterOrEqual(t, len(decoyRow()), verifierLen)
}

// FuzzDecodeToken holds that a row has one encoding: what can be read is what
// would be written for it.
func FuzzDecodeToken(f *testing.F) {
	at := time.UnixMilli(1_700_000_000_000)
	f.Add(encode(&pat.Record{
		Name: "name", Scope: []string{"a", ""}, Audience: []string{}, AdminRole: true, Created: at, Expiration: at.Add(-100 * 365 * 24 * time.Hour),
		Networks: []netip.Prefix{netip.MustParsePrefix("::1/128"), netip.MustParsePrefix("10.0.0.0/8")}, Generation: -1,
		Verifier: pat.Verifier{Current: pat.Digest{Pepper: 1}, Previous: pat.Digest{Pepper: 9, Sum: [32]byte{1}}}, OldUses: []pat.OldUse{{At: at, IP: "::1"}},
	}, tokenMembers))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, row []byte) {
		var record pat.Record
		if decode(row, &record, tokenMembers) != nil {
			return
		}
		require.Equal(t, len(row), len(encode(&record, tokenMembers)))
		require.Equal(t, string(row), string(encode(&record, tokenMembers)))
	})
}

// FuzzDecodeOrganization is FuzzDecodeToken for another set of members.
func FuzzDecodeOrganization(f *testing.F) {
	zero := int64(0)
	policy := directory.DefaultPolicy()
	policy.DefaultLifetimeSeconds = &zero
	f.Add(encode(&directory.Organization{Name: "default", Policy: policy, Created: time.UnixMilli(7)}, organizationMembers))
	f.Fuzz(func(t *testing.T, row []byte) {
		var organization directory.Organization
		if decode(row, &organization, organizationMembers) == nil {
			require.Equal(t, string(row), string(encode(&organization, organizationMembers)))
		}
	})
}
