package browser

import (
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSearchFiles(t *testing.T) {
	t.Parallel()
	const secret = "canary-ü-7f3a"
	var packed bytes.Buffer
	packed.WriteString("key of the cache")
	writer := gzip.NewWriter(&packed)
	_, err := writer.Write([]byte("before " + secret + " after"))
	require.NoError(t, err)
	require.NoError(t, writer.Close())

	for name, content := range map[string]string{
		"utf8":   "before " + secret + " after",
		"utf16":  "x" + "c\x00a\x00n\x00a\x00r\x00y\x00-\x00\xfc\x00-\x007\x00f\x003\x00a\x00" + "y",
		"gzip":   packed.String(),
		"cut":    packed.String()[:packed.Len()-8], // without its checksum
		"other":  "canary-u-7f3a",
		"broken": string(gzipMagic) + "broken",
	} {
		dir := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600))
		err := searchFiles(dir, []canary{{test: "TestX", secret: secret}})
		if name == "other" || name == "broken" {
			require.NoError(t, err)
			continue
		}
		require.EqualError(t, err, "the secret of TestX is in the file "+name+" of the browser")
	}
	require.NoError(t, searchFiles(filepath.Join(t.TempDir(), "absent"), []canary{{secret: secret}}))
}
