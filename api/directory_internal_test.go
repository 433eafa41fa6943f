package api

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/manage"
)

// count is a writer that keeps nothing.
type count struct{ bytes int }

func (c *count) Write(p []byte) (int, error) {
	c.bytes += len(p)
	return len(p), nil
}

// However many people there are, an export holds a few of them.
func TestExportHoldsNothingBack(t *testing.T) {
	const people = 100_000
	written, name := &count{}, ""
	export := &manage.DirectoryExport{
		People: func(yield func(manage.FilePerson, error) bool) {
			for i := range people {
				name = fmt.Sprintf("person-%06d", i)
				require.LessOrEqual(t, i*len(`{"username":"person-000000"},`+"\n")-written.bytes, 64<<10)
				if !yield(manage.FilePerson{Username: name}, nil) {
					return
				}
			}
		},
		Assignments: func(func(manage.FileAssignment, error) bool) {},
	}
	require.NoError(t, writeDirectory(bufio.NewWriter(written), export))
	require.Greater(t, written.bytes, people*len(name))
}

// Trouble on the way is told, so that half a document is not taken for a whole one.
func TestExportTellsOfTrouble(t *testing.T) {
	trouble := errors.New("the store is gone")
	people := func(err error) func(yield func(manage.FilePerson, error) bool) {
		return func(yield func(manage.FilePerson, error) bool) {
			_ = yield(manage.FilePerson{Username: "x"}, nil) && yield(manage.FilePerson{}, err)
		}
	}
	none := func(func(manage.FileAssignment, error) bool) {}
	require.ErrorIs(t, writeDirectory(bufio.NewWriter(&count{}), &manage.DirectoryExport{People: people(trouble), Assignments: none}), trouble)
	require.NoError(t, writeDirectory(bufio.NewWriter(&count{}), &manage.DirectoryExport{People: people(nil), Assignments: none}))
}

// What is read of a document is written again as it was.
func FuzzDirectoryDocument(f *testing.F) {
	f.Add([]byte(`{"version":1,"identities":[{"username":"a","email":null,"enabled":false,"groups":["g"]}],"groups":[{"name":"g","childGroups":[]}],` +
		`"roleAssignments":[{"role":"group_user","scope":"group","scopeName":"g","holder":{"type":"GROUP","name":"g"}}]}`))
	f.Add([]byte(`{"version":1,"roleAssignments":[{"rights":["cambio:introspect"],"scope":"organization","holder":{"type":"IDENTITY","name":"a"}}]}`))
	read := func(t *testing.T, document []byte) (*manage.DirectoryFile, error) {
		t.Helper()
		request := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", bytes.NewReader(document))
		request.Header.Set("Content-Type", typeJSON)
		var body DirectoryFile
		if err := decodeUpTo(maxDirectoryBytes, httptest.NewRecorder(), request, typeJSON, false, &body); err != nil {
			return nil, err
		}
		return body.file()
	}
	f.Fuzz(func(t *testing.T, document []byte) {
		file, err := read(t, document)
		if err != nil {
			return
		}
		file.Version = manage.DirectoryFileVersion
		first := printed(t, file)
		again, err := read(t, first)
		require.NoError(t, err)
		require.Equal(t, string(first), string(printed(t, again)))
		require.Len(t, again.People, len(file.People))
		require.Len(t, again.Groups, len(file.Groups))
		require.Len(t, again.Assignments, len(file.Assignments))
		for i := range file.People {
			require.Equal(t, file.People[i].Username, again.People[i].Username)
			require.Equal(t, file.People[i].Enabled, again.People[i].Enabled)
		}
	})
}

// printed is a file as an export writes it.
func printed(t *testing.T, file *manage.DirectoryFile) []byte {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, writeDirectory(bufio.NewWriter(&out), &manage.DirectoryExport{
		People: each(file.People), Groups: file.Groups, Assignments: each(file.Assignments),
	}))
	return out.Bytes()
}

func each[T any](list []T) func(yield func(T, error) bool) {
	return func(yield func(T, error) bool) {
		for _, one := range list {
			if !yield(one, nil) {
				return
			}
		}
	}
}
