package keys

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
)

func keyText(fill byte) string {
	key := make([]byte, masterKeyLen)
	for i := range key {
		key[i] = fill + byte(i)
	}
	return base64.StdEncoding.EncodeToString(key)
}

func TestParseMaster(t *testing.T) {
	good := keyText(1)
	for name, tc := range map[string]struct {
		file string
		line string // empty: accepted
	}{
		"one line":               {"1:" + good, ""},
		"final line feed":        {"1:" + good + "\n", ""},
		"two versions":           {"2:" + good + "\n1:" + keyText(9) + "\n", ""},
		"second in waiting":      {"1:" + good + "\n2:" + keyText(9) + "\n", ""},
		"greatest version":       {"2147483647:" + good, ""},
		"empty":                  {"", "line 1"},
		"only a line feed":       {"\n", "line 1"},
		"no colon":               {"1" + good, "line 1"},
		"no version":             {":" + good, "line 1"},
		"version 0":              {"0:" + good, "line 1"},
		"negative version":       {"-1:" + good, "line 1"},
		"plus sign":              {"+1:" + good, "line 1"},
		"leading zero":           {"01:" + good, "line 1"},
		"version too large":      {"2147483648:" + good, "line 1"},
		"version twice":          {"1:" + good + "\n1:" + keyText(9), "line 2"},
		"empty line":             {"2:" + good + "\n\n1:" + keyText(9), "line 2"},
		"two final line feeds":   {"1:" + good + "\n\n", "line 2"},
		"comment":                {"# key\n1:" + good, "line 1"},
		"carriage return":        {"1:" + good + "\r\n", "line 1"},
		"space":                  {"1: " + good, "line 1"},
		"31 bytes":               {"1:" + base64.StdEncoding.EncodeToString([]byte(good)[:31]), "line 1"},
		"33 bytes":               {"1:" + base64.StdEncoding.EncodeToString([]byte(good)[:33]), "line 1"},
		"no padding":             {"1:" + strings.TrimRight(good, "="), "line 1"},
		"spare bits":             {"1:" + good[:42] + "B=", "line 1"},
		"base64url":              {"1:" + strings.Repeat("_-", 21) + "8=", "line 1"},
		"a line break inside":    {"1:" + good[:10] + "\r" + good[10:], "line 1"},
		"all zero":               {"1:" + base64.StdEncoding.EncodeToString(make([]byte, 32)), "line 1"},
		"second line is garbage": {"2:" + good + "\nsecretgarbage", "line 2"},
	} {
		t.Run(name, func(t *testing.T) {
			master, err := ParseMaster([]byte(tc.file))
			if tc.line == "" {
				require.NoError(t, err)
				require.NotEmpty(t, master.Peppers())
				return
			}
			require.ErrorIs(t, err, ErrMasterSyntax)
			require.ErrorContains(t, err, tc.line)
			require.NotContains(t, err.Error(), good[:12])
			require.NotContains(t, err.Error(), "garbage")
		})
	}
}

func TestGeneratedMastersDiffer(t *testing.T) {
	a, b := testMaster(t), testMaster(t)
	require.Len(t, a.Peppers(), 1)
	require.Equal(t, 1, a.Peppers()[0].Version)
	require.False(t, a.Peppers()[0].Key.Equal(b.Peppers()[0].Key))
}

// What is derived must never change: digests and sealed keys depend on it.
func TestDerivationIsStable(t *testing.T) {
	master, err := ParseMaster([]byte("7:" + keyText(1) + "\n3:" + keyText(2)))
	require.NoError(t, err)
	peppers := master.Peppers()
	require.Equal(t, []int{7, 3}, []int{peppers[0].Version, peppers[1].Version})
	require.Equal(t, "5929df44f76d00a78c0f58f43ac56a834b688bf23e3fb6673d1434834dc9cec8", hex.EncodeToString([]byte(peppers[0].Key.Reveal())))

	sealed, err := hex.DecodeString("0100000007a99df79c10e8bcb20f75ac9f7e63ec93d1a0b9f89e3df3925e6483511f15f2060e")
	require.NoError(t, err)
	plain, err := master.Open(t.Context(), sealed, []byte("aad"))
	require.NoError(t, err)
	require.Equal(t, "plain", string(plain))
}

func TestMasterRedacts(t *testing.T) {
	master, err := ParseMaster([]byte("1:" + keyText(1)))
	require.NoError(t, err)
	pepper := master.Peppers()[0]

	asJSON, err := json.Marshal([]any{master, pepper})
	require.NoError(t, err)
	core, logs := observer.New(zapcore.DebugLevel)
	zap.New(core).Info("x", zap.Any("a", master), zap.Any("b", pepper), zap.Stringer("c", master))
	logged, err := json.Marshal(logs.All()[0].ContextMap())
	require.NoError(t, err)
	printed := fmt.Sprintf("%v %+v %#v %s %q %x %v %#v ", master, master, master, master, master, master, pepper, pepper) +
		master.String() + master.GoString() + string(asJSON) + string(logged)
	require.NotContains(t, printed, pepper.Key.Reveal())
	require.NotContains(t, printed, hex.EncodeToString([]byte(pepper.Key.Reveal())))
	require.NotContains(t, printed, "0x")
}

func TestSealing(t *testing.T) {
	old, err := ParseMaster([]byte("1:" + keyText(1)))
	require.NoError(t, err)
	both, err := ParseMaster([]byte("2:" + keyText(2) + "\n1:" + keyText(1)))
	require.NoError(t, err)
	impostor, err := ParseMaster([]byte("1:" + keyText(3)))
	require.NoError(t, err)

	aad := keyAAD("kid", ES256)
	sealed, err := old.Seal(t.Context(), []byte("private"), aad)
	require.NoError(t, err)
	again, err := old.Seal(t.Context(), []byte("private"), aad)
	require.NoError(t, err)
	require.NotEqual(t, sealed, again, "the nonce is random")
	newer, err := both.Seal(t.Context(), []byte("private"), aad)
	require.NoError(t, err)

	require.True(t, old.Current(sealed))
	require.False(t, both.Current(sealed))
	require.True(t, both.Current(newer))
	require.False(t, both.Current(nil))

	for name, tc := range map[string]struct {
		master *Master
		sealed []byte
		aad    []byte
		ok     bool
	}{
		"same":                {old, sealed, aad, true},
		"older version":       {both, sealed, aad, true},
		"newest version":      {both, newer, aad, true},
		"unknown version":     {old, newer, aad, false},
		"another key":         {impostor, sealed, aad, false},
		"another kid":         {old, sealed, keyAAD("kie", ES256), false},
		"another algorithm":   {old, sealed, keyAAD("kid", ES384), false},
		"another purpose":     {old, sealed, canaryAAD(), false},
		"version relabelled":  {both, append([]byte{1, 0, 0, 0, 2}, sealed[5:]...), aad, false},
		"format relabelled":   {old, append([]byte{2}, sealed[1:]...), aad, false},
		"truncated":           {old, sealed[:len(sealed)-1], aad, false},
		"no more than header": {old, sealed[:5], aad, false},
		"empty":               {old, nil, aad, false},
	} {
		t.Run(name, func(t *testing.T) {
			plain, err := tc.master.Open(t.Context(), tc.sealed, tc.aad)
			if tc.ok {
				require.NoError(t, err)
				require.Equal(t, "private", string(plain))
				return
			}
			require.ErrorIs(t, err, ErrWrongMasterKey)
		})
	}
}

func TestLengthPrefixed(t *testing.T) {
	require.NotEqual(t, lengthPrefixed("ab", "c"), lengthPrefixed("a", "bc"))
	require.NotEqual(t, lengthPrefixed("a"), lengthPrefixed("a", ""))
}

// kms is a Sealer that fails on demand, like one at the end of a wire.
type kms struct {
	Sealer
	seal, open func(context.Context) error
}

var errKMS = errors.New("kms answered 500")

func (k *kms) Seal(ctx context.Context, plain, aad []byte) ([]byte, error) {
	if k.seal != nil {
		if err := k.seal(ctx); err != nil {
			return nil, err
		}
	}
	return k.Sealer.Seal(ctx, plain, aad)
}

func (k *kms) Open(ctx context.Context, sealed, aad []byte) ([]byte, error) {
	if k.open != nil {
		if err := k.open(ctx); err != nil {
			return nil, err
		}
	}
	return k.Sealer.Open(ctx, sealed, aad)
}
