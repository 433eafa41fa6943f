package api

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/exchange"
	"github.com/cambio-sts/cambio/internal/fault"
	"github.com/cambio-sts/cambio/internal/httpx"
	"github.com/cambio-sts/cambio/internal/query"
	"github.com/cambio-sts/cambio/keys"
	"github.com/cambio-sts/cambio/manage"
	"github.com/cambio-sts/cambio/manage/door"
	"github.com/cambio-sts/cambio/pat"
)

// foreseen is every error of the packages below, by its name, with its status.
func foreseen() map[string]struct {
	err    error
	status int
} {
	type row = struct {
		err    error
		status int
	}
	return map[string]row{
		"fault.ErrUnavailable": {fault.ErrUnavailable, 503},

		"pat.ErrNotFound":         {pat.ErrNotFound, 404},
		"pat.ErrNameTaken":        {pat.ErrNameTaken, 400},
		"pat.ErrLimit":            {pat.ErrLimit, 400},
		"pat.ErrNoOwner":          {pat.ErrNoOwner, 409},
		"pat.ErrConflict":         {pat.ErrConflict, 409},
		"pat.ErrNotReactivatable": {pat.ErrNotReactivatable, 400},
		"pat.ErrLineage":          {pat.ErrLineage, 400},
		"pat.ErrNotActive":        {pat.ErrNotActive, 400},
		"pat.NotActiveError":      {&pat.NotActiveError{Status: pat.Revoked}, 400},
		"pat.ErrWider":            {pat.ErrWider, 403},
		"pat.ErrParentEnded":      {pat.ErrParentEnded, 403},
		"pat.WiderError":          {&pat.WiderError{Field: "scope"}, 403},
		"pat.ErrMalformed":        {pat.ErrMalformed, 401},
		"pat.ErrUnproved":         {pat.ErrUnproved, 401},
		"pat.ErrOldSecret":        {pat.ErrOldSecret, 401},
		"pat.FieldError":          {&pat.FieldError{Field: "name", Cause: "is bad"}, 400},
		"pat.RefusedError":        {&pat.RefusedError{Cause: pat.CauseRevoked}, 401},

		"directory.ErrNotFound":          {directory.ErrNotFound, 404},
		"directory.ErrNameTaken":         {directory.ErrNameTaken, 400},
		"directory.ErrConflict":          {directory.ErrConflict, 409},
		"directory.ErrTooMany":           {directory.ErrTooMany, 400},
		"directory.ErrLastAdministrator": {directory.ErrLastAdministrator, 409},
		"directory.ErrReserved":          {directory.ErrReserved, 400},
		"directory.FieldError":           {&directory.FieldError{Field: "username", Cause: "is bad"}, 400},
		"directory.ErrCycle":             {directory.ErrCycle, 400},

		"exchange.ErrUnproved":    {exchange.ErrUnproved, 401},
		"exchange.ErrClient":      {exchange.ErrClient, 401},
		"exchange.DeniedError":    {&exchange.DeniedError{ID: "x"}, 401},
		"exchange.TargetError":    {&exchange.TargetError{Description: "x"}, 400},
		"exchange.ScopeError":     {&exchange.ScopeError{Description: "x"}, 400},
		"exchange.ThrottledError": {&exchange.ThrottledError{RetryAfter: time.Second}, 429},

		"keys.ErrExpired":        {keys.ErrExpired, 401},
		"keys.ErrInvalid":        {keys.ErrInvalid, 401},
		"keys.ErrUnknownKey":     {keys.ErrUnknownKey, 404},
		"keys.ErrNotOpened":      {keys.ErrNotOpened, 503},
		"keys.ErrStale":          {keys.ErrStale, 503},
		"keys.ErrNoActiveKey":    {keys.ErrNoActiveKey, 503},
		"keys.ErrNoCanary":       {keys.ErrNoCanary, 503},
		"keys.ErrWrongMasterKey": {keys.ErrWrongMasterKey, 503},
		"keys.ErrSwapped":        {keys.ErrSwapped, 503},

		"manage.ErrNotFound":          {manage.ErrNotFound, 404},
		"manage.ErrNotOwner":          {manage.ErrNotOwner, 403},
		"manage.ErrTechnicalUser":     {manage.ErrTechnicalUser, 403},
		"manage.ErrOldSecret":         {manage.ErrOldSecret, 403},
		"manage.ErrNotProvisioner":    {manage.ErrNotProvisioner, 403},
		"manage.ErrChanged":           {manage.ErrChanged, 412},
		"manage.ErrLastAdministrator": {manage.ErrLastAdministrator, 409},
		"manage.ErrBuiltIn":           {manage.ErrBuiltIn, 403},
		"manage.ErrTechnical":         {manage.ErrTechnical, 400},
		"manage.ErrSelf":              {manage.ErrSelf, 409},
		"manage.ErrOwner":             {manage.ErrOwner, 400},
		"manage.ScopeError":           {&manage.ScopeError{Scope: "x"}, 403},
		"manage.LackError":            {&manage.LackError{Role: directory.PlatformAdmin}, 403},
		"manage.GiveError":            {&manage.GiveError{}, 403},
		"manage.ServiceError":         {&manage.ServiceError{}, 400},
		"manage.RotationError":        {&manage.RotationError{Wider: &pat.WiderError{Field: "scope"}}, 403},

		"query.Error": {&query.Error{}, 400},

		"door.ErrNoCredential":   {door.ErrNoCredential, 401},
		"door.ErrSecretInURI":    {door.ErrSecretInURI, 401},
		"door.ErrTwoCredentials": {door.ErrTwoCredentials, 400},
		"errNoRoute":             {errNoRoute, 404},
		"errMethod":              {errMethod, 405},
		"door.LimitError":        {&door.LimitError{RetryAfter: time.Second}, 429},
		"requestError":           {&requestError{key: causeQuery}, 400},
		"updateError":            {&updateError{key: causePatchOp, args: []any{1}}, 400},
		"testError":              {&testError{}, 409},
		"body too large":         {&bodyError{JSONError: &httpx.JSONError{Kind: httpx.ErrTooLarge}}, 413},
		"body media type":        {&bodyError{JSONError: &httpx.JSONError{Kind: httpx.ErrMediaType}}, 415},
		"body compressed":        {&bodyError{JSONError: &httpx.JSONError{Kind: httpx.ErrContentEncoding}}, 415},
		"body malformed":         {&bodyError{JSONError: &httpx.JSONError{Kind: httpx.ErrMalformed}}, 400},
		"context cancelled":      {context.Canceled, 503},
		"context deadline":       {context.DeadlineExceeded, 503},
	}
}

func TestEveryErrorIsForeseen(t *testing.T) {
	for name, row := range foreseen() {
		for _, err := range []error{row.err, fmt.Errorf("attempt: %w", row.err), errors.Join(row.err, row.err)} {
			told, known := answerTo(err)
			require.True(t, known, name)
			require.Equal(t, row.status, told.status, name)
			switch told.status {
			case http.StatusUnauthorized:
				require.NotEmpty(t, told.unauthorized, name)
			case http.StatusTooManyRequests:
				require.Positive(t, told.retryAfter, name)
			default:
				require.True(t, strings.HasPrefix(told.code, fmt.Sprint(told.status)), name)
			}
		}
	}
	told, known := answerTo(errors.New("never heard of"))
	require.False(t, known)
	require.Equal(t, "500.0 Internal Fault", told.code)
	told, _ = answerTo(errors.Join(pat.ErrUnproved, fault.ErrUnavailable))
	require.Equal(t, http.StatusServiceUnavailable, told.status, "trouble is never a refusal")
}

// What the packages below may answer, as their source has it, is in the table.
func TestNoErrorIsForgotten(t *testing.T) {
	table := foreseen()
	// Errors of building things, not of using them.
	elsewhere := []string{"keys.ErrUnknownAlg", "keys.ErrUnsafeRollover", "keys.ErrMasterSyntax", "keys.ErrClaims", "keys.ErrTooLong"}
	// Errors of changing the master key, which is done at the command line.
	elsewhere = append(elsewhere, "keys.ErrNothingToActivate", "keys.ErrPendingVersion", "keys.ErrNoVersion", "keys.ErrSealingVersion", "keys.ErrVersionChanged")
	// Errors of signing in to the console, where the API has no part.
	elsewhere = append(elsewhere, "manage.ErrMayNotAct", "manage.ErrUnknownPerson", "manage.ErrLinked", "manage.ErrAmbiguous", "manage.ErrNoOrganization", "manage.ErrUsernameTaken",
		"manage.AdministratorError")
	for _, name := range []string{"pat", "directory", "exchange", "keys", "manage", "manage/door", "internal/query", "internal/fault"} {
		short := name[strings.LastIndex(name, "/")+1:]
		for _, found := range errorsOf(t, "../"+name) {
			full := short + "." + found
			if _, ok := table[full]; !ok {
				require.Contains(t, elsewhere, full, "an error that no answer is foreseen for")
			}
		}
	}
}

// errorsOf lists the exported sentinels and error types of a package.
func errorsOf(t *testing.T, dir string) []string {
	t.Helper()
	packages, err := parser.ParseDir(token.NewFileSet(), dir, func(f fs.FileInfo) bool { return !strings.HasSuffix(f.Name(), "_test.go") }, 0) //nolint:staticcheck // names are all that is wanted
	require.NoError(t, err)
	var names []string
	for _, one := range packages {
		ast.Inspect(one, func(n ast.Node) bool {
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

func TestEndedCauses(t *testing.T) {
	texts := newCatalogues()
	speaker := texts.speaker("")
	for text, ended := range map[string]pat.NotActiveError{
		"the token is Revoked, which is final: create a new one":              {Status: pat.Revoked},
		"the token is Auto-revoked, which is final: create a new one":         {Status: pat.AutoRevoked},
		"the token is Revoked: have it reactivated first":                     {Status: pat.Revoked, Reversible: true},
		"the token is Expired: move its expirationDate into the future first": {Status: pat.Expired},
	} {
		told, _ := answerTo(&ended)
		require.Equal(t, text, told.say(&speaker)[0].Text)
	}
}

// Each field in which a token may be wider has a text of its own.
func TestWiderCauses(t *testing.T) {
	texts := newCatalogues()
	speaker := texts.speaker("")
	for _, field := range []string{"scope", "expirationDate", "level", "audience", "allowedNetworks"} {
		for bound, byMaker := range map[string]bool{"the token you act with": false, "the token that made it (createdByPat)": true} {
			told, known := answerTo(&pat.WiderError{Field: field, ByMaker: byMaker})
			require.True(t, known)
			text := told.say(&speaker)[0].Text
			require.True(t, strings.HasPrefix(text, field+": wider than "+bound+": give "), text)
		}
	}
}

func TestWantsProblem(t *testing.T) {
	for accept, want := range map[string]bool{
		"": false, "*/*": false, "application/json": false, "application/*": false, "text/html": false, "application/problem+json": true,
		"application/problem+json;q=0": false, "application/json, application/problem+json": true,
		"application/json, application/problem+json;q=0.9": false, "text/html;q=1,application/problem+json;q=0.1": true,
		"application/problem+json;q=x": false, ",,,": false,
	} {
		require.Equal(t, want, wantsProblem(http.Header{"Accept": {accept}}), accept)
	}
}
