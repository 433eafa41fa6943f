package redis

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/pat"
)

func TestPack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.SliceOf(rapid.OneOf(rapid.String(), rapid.StringMatching(`[0-9a-f]{31,33}`))).Draw(t, "texts")
		more := rapid.IntRange(0, 3).Draw(t, "texts of a later version")
		r := unpack((&writer{texts: want}).pack())
		for i := range len(want) + more {
			if i < len(want) {
				require.Equal(t, want[i], r.text())
			} else {
				require.Empty(t, r.text())
			}
		}
		require.NoError(t, r.err)
	})
}

// FuzzUnpack: what can be read is what pack would have written, but for texts
// that were not asked for and numbers written otherwise.
func FuzzUnpack(f *testing.F) {
	f.Add("1:a0:2:bc")
	f.Add("-1:a")
	f.Add("9999999999999999999:a")
	f.Add(":")
	f.Add("h0123456789abcdef::")
	f.Add("hshort")
	f.Fuzz(func(t *testing.T, packed string) {
		four := func(packed string) ([]string, error) {
			r := unpack(packed)
			return []string{r.text(), r.text(), r.text(), r.text()}, r.err
		}
		texts, err := four(packed)
		if err != nil {
			require.ErrorIs(t, err, errReply)
			return
		}
		again, err := four((&writer{texts: slices.Clone(texts)}).pack())
		require.NoError(t, err)
		require.Equal(t, texts, again)
		// a time is read in both its forms, or in none
		r, other := unpack(packed), &reader{texts: texts, plain: true}
		require.Equal(t, other.time(), r.time())
		require.Equal(t, other.err, r.err)
	})
}

// anyToken draws a token with every member, or some of them.
func anyToken(t *rapid.T) pat.Record {
	text := func(name string) string {
		return rapid.OneOf(rapid.Just(""), rapid.String(), rapid.StringN(60, 70, 300)).Draw(t, name)
	}
	one := func(name string) string { return rapid.StringMatching(`[0-9a-f]{32}`).Draw(t, name) }
	maybe := func(name string) string {
		return rapid.OneOf(rapid.Just(""), rapid.StringMatching(`[0-9a-f]{32}`)).Draw(t, name)
	}
	when := func(name string) time.Time {
		millis := rapid.OneOf(rapid.Just[int64](0), rapid.Int64Range(1, 1<<42)).Draw(t, name)
		if millis == 0 {
			return time.Time{}
		}
		return time.UnixMilli(millis).UTC()
	}
	texts := func(name string) []string {
		return rapid.OneOf(rapid.Just[[]string](nil), rapid.SliceOfN(rapid.String(), 0, 30)).Draw(t, name)
	}
	digest := func(name string) (out pat.Digest) {
		if rapid.Bool().Draw(t, name) {
			out.Pepper = rapid.IntRange(1, 9).Draw(t, name)
			copy(out.Sum[:], rapid.SliceOfN(rapid.Byte(), len(out.Sum), len(out.Sum)).Draw(t, name))
		}
		return out
	}
	record := pat.Record{
		ID: pat.ID(one("id")), Owner: directory.ID(one("owner")), Organization: directory.ID(one("organization")),
		Name: text("name"), Description: text("description"), Scope: texts("scope"), Audience: texts("audience"),
		Level: rapid.SampledFrom([]pat.Level{pat.Personal, pat.Group, pat.Organization}).Draw(t, "level"), LevelID: directory.ID(maybe("level id")),
		AdminRole: rapid.Bool().Draw(t, "admin"), Managed: rapid.Bool().Draw(t, "managed"),
		AccessTokenLife: time.Duration(rapid.Int64Range(0, 1<<50).Draw(t, "life")), NeverExpiresAcknowledged: rapid.Bool().Draw(t, "acknowledged"),
		Created: when("created"), CreatedBy: directory.ID(maybe("created by")), CreatedByPAT: pat.ID(maybe("created by token")),
		Modified: when("modified"), Expiration: when("expiration"), LastUsed: when("used"), LastSeen: when("seen"),
		State:     rapid.SampledFrom([]pat.State{pat.StateActive, pat.StateRevoked, pat.StateAutoRevoked}).Draw(t, "state"),
		RevokedAt: when("revoked"), RevokedBy: directory.ID(maybe("revoked by")), Reversible: rapid.Bool().Draw(t, "reversible"),
		RevokeReason: rapid.SampledFrom([]pat.Reason{"", pat.Compromised, pat.Other}).Draw(t, "reason"),
		Generation:   rapid.Int64Range(0, 1<<40).Draw(t, "generation"), Revision: rapid.Int64Range(0, 1<<40).Draw(t, "revision"),
		Verifier: pat.Verifier{Current: digest("current"), Previous: digest("previous"), PreviousUntil: when("until")},
	}
	if rapid.Bool().Draw(t, "own") {
		record.CreatedBy = record.Owner
	}
	for range rapid.IntRange(0, pat.MaxLineage).Draw(t, "lineage") {
		record.Lineage = append(record.Lineage, pat.ID(one("ancestor")))
	}
	return record
}

// TestTokenRoundTrip: what is written is what is read, and no value of a token of
// usual size is longer than the server keeps in one piece.
func TestTokenRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := anyToken(t)
		set, unset := writeToken(&want).fields(tokenFields())
		require.Len(t, tokenFields(), len(set)/2+len(unset))
		require.Equal(t, []int{digestTexts, oftenTexts, tokenTexts}, []int{len(digestFields()), len(digestFields()) + len(oftenFields()), len(tokenFields())})
		stored := map[any]any{}
		for i := 0; i < len(set); i += 2 {
			stored[set[i]] = set[i+1]
			text, _ := set[i+1].(string)
			if whole := len(packToken(&want)) > chunks*chunkLen; !whole && set[i] != "name" && set[i] != "lineage" {
				require.LessOrEqual(t, len(text), chunkLen, set[i])
			}
		}
		values := make([]any, 0, len(tokenFields()))
		for _, field := range tokenFields() {
			values = append(values, stored[field])
		}
		got, ok, err := readToken(want.ID, read(values...))
		require.NoError(t, err)
		require.True(t, ok)
		require.Equal(t, want, got)
	})
}

// FuzzPlainTexts: what is read without JSON is what JSON reads.
func FuzzPlainTexts(f *testing.F) {
	for _, list := range []string{`["a","b"]`, `["",",","x"]`, `["\\u0041"]`, `["a" , "b"]`, `[]`, `[""]`, `["a""b"]`, `[","]`, "[\"\xff\"]"} {
		f.Add(list)
	}
	f.Fuzz(func(t *testing.T, list string) {
		plain, ok := plainTexts[string](list)
		var want []string
		if err := json.Unmarshal([]byte(list), &want); err != nil || !ok {
			return
		}
		require.Equal(t, want, plain)
	})
}

// TestColumnsOfARecord: a column has the value that it has in the whole record.
func TestColumnsOfARecord(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		whole := anyToken(t)
		columns := pat.Columns(rapid.Uint16Range(1, 1<<11-1).Draw(t, "columns"))
		set, _ := writeToken(&whole).fields(tokenFields())
		var values []any
		for _, field := range columnFields(columns) {
			if at := slices.Index(set, any(field)); at >= 0 && at%2 == 0 {
				values = append(values, set[at+1])
			} else {
				values = append(values, nil)
			}
		}
		var got pat.Record
		if len(values) > 0 {
			ok, err := readColumns(&got, columns, read(values...))
			require.NoError(t, err)
			require.True(t, ok)
		}
		for column, same := range map[pat.Columns]bool{
			pat.ColumnOwner: whole.Owner == got.Owner, pat.ColumnName: whole.Name == got.Name, pat.ColumnDescription: whole.Description == got.Description,
			pat.ColumnScope: slices.Equal(whole.Scope, got.Scope), pat.ColumnLevel: whole.Level == got.Level && whole.LevelID == got.LevelID,
			pat.ColumnManaged: whole.Managed == got.Managed, pat.ColumnState: whole.State == got.State, pat.ColumnExpiration: whole.Expiration.Equal(got.Expiration),
			pat.ColumnLastUsed: whole.LastUsed.Equal(got.LastUsed), pat.ColumnLastSeen: whole.LastSeen.Equal(got.LastSeen),
		} {
			require.True(t, same || !columns.Has(column), "%b", column)
		}
	})
}

// TestDamagedRecords: what no script of ours wrote is an error, not a token.
func TestDamagedRecords(t *testing.T) {
	good := make([]any, len(tokenFields()))
	at := func(field string) int { return slices.Index(tokenFields(), field) }
	for field, value := range map[string]string{"current": "1:01234567890123456789012345678901", "state": "ACTIVE", "expires": "1", "owner": "o", "gen": "1", "record": "1:1"} {
		good[at(field)] = value
	}
	_, ok, err := readToken("token", read(good...))
	require.NoError(t, err)
	require.True(t, ok)
	_, ok, err = readToken("token", read(make([]any, len(good))...))
	require.NoError(t, err)
	require.False(t, ok)
	for field, bad := range map[string]any{
		"current": "1:short", "previous": "x", "previous_until": "x", "expires": "soon", "gen": "x", "rev": int64(1),
		"record": "9:o", "record1": "5:x", "last_used": "x", "old_uses": "{",
	} {
		damaged := slices.Clone(good)
		damaged[at(field)] = bad
		_, _, err := readToken("token", read(damaged...))
		require.ErrorIs(t, err, errReply, "%s: %v", field, bad)
	}
	_, _, err = readToken("token", read(good[:5]...))
	require.ErrorIs(t, err, errReply)
}

// TestEventRoundTrip: an event leaves a stream as it came, in milliseconds; what
// is no event leaves it as it is.
func TestEventRoundTrip(t *testing.T) {
	event := audit.Event{
		ID: "0123456789abcdef0123456789abcdef", Time: time.UnixMilli(1_800_000_000_123).UTC(), Name: audit.TokenCreated,
		Organization: "organization", Actor: "0123456789abcdef0123456789abcde0", PATID: "p", Owner: "o", Subject: "s", Audience: []string{"a", ""},
		Scope: "s t", JTI: "j", IP: "::1", UserAgent: "agent: 7\"", TrackingID: "t", Outcome: audit.Failure, Reason: "r", DenialID: "d",
	}
	for _, want := range []audit.Event{event, {ID: event.ID, Time: event.Time, Name: audit.TokenUsed, Outcome: audit.Success}, {Outcome: audit.Success}} {
		text, err := want.MarshalJSON()
		require.NoError(t, err)
		require.Equal(t, string(text), string(decode(encode(want))))
	}
	for _, text := range []string{"{}", "9:x", "hx"} {
		require.Equal(t, text, string(decode(text)))
	}
}

func TestParsePosition(t *testing.T) {
	for position, want := range map[string]bool{
		"00:1-0": true, "ff:1700000000000-12": true, "cfg:1-1": true,
		"": false, ":": false, "00": false, "00:": false, "00:1": false, "00:1-": false, "00:*-1": false, "0:1-1": false,
		"FF:1-1": false, "{}:1-1": false, "cfg:1-1-1": false, "000:1-1": false, "00:-1-1": false,
	} {
		_, _, ok := parsePosition(position)
		require.Equal(t, want, ok, position)
	}
}
