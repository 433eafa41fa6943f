package scim

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/exchange"
	"github.com/cambio-sts/cambio/internal/fault"
	"github.com/cambio-sts/cambio/internal/httpx"
	"github.com/cambio-sts/cambio/keys"
	"github.com/cambio-sts/cambio/manage"
	"github.com/cambio-sts/cambio/manage/door"
	"github.com/cambio-sts/cambio/pat"
	"github.com/cambio-sts/cambio/scim/filter"
)

type row struct {
	err    error
	status int
}

// foreseen is every error that the use cases of people and groups may meet, by its name,
// with its status.
func foreseen() map[string]row {
	return map[string]row{
		"fault.ErrUnavailable": {fault.ErrUnavailable, 503},
		"context cancelled":    {context.Canceled, 503},
		"context deadline":     {context.DeadlineExceeded, 503},

		"directory.ErrNotFound":  {directory.ErrNotFound, 404},
		"directory.ErrNameTaken": {directory.ErrNameTaken, 409},
		"directory.ErrConflict":  {directory.ErrConflict, 409},
		"directory.ErrReserved":  {directory.ErrReserved, 400},
		"directory.ErrCycle":     {directory.ErrCycle, 400},
		"directory.FieldError":   {&directory.FieldError{Field: "username", Cause: "is bad"}, 400},

		"exchange.ErrUnproved":    {exchange.ErrUnproved, 401},
		"exchange.ErrClient":      {exchange.ErrClient, 401},
		"exchange.DeniedError":    {&exchange.DeniedError{ID: "x"}, 401},
		"exchange.ThrottledError": {&exchange.ThrottledError{RetryAfter: time.Second}, 429},
		"keys.ErrExpired":         {keys.ErrExpired, 401},
		"keys.ErrInvalid":         {keys.ErrInvalid, 401},
		"keys.ErrNotOpened":       {keys.ErrNotOpened, 503},
		"keys.ErrStale":           {keys.ErrStale, 503},

		"pat.ErrConflict": {pat.ErrConflict, 409},

		"door.ErrNoCredential":   {door.ErrNoCredential, 401},
		"door.ErrSecretInURI":    {door.ErrSecretInURI, 401},
		"door.ErrTwoCredentials": {door.ErrTwoCredentials, 400},

		"manage.ErrNotFound":             {manage.ErrNotFound, 404},
		"manage.ErrNotProvisioner":       {manage.ErrNotProvisioner, 403},
		"manage.ErrChanged":              {manage.ErrChanged, 412},
		"manage.ErrLastAdministrator":    {manage.ErrLastAdministrator, 409},
		"manage.ErrBuiltIn":              {manage.ErrBuiltIn, 403},
		"manage.ErrTechnical":            {manage.ErrTechnical, 404},
		"manage.ErrSelf":                 {manage.ErrSelf, 409},
		"directory.ErrLastAdministrator": {directory.ErrLastAdministrator, 409},
		"directory.ErrTooMany":           {directory.ErrTooMany, 403},
		"manage.ScopeError":              {&manage.ScopeError{Scope: "x"}, 403},
		"manage.LackError":               {&manage.LackError{Role: directory.OrganizationAdmin}, 403},
		"manage.GiveError":               {&manage.GiveError{Assignment: directory.Assignment{Role: directory.PlatformAdmin}}, 403},

		"filter.Error":    {&filter.Error{Position: 1, Fix: "x"}, 400},
		"errNoRoute":      {errNoRoute, 404},
		"errMethod":       {errMethod, 405},
		"errNoChoice":     {errNoChoice, 403},
		"requestError":    {wrong(invalidPath, "x"), 400},
		"door.LimitError": {&door.LimitError{RetryAfter: time.Second}, 429},
		"partialError":    {&partialError{made: 1, of: 2, cause: directory.ErrNotFound}, 404},
		"body too large":  {&httpx.JSONError{Kind: httpx.ErrTooLarge}, 413},
		"body media type": {&httpx.JSONError{Kind: httpx.ErrMediaType}, 415},
		"body compressed": {&httpx.JSONError{Kind: httpx.ErrContentEncoding}, 415},
		"body malformed":  {&httpx.JSONError{Kind: httpx.ErrMalformed}, 400},
	}
}

func TestEveryErrorIsForeseen(t *testing.T) {
	for name, row := range foreseen() {
		for _, err := range []error{row.err, fmt.Errorf("attempt: %w", row.err), &partialError{made: 1, of: 2, cause: row.err}} {
			told, known := answerTo(err)
			require.True(t, known, name)
			require.Equal(t, row.status, told.status, name)
			require.NotEmpty(t, told.detail, name)
		}
	}
	told, known := answerTo(errors.New("never heard of"))
	require.False(t, known)
	require.Equal(t, 500, told.status)
	require.NotContains(t, told.detail, "heard")
	told, _ = answerTo(errors.Join(exchange.ErrUnproved, fault.ErrUnavailable))
	require.Equal(t, 503, told.status, "trouble is never a refusal")
	told, _ = answerTo(errors.Join(&directory.FieldError{Field: "username", Cause: "is bad"}, &directory.FieldError{Field: "email", Cause: "is worse"}))
	require.Equal(t, "userName is bad; emails is worse", told.detail)
}

// What the packages below may answer, as their source has it, is in the table.
func TestNoErrorIsForgotten(t *testing.T) {
	table := foreseen()
	// Errors of tokens, services and lists of the API, which no route here has to do with.
	elsewhere := []string{"manage.ErrOwner", "manage.ErrNotOwner", "manage.ErrTechnicalUser", "manage.ErrOldSecret", "manage.ServiceError", "manage.RotationError"}
	// Errors of signing in to the console.
	elsewhere = append(elsewhere, "manage.ErrMayNotAct", "manage.ErrUnknownPerson", "manage.ErrLinked", "manage.ErrAmbiguous", "manage.ErrNoOrganization",
		"manage.ErrUsernameTaken", "manage.AdministratorError")
	for _, dir := range []string{"directory", "manage", "manage/door", "internal/fault", "scim/filter"} {
		for _, found := range errorsOf(t, filepath.Join("..", dir)) {
			full := filepath.Base(dir) + "." + found
			if _, ok := table[full]; !ok {
				require.Contains(t, elsewhere, full, "an error that no answer is foreseen for")
			}
		}
	}
}

// errorsOf lists the exported sentinels and error types of a package.
func errorsOf(t *testing.T, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	require.NoError(t, err)
	var names []string
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		source, err := os.ReadFile(file)
		require.NoError(t, err)
		parsed, err := parser.ParseFile(token.NewFileSet(), file, source, 0)
		require.NoError(t, err)
		ast.Inspect(parsed, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.ValueSpec:
				for _, name := range n.Names {
					if strings.HasPrefix(name.Name, "Err") {
						names = append(names, name.Name)
					}
				}
			case *ast.FuncDecl:
				if n.Name.Name == "Error" && n.Recv != nil {
					if star, ok := n.Recv.List[0].Type.(*ast.StarExpr); ok {
						if ident, ok := star.X.(*ast.Ident); ok && ident.IsExported() {
							names = append(names, ident.Name)
						}
					}
				}
			}
			return true
		})
	}
	require.NotEmpty(t, names)
	return names
}
