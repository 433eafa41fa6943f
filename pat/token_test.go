package pat_test

import (
	"fmt"
	"hash/crc32"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/pat"
)

const ownerID = directory.ID("7f000000000000000000000000000001")

func newFormat(tb testing.TB, prefixes ...string) pat.Format {
	tb.Helper()
	if len(prefixes) == 0 {
		prefixes = []string{pat.DefaultPrefix}
	}
	format, err := pat.NewFormat(prefixes...)
	require.NoError(tb, err)
	return format
}

func TestNewTokenParses(t *testing.T) {
	format := newFormat(t)
	id := pat.NewID(ownerID)
	token := format.New(id)
	text := token.Reveal().Reveal()

	require.Len(t, text, len("cambio_pat_")+32+1+43+6)
	require.Equal(t, "7f", string(id)[:2], "a token lies in the shard of its owner")
	require.Regexp(t, `^cambio_pat_[0-9a-f]{32}_[0-9A-Za-z]{49}$`, text)

	parsed, err := format.Parse(text)
	require.NoError(t, err)
	require.Equal(t, id, parsed.ID())
	require.True(t, parsed.Reveal().Equal(token.Reveal()))
}

// The vector is written down so that the format cannot drift: anybody's
// scanner computes the same checksum.
func TestParseVector(t *testing.T) {
	body := "cambio_pat_7f3c9a0d1122334455667788990011aa_" + strings.Repeat("0", 42) + "z"
	sum := crc32.ChecksumIEEE([]byte(body))
	const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	digits := ""
	for range 6 {
		digits = string(alphabet[sum%62]) + digits
		sum /= 62
	}
	_, err := newFormat(t).Parse(body + digits)
	require.NoError(t, err)
	require.Equal(t, "0g1qxX", digits)
}

func TestParseRefuses(t *testing.T) {
	format := newFormat(t)
	good := format.New(pat.NewID(ownerID)).Reveal().Reveal()
	_, err := format.Parse(good)
	require.NoError(t, err)

	last := byte('A')
	if good[len(good)-1] == last {
		last = 'B'
	}
	for name, bad := range map[string]string{
		"empty":                  "",
		"last character changed": good[:len(good)-1] + string(last),
		"cut by 1":               good[:len(good)-1],
		"cut by 6":               good[:len(good)-6],
		"cut by 49":              good[:len(good)-49],
		"one more":               good + "0",
		"space before":           " " + good,
		"newline after":          good + "\n",
		"upper case":             strings.ToUpper(good),
		"lower case":             strings.ToLower(good),
		"other prefix":           "camboi_pat" + good[len("cambio_pat"):],
		"no prefix":              good[len("cambio_pat_"):],
		"brace in the id":        strings.Replace(good, "_pat_7f", "_pat_{f", 1),
		"JWT":                    "eyJhbGciOiJFUzI1NiJ9.e30.c2ln",
	} {
		_, err := format.Parse(bad)
		require.ErrorIs(t, err, pat.ErrMalformed, name)
		require.NotContains(t, err.Error(), good[len(good)-49:], name)
	}
}

func TestParseBasic(t *testing.T) {
	format := newFormat(t)
	token := format.New(pat.NewID(ownerID))
	other := format.New(pat.NewID(ownerID))
	id, short, long := string(token.ID()), token.Secret().Reveal(), token.Reveal().Reveal()

	for name, password := range map[string]string{"secret": short, "token": long} {
		parsed, err := format.ParseBasic(id, password)
		require.NoError(t, err, name)
		require.True(t, parsed.Secret().Equal(token.Secret()), name)
	}
	for name, sent := range map[string][2]string{
		"another id":             {string(other.ID()), short},
		"token of another id":    {id, other.Reveal().Reveal()},
		"empty password":         {id, ""},
		"empty user":             {"", short},
		"secret without its crc": {id, short[:43]},
		"user in upper case":     {strings.ToUpper(id) + "", short[:48] + "-"},
		"path as user":           {"..", short},
	} {
		_, err := format.ParseBasic(sent[0], sent[1])
		require.ErrorIs(t, err, pat.ErrMalformed, name)
	}
}

func TestSeveralPrefixes(t *testing.T) {
	old, both := newFormat(t, "acme"), newFormat(t, "cambio_pat", "acme")
	token := old.New(pat.NewID(ownerID))

	_, err := both.Parse(token.Reveal().Reveal())
	require.NoError(t, err, "every prefix is accepted")
	_, err = both.ParseBasic(string(token.ID()), token.Secret().Reveal())
	require.NoError(t, err, "the short secret is checked against each prefix")
	require.True(t, strings.HasPrefix(both.New(token.ID()).Reveal().Reveal(), "cambio_pat_"), "the first mints")
	_, err = newFormat(t).Parse(token.Reveal().Reveal())
	require.ErrorIs(t, err, pat.ErrMalformed)
	require.True(t, both.LooksLike(token.Reveal().Reveal()))
	require.False(t, both.LooksLike("acme"))
	require.False(t, both.LooksLike("eyJ.e30.x"))
}

func TestNewFormatRefuses(t *testing.T) {
	for name, prefixes := range map[string][]string{
		"none":               {},
		"empty":              {""},
		"upper case":         {"Acme"},
		"digit first":        {"1acme"},
		"underscore at last": {"acme_"},
		"dash":               {"ac-me"},
		"too long":           {strings.Repeat("a", 33)},
		"twice":              {"acme", "acme"},
		"ambiguous":          {"acme_pat", "acme"},
	} {
		_, err := pat.NewFormat(prefixes...)
		require.Error(t, err, name)
	}
}

func TestTokenNeverPrints(t *testing.T) {
	token := newFormat(t).New(pat.NewID(ownerID))
	canary := token.Secret().Reveal()
	printed := fmt.Sprintf("%v %+v %s %q %#v", token, token, token, token, token)
	require.NotContains(t, printed, canary)
	require.Contains(t, token.String(), string(token.ID()))
}

// Each character of a secret is drawn without bias: over many secrets each of
// the 62 is as frequent as the others within 5 %.
func TestSecretsAreUnbiased(t *testing.T) {
	format, counts, total := newFormat(t), map[rune]int{}, 0
	for range 5000 {
		for _, c := range format.New(pat.NewID(ownerID)).Secret().Reveal()[:43] {
			counts[c]++
			total++
		}
	}
	require.Len(t, counts, 62)
	for c, n := range counts {
		require.InEpsilon(t, float64(total)/62, n, 0.1, string(c))
	}
}

func FuzzParse(f *testing.F) {
	format, err := pat.NewFormat("cambio_pat", "acme")
	require.NoError(f, err)
	good := format.New(pat.NewID(ownerID)).Reveal().Reveal()
	f.Add(good)
	f.Add(good[:len(good)-1])
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		token, err := format.Parse(text)
		if err != nil {
			require.ErrorIs(t, err, pat.ErrMalformed)
			return
		}
		require.Equal(t, text, token.Reveal().Reveal(), "whatever parses prints back byte for byte")
		require.True(t, format.LooksLike(text))
		again, err := format.ParseBasic(string(token.ID()), token.Secret().Reveal())
		require.NoError(t, err)
		require.Equal(t, token.ID(), again.ID())
	})
}

func FuzzParseBasic(f *testing.F) {
	format, err := pat.NewFormat("cambio_pat", "acme")
	require.NoError(f, err)
	token := format.New(pat.NewID(ownerID))
	f.Add(string(token.ID()), token.Secret().Reveal())
	f.Add(string(token.ID()), token.Reveal().Reveal())
	f.Fuzz(func(t *testing.T, username, password string) {
		token, err := format.ParseBasic(username, password)
		if err != nil {
			require.ErrorIs(t, err, pat.ErrMalformed)
			return
		}
		require.Equal(t, username, string(token.ID()))
		require.True(t, strings.HasSuffix(password, token.Secret().Reveal()))
	})
}
