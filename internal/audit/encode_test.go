package audit_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/cambio-sts/cambio/internal/audit"
)

// reflected is Event as encoding/json writes it by its tags, but for the time.
type reflected audit.Event

func byReflection(t require.TestingT, e audit.Event) string {
	e.Time = e.Time.UTC().Truncate(time.Millisecond)
	text, err := json.Marshal(struct {
		ID   string `json:"id"`
		Time string `json:"time"`
		reflected
	}{e.ID, e.Time.Format("2006-01-02T15:04:05.000Z"), reflected(e)})
	require.NoError(t, err)
	return string(text)
}

// anyText is valid and invalid UTF-8 with what needs an escape.
func anyText() *rapid.Generator[string] {
	special := rapid.SampledFrom([]string{
		`"`, `\`, "<", ">", "&", "\n", "\r", "\t", "\b", "\f", "\x00", "\x1f", "\x7f", "\u2028", "\u2029", "\ufffd", "\xff", "\xe2\x80", "é", "𝄞",
	})
	return rapid.Custom(func(t *rapid.T) string {
		text := ""
		for range rapid.IntRange(0, 6).Draw(t, "parts") {
			text += rapid.OneOf(special, rapid.String(), rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) })).Draw(t, "part")
		}
		return text
	})
}

func anyEvent() *rapid.Generator[audit.Event] {
	return rapid.Custom(func(t *rapid.T) audit.Event {
		text := func(name string) string { return anyText().Draw(t, name) }
		zone := time.FixedZone("", rapid.IntRange(-14*3600, 14*3600).Draw(t, "zone"))
		return audit.Event{
			ID: text("id"), Time: time.UnixMicro(rapid.Int64Range(-6e16, 2e17).Draw(t, "time")).In(zone),
			Name: audit.Name(text("name")), Organization: text("organization"), Actor: text("actor"), PATID: text("pat"),
			Owner: text("owner"), Subject: text("subject"), Audience: rapid.SliceOf(anyText()).Draw(t, "audience"),
			Scope: text("scope"), JTI: text("jti"), IP: text("ip"), UserAgent: text("agent"), TrackingID: text("tracking"),
			Outcome: audit.Outcome(text("outcome")), Reason: text("reason"), DenialID: text("denial"),
		}
	})
}

func TestEventIsWhatEncodingJSONMakesOfItsTags(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := anyEvent().Draw(t, "event")
		text, err := e.MarshalJSON()
		require.NoError(t, err)
		require.Equal(t, byReflection(t, e), string(text))
		require.NotContains(t, string(text), "\n")
	})
}

func TestEventReadsBack(t *testing.T) {
	want := audit.Event{
		ID: "0123456789abcdef0123456789abcdef", Time: time.Date(2017, 7, 11, 18, 45, 37, 98_000_000, time.UTC),
		Name: audit.TokenUsed, Organization: "o", Actor: "a", PATID: "p", Owner: "w", Subject: "s",
		Audience: []string{"x", "y"}, Scope: "c d", JTI: "j", IP: "192.0.2.1", UserAgent: "curl", TrackingID: "t",
		Outcome: audit.Success, Reason: "r", DenialID: "d",
	}
	text, err := json.Marshal(want)
	require.NoError(t, err)
	require.Contains(t, string(text), `"time":"2017-07-11T18:45:37.098Z"`)
	var got audit.Event
	require.NoError(t, json.Unmarshal(text, &got))
	require.Equal(t, want, got)
}
