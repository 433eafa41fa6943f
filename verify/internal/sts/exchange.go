package sts

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	grantExchange   = "urn:ietf:params:oauth:grant-type:token-exchange" // RFC 8693 §2.1
	typeAccessToken = "urn:ietf:params:oauth:token-type:access_token"   //nolint:gosec // RFC 8693 §3: a name, no credential
)

// Request is an exchange of a subject token for an access token (RFC 8693 §2.1).
type Request struct {
	SubjectToken string
	Audience     string // of one service
	Scope        string // space separated; empty: all that the subject token gives
}

// Answer is an issued token (RFC 8693 §2.2.1).
type Answer struct {
	AccessToken string
	ExpiresIn   time.Duration // zero: not told
	Scope       string        // empty: as requested
}

// RefusalError is an error answer of the token endpoint (RFC 6749 §5.2) which says
// that the credential or the request is at fault.
type RefusalError struct {
	Code        string // error
	Description string // error_description
}

// Error names the code and the description, as the server wrote them.
func (r *RefusalError) Error() string {
	return fmt.Sprintf("the token endpoint refused: %q: %q", r.Code, r.Description)
}

// Exchange exchanges a token at endpoint. It fails with a *RefusalError, or with
// ErrUnavailable, 429 included: then the answer may be another later.
func (c *Client) Exchange(ctx context.Context, endpoint string, asked Request) (Answer, error) {
	form := url.Values{
		"grant_type": {grantExchange}, "subject_token": {asked.SubjectToken}, "subject_token_type": {typeAccessToken},
		"requested_token_type": {typeAccessToken}, "audience": {asked.Audience},
	}
	if asked.Scope != "" {
		form.Set("scope", asked.Scope)
	}
	got, err := c.send(ctx, func(ctx context.Context) (*http.Request, error) {
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint, strings.NewReader(form.Encode()))
		if err == nil {
			request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		return request, err
	})
	if err != nil {
		return Answer{}, err
	}
	if got.status != http.StatusOK {
		return Answer{}, refusal(got)
	}
	var issued struct {
		AccessToken string      `json:"access_token"`
		TokenType   string      `json:"token_type"`
		ExpiresIn   json.Number `json:"expires_in"`
		Scope       string      `json:"scope"`
	}
	if err := json.Unmarshal(got.body, &issued); err != nil {
		return Answer{}, fmt.Errorf("%w: the token endpoint answered no JSON", ErrUnavailable)
	}
	if issued.AccessToken == "" || !strings.EqualFold(issued.TokenType, "Bearer") {
		return Answer{}, fmt.Errorf("%w: the token endpoint issued no bearer token", ErrUnavailable)
	}
	return Answer{issued.AccessToken, lifetime(issued.ExpiresIn), issued.Scope}, nil
}

func lifetime(expiresIn json.Number) time.Duration {
	count, err := strconv.ParseInt(expiresIn.String(), 10, 32)
	if err != nil {
		return 0
	}
	return time.Duration(max(0, count)) * time.Second
}

// refusal tells a refusal, which has an error code, from trouble.
func refusal(got answer) error {
	var told struct {
		Code        string `json:"error"`
		Description string `json:"error_description"`
	}
	trouble := got.status >= http.StatusInternalServerError || got.status == http.StatusTooManyRequests || got.status < http.StatusBadRequest
	if trouble || json.Unmarshal(got.body, &told) != nil || told.Code == "" {
		return fmt.Errorf("%w: the token endpoint answered %d", ErrUnavailable, got.status)
	}
	return &RefusalError{told.Code, told.Description}
}
