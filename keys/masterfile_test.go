package keys

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/audit"
)

func TestVersionsOfAMasterKey(t *testing.T) {
	file := []byte(GenerateMaster().Reveal())
	first := strings.TrimSuffix(string(file), "\n")
	versions := func(file []byte) []int {
		master, err := ParseMaster(file)
		require.NoError(t, err)
		return master.Versions()
	}

	_, _, err := ActivateVersion(file)
	require.ErrorIs(t, err, ErrNothingToActivate)
	_, err = RetireVersion(file, 1)
	require.ErrorIs(t, err, ErrSealingVersion)
	_, err = RetireVersion(file, 2)
	require.ErrorIs(t, err, ErrNoVersion)

	added, version, err := AddVersion(file)
	require.NoError(t, err)
	require.Equal(t, 2, version)
	require.Equal(t, []int{1, 2}, versions([]byte(added.Reveal())))
	_, _, err = AddVersion([]byte(added.Reveal()))
	require.ErrorIs(t, err, ErrPendingVersion)

	activated, version, err := ActivateVersion([]byte(added.Reveal()))
	require.NoError(t, err)
	require.Equal(t, 2, version)
	require.Equal(t, []int{2, 1}, versions([]byte(activated.Reveal())))
	require.Contains(t, activated.Reveal(), "\n"+first+"\n", "no line is changed")
	third, version, err := AddVersion([]byte(activated.Reveal()))
	require.NoError(t, err)
	require.Equal(t, 3, version)
	require.Equal(t, []int{2, 3, 1}, versions([]byte(third.Reveal())))

	retired, err := RetireVersion([]byte(activated.Reveal()), 1)
	require.NoError(t, err)
	require.Equal(t, []int{2}, versions([]byte(retired.Reveal())))
	require.NotContains(t, retired.Reveal(), first)

	last := []byte("2147483647:" + keyText(1))
	for name, change := range map[string]func([]byte) error{
		"add":      func(file []byte) error { _, _, err := AddVersion(file); return err },
		"activate": func(file []byte) error { _, _, err := ActivateVersion(file); return err },
		"retire":   func(file []byte) error { _, err := RetireVersion(file, 1); return err },
	} {
		require.ErrorIs(t, change([]byte("no master key")), ErrMasterSyntax, name)
	}
	_, _, err = AddVersion(last)
	require.ErrorIs(t, err, ErrMasterSyntax, "there is none after it")
}

func TestReplaceOfAMasterKey(t *testing.T) {
	parse := func(lines ...string) *Master {
		master, err := ParseMaster([]byte(strings.Join(lines, "\n")))
		require.NoError(t, err)
		return master
	}
	held := parse("1:" + keyText(1))
	sealed, err := held.Seal(t.Context(), []byte("private"), nil)
	require.NoError(t, err)

	require.ErrorIs(t, held.Replace(parse("1:"+keyText(2))), ErrVersionChanged)
	require.Equal(t, []int{1}, held.Versions())
	require.NoError(t, held.Replace(parse("2:"+keyText(2), "1:"+keyText(1))))
	require.Equal(t, []int{2, 1}, held.Versions())
	require.Len(t, held.Peppers(), 2)
	plain, err := held.Open(t.Context(), sealed, nil)
	require.NoError(t, err)
	require.Equal(t, "private", string(plain))
	require.False(t, held.Current(sealed))
	require.Equal(t, 1, SealedVersion(sealed))
	newer, err := held.Seal(t.Context(), []byte("private"), nil)
	require.NoError(t, err)
	require.Equal(t, 2, SealedVersion(newer))
	require.True(t, parse("1:"+keyText(1), "2:"+keyText(2)).Current(newer), "who has not activated it yet leaves it alone")
	require.Zero(t, SealedVersion([]byte("junk")))
}

// TestResealingByItself: a ring that is given a newer master key moves all that is
// sealed with its next look, and says so once.
func TestResealingByItself(t *testing.T) {
	clock, store := newClock(), &memory{}
	master, err := ParseMaster([]byte("1:" + keyText(1)))
	require.NoError(t, err)
	both, err := ParseMaster([]byte("2:" + keyText(2) + "\n1:" + keyText(1)))
	require.NoError(t, err)
	newest, err := ParseMaster([]byte("2:" + keyText(2)))
	require.NoError(t, err)
	ring := testRing(t, store, master, clock.now)
	require.NoError(t, ring.Prepare(t.Context()))
	require.NoError(t, ring.Open(t.Context()))
	under := func() map[int]int {
		stored, err := store.LoadKeys(t.Context())
		require.NoError(t, err)
		return stored.SealedUnder()
	}
	all := under()[1]
	require.Greater(t, all, 2)

	require.NoError(t, ring.Opens(t.Context(), both))
	require.ErrorIs(t, ring.Opens(t.Context(), newest), ErrWrongMasterKey)
	require.NoError(t, ring.refresh(t.Context()))
	require.Equal(t, map[int]int{1: all}, under())

	require.NoError(t, master.Replace(both))
	token := mint(t, ring, ES256)
	for range 2 {
		require.NoError(t, ring.refresh(t.Context()))
		require.Equal(t, map[int]int{2: all}, under())
		require.Equal(t, 1, store.count(audit.KeyResealed))
	}
	require.NoError(t, ring.Opens(t.Context(), newest))
	behind, err := ParseMaster([]byte("1:" + keyText(1) + "\n2:" + keyText(2)))
	require.NoError(t, err)
	other := testRing(t, store, behind, clock.now)
	require.NoError(t, other.Open(t.Context()))
	require.NoError(t, other.refresh(t.Context()))
	require.Equal(t, map[int]int{2: all}, under(), "a replica that has not activated it yet moves nothing back")
	moved := testRing(t, store, newest, clock.now)
	require.NoError(t, moved.Open(t.Context()))
	_, err = moved.Verify(token, expected())
	require.NoError(t, err)
}

// TestResealingFails: what cannot be sealed is left as it is, and tried with the next look.
func TestResealingFails(t *testing.T) {
	clock, store := newClock(), &memory{}
	master, err := ParseMaster([]byte("1:" + keyText(1)))
	require.NoError(t, err)
	both, err := ParseMaster([]byte("2:" + keyText(2) + "\n1:" + keyText(1)))
	require.NoError(t, err)
	require.NoError(t, testRing(t, store, master, clock.now).Prepare(t.Context()))
	sealer := &kms{Sealer: both, seal: func(context.Context) error { return errKMS }}
	ring := testRing(t, store, sealer, clock.now)
	require.NoError(t, ring.Open(t.Context()))
	require.NoError(t, ring.refresh(t.Context()))
	require.Zero(t, store.count(audit.KeyResealed))
	sealer.seal = nil
	require.NoError(t, ring.refresh(t.Context()))
	require.Equal(t, 1, store.count(audit.KeyResealed))
	require.ErrorIs(t, testRing(t, &memory{}, master, clock.now).Opens(t.Context(), master), ErrNoCanary)
}
