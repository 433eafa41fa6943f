package keys

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"encoding/hex"
	"io"
	"testing"

	"github.com/stretchr/testify/require"
)

func bytesOf(t *testing.T, text string) []byte {
	t.Helper()
	out, err := hex.DecodeString(text)
	require.NoError(t, err)
	return out
}

// TestDeterministic holds signatures against RFC 6979 A.2.5 and A.2.6.
func TestDeterministic(t *testing.T) {
	for _, c := range []struct {
		alg                Alg
		curve              elliptic.Curve
		private, signature string
	}{
		{
			ES256, elliptic.P256(),
			"C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721",
			"EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716" +
				"F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8",
		},
		{
			ES384, elliptic.P384(),
			"6B9D3DAD2E1B8C1C05B19875B6659F4DE23C3B667BF297BA9AA47740787137D896D5724E4C70A825F872C9EA60D2EDF5",
			"94EDBB92A5ECB8AAD4736E56C691916B3F88140666CE9FA73D64C4EA95AD133C81A648152E44ACF96E36DD1E80FABE46" +
				"99EF4AEB15F178CEA1FE40DB2603138F130E740A19624526203B6351D0A3A94FA329C145786E679E7B82C71A38628AC8",
		},
	} {
		private, err := ecdsa.ParseRawPrivateKey(c.curve, bytesOf(t, c.private))
		require.NoError(t, err)
		key, err := newMaterial(c.alg, private)
		require.NoError(t, err)
		got, err := key.signature(new(scratch), []byte("sample"))
		require.NoError(t, err)
		require.Equal(t, bytesOf(t, c.signature), got, c.alg)
		require.NoError(t, key.prove())
	}
}

// foreign is a signer that answers what it is told to.
type foreign struct {
	crypto.Signer

	answer []byte
}

func (f foreign) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) { return f.answer, nil }

func TestForeignSignature(t *testing.T) {
	private, err := ES256.generate()
	require.NoError(t, err)
	sign := func(answer string) ([]byte, error) {
		key, err := newMaterial(ES256, foreign{private, bytesOf(t, answer)})
		require.NoError(t, err)
		return key.signature(new(scratch), []byte("sample"))
	}
	long := "0221" + "01" + hex.EncodeToString(make([]byte, 32)) // 33 bytes

	short, err := sign("3006" + "020101" + "020102")
	require.NoError(t, err)
	require.Len(t, short, 64)
	require.EqualValues(t, 1, short[31])
	require.EqualValues(t, 2, short[63])
	for name, answer := range map[string]string{
		"nothing":        "",
		"one number":     "3003" + "020101",
		"three numbers":  "3009" + "020101" + "020102" + "020103",
		"more behind it": "3006" + "020101" + "020102" + "00",
		"negative":       "3006" + "0201FF" + "020102",
		"R too long":     "3026" + long + "020102",
		"S too long":     "3026" + "020101" + long,
	} {
		_, err := sign(answer)
		require.ErrorIs(t, err, errNoSignature, name)
	}
}
