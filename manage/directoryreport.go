package manage

import (
	"context"
	"errors"

	"github.com/cambio-sts/cambio/internal/fault"
)

// DirectoryAction is what an import does to one thing.
type DirectoryAction string

// The actions. What is as the file has it is left alone.
const (
	DirectoryCreate DirectoryAction = "create"
	DirectoryUpdate DirectoryAction = "update"
	DirectoryRemove DirectoryAction = "remove"
)

// DirectoryKind is a kind of thing in a directory file.
type DirectoryKind string

// The kinds.
const (
	KindIdentity       DirectoryKind = "identity"
	KindGroup          DirectoryKind = "group"
	KindRoleAssignment DirectoryKind = "roleAssignment"
)

const (
	// MaxDirectoryChanges is how many changes, and how many failures, a report lists.
	MaxDirectoryChanges = 1000
	// maxOutages is after how many changes in a row that the store did not take an
	// import gives up.
	maxOutages = 10
)

// DirectoryCount counts what was done to things of one kind, or would be.
type DirectoryCount struct{ Created, Updated, Removed int }

// DirectoryChange is one thing that an import changes.
type DirectoryChange struct {
	Kind   DirectoryKind
	Index  int // in its list in the file; -1 for what is not in it
	Name   string
	Action DirectoryAction
}

// DirectoryFailure is one thing that an import could not change, and why.
type DirectoryFailure struct {
	Kind  DirectoryKind
	Index int // as of a DirectoryChange
	Name  string
	Err   error
}

// DirectoryReport says what an import has done, or would do.
type DirectoryReport struct {
	Preview  bool
	Complete bool // everything was tried
	Counts   map[DirectoryKind]*DirectoryCount
	Failed   int
	Changes  []DirectoryChange  // the first MaxDirectoryChanges
	Failures []DirectoryFailure // the first MaxDirectoryChanges

	outages int // in a row
}

func newDirectoryReport(preview bool) *DirectoryReport {
	return &DirectoryReport{Preview: preview, Complete: true, Counts: map[DirectoryKind]*DirectoryCount{
		KindIdentity: {}, KindGroup: {}, KindRoleAssignment: {},
	}}
}

// errStopped ends an import whose store is gone, or whose caller may not go on.
var errStopped = errors.New("the import stopped")

// note records how the change of one thing ended. It returns an error if no other
// need be tried.
func (r *DirectoryReport) note(ctx context.Context, change DirectoryChange, err error) error {
	if ctx.Err() != nil {
		return ctx.Err() // nobody waits for the report
	}
	if err != nil {
		r.fail(change, err)
		if !errors.Is(err, fault.ErrUnavailable) {
			r.outages = 0
			return nil
		}
		if r.outages++; r.outages >= maxOutages {
			r.Complete = false
			return errStopped
		}
		return nil
	}
	r.outages = 0
	count := r.Counts[change.Kind]
	switch change.Action {
	case DirectoryCreate:
		count.Created++
	case DirectoryUpdate:
		count.Updated++
	case DirectoryRemove:
		count.Removed++
	default:
		return nil
	}
	if len(r.Changes) < MaxDirectoryChanges {
		r.Changes = append(r.Changes, change)
	}
	return nil
}

func (r *DirectoryReport) fail(change DirectoryChange, err error) {
	r.Failed++
	if len(r.Failures) < MaxDirectoryChanges {
		r.Failures = append(r.Failures, DirectoryFailure{Kind: change.Kind, Index: change.Index, Name: change.Name, Err: err})
	}
}
