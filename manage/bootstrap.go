package manage

import (
	"context"
	"errors"
	"fmt"

	"github.com/cambio-sts/cambio/directory"
)

// Setup is the first administrator of an organization, and who may use personal tokens
// there.
type Setup struct {
	Organization string // its name; it exists
	Username     string
	DisplayName  string // empty: the username
	// Users is the name of the group that may use personal tokens: directory.Nobody,
	// directory.Everyone, or one that is made if there is none.
	Users string
}

// SetupResult is what Bootstrap did. Beside an error it is what was done before.
type SetupResult struct {
	Identity     directory.Identity     // the built-in administrator
	Organization directory.Organization // its policy included
	MadeGroup    bool                   // there was no group of the name Users
}

var (
	// ErrNoOrganization says that there is no organization of the name of a Setup.
	ErrNoOrganization = errors.New("there is no organization of that name")
	// ErrUsernameTaken says that the username of a Setup is somebody's who is not the
	// built-in administrator.
	ErrUsernameTaken = errors.New("the username is somebody's who is not the built-in administrator")
)

// AdministratorError says that the built-in administrator has another username: two
// would be one too many to guard.
type AdministratorError struct{ Username string }

func (e *AdministratorError) Error() string {
	return fmt.Sprintf("the built-in administrator is %q", e.Username)
}

// Bootstrap finds or makes the built-in administrator of an organization with its roles,
// and gives the use of personal tokens to a group, in place of any other. Repeated, it
// changes the answer to that. Nobody is asked for a right: whoever calls it has proved to
// run the installation.
//
// ErrNoOrganization; ErrUsernameTaken; *AdministratorError; directory.ErrReserved for a
// group with the name of a role; *directory.FieldError.
func Bootstrap(ctx context.Context, d *directory.Directory, setup Setup, actor directory.Actor) (SetupResult, error) {
	snapshot, err := d.Snapshot(ctx)
	if err != nil {
		return SetupResult{}, err
	}
	organization, ok := snapshot.OrganizationByName(setup.Organization)
	if !ok {
		return SetupResult{}, ErrNoOrganization
	}
	s := &bootstrap{directory: d, setup: setup, actor: actor, SetupResult: SetupResult{Organization: *organization}}
	users, err := s.users(ctx) // first: an administrator without it would end the setting up half-way
	if err != nil {
		return s.SetupResult, err
	}
	if err := s.administrator(ctx); err != nil {
		return s.SetupResult, err
	}
	if err := d.AssignToGroupOnly(ctx, organization.ID, directory.AccessAsNonInteractiveUser, users, actor); err != nil {
		return s.SetupResult, fmt.Errorf("assign %s: %w", directory.AccessAsNonInteractiveUser, err)
	}
	return s.SetupResult, nil
}

// SetupNeeded reports whether an organization, by its name, has no built-in administrator
// yet. ErrNoOrganization.
func SetupNeeded(ctx context.Context, d *directory.Directory, organization string) (bool, error) {
	snapshot, err := d.Snapshot(ctx)
	if err != nil {
		return false, err
	}
	of, ok := snapshot.OrganizationByName(organization)
	if !ok {
		return false, ErrNoOrganization
	}
	// It mostly holds what Bootstrap gave it, and nobody else need be looked at.
	var holders []directory.ID
	for _, assignment := range snapshot.Assignments() {
		if assignment.Role == directory.ManageSystemSecurityRoles && assignment.ScopeID == of.ID {
			holders = append(holders, assignment.Holder)
		}
	}
	found, err := d.FindAll(ctx, holders)
	if err != nil {
		return false, fmt.Errorf("look for the administrator: %w", err)
	}
	for _, identity := range found {
		if identity.BuiltInAdministrator && identity.Organization == of.ID {
			return false, nil
		}
	}
	administrator, err := builtIn(ctx, d, of.ID)
	return administrator == nil, err
}

// builtIn returns the built-in administrator of an organization; nil: there is none.
func builtIn(ctx context.Context, d *directory.Directory, organization directory.ID) (*directory.Identity, error) {
	for identity, err := range d.ListIdentities(ctx, organization) {
		if err != nil {
			return nil, fmt.Errorf("look for the administrator: %w", err)
		}
		if identity.BuiltInAdministrator {
			return &identity, nil
		}
	}
	return nil, nil
}

// bootstrap is one call of Bootstrap.
type bootstrap struct {
	SetupResult

	directory *directory.Directory
	setup     Setup
	actor     directory.Actor
}

// administrator finds or makes the built-in administrator. It holds each role by an
// assignment of its own, also the one that its first token needs: nobody gets a role
// implicitly.
func (s *bootstrap) administrator(ctx context.Context) error {
	admin, err := s.directory.FindByLogin(ctx, s.Organization.ID, directory.ByUsername, s.setup.Username)
	if errors.Is(err, directory.ErrNotFound) {
		admin, err = s.make(ctx)
	}
	if err != nil {
		return err
	}
	if !admin.BuiltInAdministrator {
		return ErrUsernameTaken
	}
	s.Identity = admin
	for _, assignment := range s.roles() {
		if err := s.directory.Assign(ctx, s.Organization.ID, assignment, s.actor); err != nil {
			return fmt.Errorf("assign %s: %w", assignment.Role, err)
		}
	}
	return nil
}

// make makes the built-in administrator, unless there is one under another name.
func (s *bootstrap) make(ctx context.Context) (directory.Identity, error) {
	other, err := builtIn(ctx, s.directory, s.Organization.ID)
	if err != nil {
		return directory.Identity{}, err
	}
	if other != nil {
		return directory.Identity{}, &AdministratorError{Username: other.Username}
	}
	draft := directory.Identity{
		Organization: s.Organization.ID, Type: directory.User, Username: s.setup.Username, DisplayName: s.setup.DisplayName, Enabled: true,
		BuiltInAdministrator: true,
	}
	if draft.DisplayName == "" {
		draft.DisplayName = draft.Username
	}
	admin, err := s.directory.CreateIdentity(ctx, draft, s.actor)
	if err != nil {
		return directory.Identity{}, fmt.Errorf("make the administrator: %w", err)
	}
	return admin, nil
}

// roles returns what the built-in administrator of an organization holds. That of the
// default one runs the platform.
func (s *bootstrap) roles() []directory.Assignment {
	first := directory.Assignment{Role: directory.PlatformAdmin, Scope: directory.OnPlatform, Holder: s.Identity.ID}
	if s.Organization.Name != directory.DefaultOrganizationName {
		first = directory.Assignment{Role: directory.OrganizationAdmin, Scope: directory.OnOrganization, ScopeID: s.Organization.ID, Holder: s.Identity.ID}
	}
	assignments := []directory.Assignment{first}
	for _, role := range []directory.Role{directory.ManageSystemSecurityRoles, directory.ManageSystemSecurityGroups, directory.AccessAsNonInteractiveUser} {
		assignments = append(assignments, directory.Assignment{Role: role, Scope: directory.OnOrganization, ScopeID: s.Organization.ID, Holder: s.Identity.ID})
	}
	return assignments
}

// users finds or makes the group that may use personal tokens.
func (s *bootstrap) users(ctx context.Context) (directory.ID, error) {
	snapshot, err := s.directory.Snapshot(ctx)
	if err != nil {
		return "", err
	}
	if group, ok := snapshot.GroupByName(s.Organization.ID, s.setup.Users); ok {
		return group.ID, nil
	}
	made, err := s.directory.CreateGroup(ctx, directory.Group{Organization: s.Organization.ID, Name: s.setup.Users}, s.actor)
	if err != nil {
		return "", fmt.Errorf("make the group: %w", err)
	}
	s.MadeGroup = true
	return made.ID, nil
}
