package api

import (
	"bufio"
	"encoding/json"
	"fmt"
	"iter"
	"net/http"
	"time"

	"go.uber.org/zap"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/httpx"
	"github.com/cambio-sts/cambio/manage"
)

// maxDirectoryBytes is what a document to import may have: room for 100,000 people.
const maxDirectoryBytes = 16 << 20

const (
	holderIdentity = "IDENTITY"
	holderGroup    = "GROUP"
)

// ExportDirectory answers with the directory of an organization as one document, and
// writes it while it is read. Trouble on the way breaks the connection: half a document
// must not look like one.
func (s server) ExportDirectory(w http.ResponseWriter, r *http.Request, id ID) {
	export, err := s.manager.ExportDirectory(r.Context(), callerFrom(r.Context()), id)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	_ = http.NewResponseController(w).SetWriteDeadline(time.Time{}) // it takes as long as it takes
	w.Header().Set("Content-Type", typeJSON)
	w.Header().Set("Cache-Control", "no-store")
	if err := writeDirectory(bufio.NewWriterSize(w, 32<<10), export); err != nil {
		httpx.RequestLogFrom(r.Context()).Add(zap.Error(err))
		panic(http.ErrAbortHandler)
	}
}

// writeDirectory writes an export, a line for each thing.
func writeDirectory(w *bufio.Writer, export *manage.DirectoryExport) error {
	groups := func(yield func(manage.FileGroup, error) bool) {
		for _, group := range export.Groups {
			if !yield(group, nil) {
				return
			}
		}
	}
	_, _ = w.WriteString(`{"version":1`) // Flush tells of errors
	for _, list := range []func() error{
		func() error { return writeList(w, "identities", export.People, fileIdentity) },
		func() error { return writeList(w, "groups", groups, fileGroup) },
		func() error { return writeList(w, "roleAssignments", export.Assignments, fileAssignment) },
	} {
		if err := list(); err != nil {
			return err
		}
	}
	_, _ = w.WriteString("}\n")
	return w.Flush()
}

func writeList[T, S any](w *bufio.Writer, name string, entries iter.Seq2[T, error], show func(T) S) error {
	_, _ = w.WriteString(",\n\"" + name + `":[`)
	before := "\n"
	for entry, err := range entries {
		if err != nil {
			return err
		}
		encoded, err := json.Marshal(show(entry))
		if err != nil {
			return err
		}
		_, _ = w.WriteString(before)
		if _, err := w.Write(encoded); err != nil { // nobody reads any more
			return err
		}
		before = ",\n"
	}
	_, err := w.WriteString("]")
	return err
}

func fileIdentity(person manage.FilePerson) DirectoryIdentity {
	return DirectoryIdentity{
		Username: person.Username, DisplayName: person.DisplayName, Email: person.Email, ExternalID: person.ExternalID,
		Issuer: person.Issuer, Subject: person.Subject, Enabled: person.Enabled, Groups: person.Groups,
	}
}

func fileGroup(group manage.FileGroup) DirectoryGroup {
	return DirectoryGroup{Name: group.Name, Description: group.Description, ChildGroups: group.Children}
}

func fileAssignment(a manage.FileAssignment) DirectoryRoleAssignment {
	shown := DirectoryRoleAssignment{
		Role: textPointer(a.Role), Scope: a.Scope, ScopeName: textPointer(a.Group), Holder: DirectoryHolder{Type: holderIdentity, Name: a.Holder},
	}
	for _, right := range a.Rights {
		shown.Rights = append(shown.Rights, string(right))
	}
	if a.HolderGroup {
		shown.Holder.Type = holderGroup
	}
	return shown
}

// ImportDirectory brings an organization to what a document says.
func (s server) ImportDirectory(w http.ResponseWriter, r *http.Request, id ID, params ImportDirectoryParams) {
	input := func() (*manage.DirectoryFile, error) {
		deadlines := http.NewResponseController(w)
		_, _ = deadlines.SetReadDeadline(time.Time{}), deadlines.SetWriteDeadline(time.Time{}) // it takes as long as it takes
		var read DirectoryFile
		if err := decodeUpTo(maxDirectoryBytes, w, r, typeJSON, false, &read); err != nil {
			return nil, err
		}
		return read.file()
	}
	ask := manage.DirectoryImport{Preview: orZero(params.Preview), Prune: orZero(params.Prune)}
	report, err := s.manager.ImportDirectory(r.Context(), callerFrom(r.Context()), id, ask, input)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	write(w, http.StatusOK, typeJSON, s.showReport(r, report))
}

func (f *DirectoryFile) file() (*manage.DirectoryFile, error) {
	file := &manage.DirectoryFile{Version: f.Version}
	if f.Identities != nil {
		file.People = shownAll(f.Identities, func(i DirectoryIdentity) manage.FilePerson {
			return manage.FilePerson{
				Username: i.Username, DisplayName: i.DisplayName, Email: i.Email, ExternalID: i.ExternalID,
				Issuer: i.Issuer, Subject: i.Subject, Enabled: i.Enabled, Groups: i.Groups,
			}
		})
	}
	if f.Groups != nil {
		file.Groups = shownAll(f.Groups, func(g DirectoryGroup) manage.FileGroup {
			return manage.FileGroup{Name: g.Name, Description: g.Description, Children: g.ChildGroups}
		})
	}
	if f.RoleAssignments != nil {
		file.Assignments = make([]manage.FileAssignment, 0, len(f.RoleAssignments))
	}
	for i := range f.RoleAssignments {
		assignment := &f.RoleAssignments[i]
		if assignment.Holder.Type != holderGroup && assignment.Holder.Type != holderIdentity {
			return nil, directory.Broken(fmt.Sprintf("roleAssignments[%d].holder.type", i), directory.RuleOneOfTwo, holderIdentity, holderGroup)
		}
		file.Assignments = append(file.Assignments, assignment.assignment())
	}
	return file, nil
}

func (a *DirectoryRoleAssignment) assignment() manage.FileAssignment {
	assignment := manage.FileAssignment{
		Role: orZero(a.Role), Scope: a.Scope, Group: orZero(a.ScopeName), HolderGroup: a.Holder.Type == holderGroup, Holder: a.Holder.Name,
	}
	for _, right := range a.Rights {
		assignment.Rights = append(assignment.Rights, directory.Right(right))
	}
	return assignment
}

// showReport tells each failure as a single change would have been refused.
func (s server) showReport(r *http.Request, report *manage.DirectoryReport) *DirectoryReport {
	speaker := s.texts.speaker(r.Header.Get("Accept-Language"))
	count := func(kind manage.DirectoryKind) DirectoryCount {
		counted := report.Counts[kind]
		return DirectoryCount{Created: counted.Created, Updated: counted.Updated, Removed: counted.Removed}
	}
	return &DirectoryReport{
		Preview: report.Preview, Complete: report.Complete, Failed: report.Failed,
		Identities: count(manage.KindIdentity), Groups: count(manage.KindGroup), RoleAssignments: count(manage.KindRoleAssignment),
		Changes: shownAll(report.Changes, func(change manage.DirectoryChange) DirectoryChange {
			return DirectoryChange{Kind: change.Kind, Index: indexOrNull(change.Index), Name: change.Name, Action: change.Action}
		}),
		Failures: shownAll(report.Failures, func(failure manage.DirectoryFailure) DirectoryFailure {
			told, known := answerTo(failure.Err)
			if !known {
				s.log.Error("management api: unforeseen error of an import", zap.Error(failure.Err))
			}
			return DirectoryFailure{
				Kind: failure.Kind, Index: indexOrNull(failure.Index), Name: failure.Name, DetailCode: told.code, Causes: told.say(&speaker),
			}
		}),
	}
}

func indexOrNull(index int) *int {
	if index < 0 {
		return nil
	}
	return &index
}
