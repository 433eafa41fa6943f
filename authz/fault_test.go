package authz

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"testing"
	"time"

	"github.com/ory/fosite"
	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/exchange"
	"github.com/cambio-sts/cambio/internal/fault"
	"github.com/cambio-sts/cambio/internal/httpx"
	"github.com/cambio-sts/cambio/keys"
	"github.com/cambio-sts/cambio/pat"
)

// descriptions is what RFC 6749 §5.2 allows in one.
var descriptions = regexp.MustCompile(`^[\x20-\x21\x23-\x5B\x5D-\x7E]+$`)

func TestAnswerTo(t *testing.T) {
	denial := &exchange.DeniedError{Cause: exchange.CauseNetwork, Description: "not allowed from this network", ID: "0123"}
	form := func(kind error) error { return &httpx.FormError{Kind: kind, Param: "scope"} }
	const basic, bearer = challengeBasic, challengeBearer
	for name, test := range map[string]struct {
		err         error
		at          door
		status      int
		code        string
		description string
		challenge   string
		retry       string
	}{
		"own":                     {err: errDelegation, status: 400, code: "invalid_request", description: "delegation not supported"},
		"unproved subject":        {err: exchange.ErrUnproved, status: 400, code: "invalid_request", description: "subject_token is invalid"},
		"unproved client":         {err: pat.ErrUnproved, at: doorClient, status: 401, code: "invalid_client", description: "client authentication failed", challenge: basic},
		"old secret":              {err: pat.ErrOldSecret, at: doorClient, status: 401, code: "invalid_client", description: "client authentication failed", challenge: basic},
		"unproved bearer":         {err: exchange.ErrUnproved, at: doorBearer, status: 401, code: "invalid_token", description: "the token is invalid", challenge: bearer},
		"denied subject":          {err: denial, status: 400, code: "invalid_request", description: denial.Description},
		"denied client":           {err: denial, at: doorClient, status: 401, code: "invalid_client", description: denial.Description, challenge: basic},
		"denied bearer":           {err: denial, at: doorBearer, status: 401, code: "invalid_token", description: denial.Description, challenge: bearer},
		"throttled":               {err: &exchange.ThrottledError{RetryAfter: 2100 * time.Millisecond}, status: 429, code: "temporarily_unavailable", description: "too many failed attempts", retry: "3"},
		"throttled for a moment":  {err: &exchange.ThrottledError{RetryAfter: time.Millisecond}, status: 429, code: "temporarily_unavailable", description: "too many failed attempts", retry: "1"},
		"client beside a subject": {err: exchange.ErrClient, status: 401, code: "invalid_client", description: "client authentication failed", challenge: basic},
		"target":                  {err: &exchange.TargetError{Description: "x"}, status: 400, code: "invalid_target", description: "x"},
		"scope":                   {err: &exchange.ScopeError{Description: "x"}, status: 400, code: "invalid_scope", description: "x"},
		"a text out of bounds":    {err: &exchange.ScopeError{Description: "a\"b\\c\né\x7f"}, status: 400, code: "invalid_scope", description: "a?b?c???"},
		"expired JWT":             {err: keys.ErrExpired, at: doorBearer, status: 401, code: "invalid_token", description: "the token is expired", challenge: bearer},
		"invalid JWT":             {err: keys.ErrInvalid, at: doorBearer, status: 401, code: "invalid_token", description: "the token is invalid", challenge: bearer},
		"unavailable":             {err: fault.ErrUnavailable, status: 503, code: "temporarily_unavailable", description: "try again later", retry: "1"},
		"mint failed":             {err: errors.Join(keys.ErrClaims, fault.ErrUnavailable), status: 503, code: "temporarily_unavailable", description: "try again later", retry: "1"},
		"conflict":                {err: pat.ErrConflict, status: 503, code: "temporarily_unavailable", description: "try again later", retry: "1"},
		"cancelled":               {err: context.Canceled, status: 503, code: "temporarily_unavailable", description: "try again later", retry: "1"},
		"too late":                {err: context.DeadlineExceeded, status: 503, code: "temporarily_unavailable", description: "try again later", retry: "1"},
		"ring not open":           {err: keys.ErrNotOpened, status: 503, code: "temporarily_unavailable", description: "try again later", retry: "1"},
		"ring stale":              {err: keys.ErrStale, status: 503, code: "temporarily_unavailable", description: "try again later", retry: "1"},
		"ring without key":        {err: keys.ErrNoActiveKey, status: 503, code: "temporarily_unavailable", description: "try again later", retry: "1"},
		"ring without canary":     {err: keys.ErrNoCanary, status: 503, code: "temporarily_unavailable", description: "try again later", retry: "1"},
		"wrong master key":        {err: keys.ErrWrongMasterKey, status: 503, code: "temporarily_unavailable", description: "try again later", retry: "1"},
		"form too large":          {err: form(httpx.ErrTooLarge), status: 413, code: "invalid_request", description: "the request body is too large: scope"},
		"form compressed":         {err: form(httpx.ErrContentEncoding), status: 415, code: "invalid_request", description: "the content encoding is not supported: scope"},
		"form of another type":    {err: form(httpx.ErrMediaType), status: 400, code: "invalid_request", description: "the content type is not supported: scope"},
		"form malformed":          {err: form(httpx.ErrMalformed), status: 400, code: "invalid_request", description: "the request body is malformed: scope"},
		"form repeats":            {err: form(httpx.ErrDuplicate), status: 400, code: "invalid_request", description: "a parameter occurs more than once: scope"},
		"secret in the query":     {err: form(httpx.ErrSecretInURI), status: 400, code: "invalid_request", description: "a credential was sent in the query string: scope"},
		"fosite's own":            {err: fosite.ErrInvalidRequest.WithHint("é"), status: 500, code: "server_error", description: "an internal fault occurred"},
		"wiring":                  {err: errWiring, status: 500, code: "server_error", description: "an internal fault occurred"},
		"anything else":           {err: errors.New("dial tcp"), status: 500, code: "server_error", description: "an internal fault occurred"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, err := range []error{test.err, fmt.Errorf("attempt: %w", test.err)} {
				answer := answerTo(err, test.at)
				require.Equal(t, test.status, answer.status)
				require.Equal(t, test.code, answer.code)
				require.Equal(t, test.description, answer.description)
				require.Regexp(t, descriptions, answer.description)
				require.Equal(t, test.status == http.StatusInternalServerError, answer.internal)
				recorder := httptest.NewRecorder()
				answer.write(recorder)
				if test.challenge == "" {
					require.Empty(t, recorder.Header().Values("WWW-Authenticate"))
				} else {
					require.Contains(t, recorder.Header().Get("WWW-Authenticate"), test.challenge)
				}
				require.Equal(t, test.retry, recorder.Header().Get("Retry-After"))
			}
		})
	}
}

func TestEveryFixedErrorIsWithinTheCharacters(t *testing.T) {
	for _, fixed := range []*protocolError{
		errNoGrantType, errNoSubjectToken, errNoSubjectTokenType, errSubjectTokenType, errRequestedTokenType, errNoActorTokenType, errNoActorToken,
		errDelegation, errExchangeMultipart, errTwoCredentials, errClientMismatch, errClientAssertion, errNoToken, errClientIP, errBodyToken,
		errMethod, errUnsupportedGrant, errNoClient, errNoCaller, errMayIntrospect, errNoOpenID,
	} {
		require.Regexp(t, descriptions, fixed.description)
		require.Contains(t, fixed.Error(), fixed.code)
	}
}
