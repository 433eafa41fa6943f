package soak

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	clerkEvery = 500 * time.Millisecond
	shortLife  = 2 * time.Second // of tokens that expire
	skew       = 2 * time.Second // after its expiry a token is used
)

// clerk makes and ends tokens, and uses those that ended.
type clerk struct {
	rig    *rig
	window *window

	events []ending // that the trail must have
	dead   []pat    // acknowledged as revoked, or expired
	dying  []dying
	turns  int
	failed int // turns that a fault cut short
	strays int // and those that something else did
	wrong  []string
}

// ending is an event that must be in the trail.
type ending struct{ event, id string }

type dying struct {
	pat

	at time.Time
}

// errExcused says that a fault would be an excuse, and that nobody knows what happened.
var errExcused = errors.New("no answer")

// work takes turns until ctx ends.
func (c *clerk) work(ctx context.Context) {
	ticker := time.NewTicker(clerkEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		kind := c.window.kind.Load()
		err := c.turn(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case errors.Is(err, errExcused) && (kind != outside || c.window.kind.Load() != outside):
			c.failed++
		case errors.Is(err, errExcused):
			c.failed++
			c.strays++
		case err != nil:
			c.wrong = append(c.wrong, err.Error())
		default:
			c.turns++
		}
	}
}

// turn makes a token at one process, and uses and ends it at others.
func (c *clerk) turn(ctx context.Context) error {
	n := c.turns + c.failed
	at, elsewhere := c.rig.replicas[n%len(c.rig.replicas)], c.rig.replicas[(n+1)%len(c.rig.replicas)]
	if err := c.useDead(ctx, elsewhere); err != nil {
		return err
	}
	if err := c.tidy(ctx, at, elsewhere); err != nil {
		return err
	}
	expires := n%4 == 3
	life := time.Hour
	if expires {
		life = shortLife
	}
	var token pat
	until := time.Now().Add(life)
	if err := excuse(c.create(ctx, at, fmt.Sprintf("soak %d", n), until, &token))("create"); err != nil {
		return err
	}
	c.events = append(c.events, ending{"CREATED", token.ID})
	if expires {
		c.dying = append(c.dying, dying{token, until.Add(skew)})
		return nil
	}
	if err := excuse(c.exchange(ctx, elsewhere, token.Token))("exchange"); err != nil {
		return err
	}
	if n%4 == 1 {
		if err := c.rotate(ctx, at, &token); err != nil {
			return err
		}
	}
	if err := excuse(c.call(ctx, at, "/api/v1/personal-access-tokens/"+token.ID+"/revoke", `{"reason":"unused"}`, nil))("revoke"); err != nil {
		return err
	}
	c.events = append(c.events, ending{"REVOKED", token.ID})
	c.dead = append(c.dead, token)
	for _, replica := range c.rig.replicas {
		if err := c.requireDead(ctx, replica, token); err != nil {
			return err
		}
	}
	return nil
}

func (c *clerk) rotate(ctx context.Context, at *replica, token *pat) error {
	old := *token
	if err := excuse(c.call(ctx, at, "/api/v1/personal-access-tokens/"+token.ID+"/rotate", `{"reason":"compromised"}`, token))("rotate"); err != nil {
		return err
	}
	c.events = append(c.events, ending{"ROTATED", token.ID})
	return c.requireDead(ctx, at, old)
}

// useDead uses a token that has just expired, and one that ended long ago.
func (c *clerk) useDead(ctx context.Context, at *replica) error {
	if len(c.dying) > 0 && time.Now().After(c.dying[0].at) {
		token := c.dying[0].pat
		c.dying = c.dying[1:]
		if err := c.requireDead(ctx, at, token); err != nil {
			return err
		}
		c.events = append(c.events, ending{"EXPIRED", token.ID})
		c.dead = append(c.dead, token)
	}
	if len(c.dead) == 0 {
		return nil
	}
	return c.requireDead(ctx, at, c.dead[rand.IntN(len(c.dead))])
}

// maxDead is how many tokens that ended are kept, to be used now and then. An owner has
// 1000 at most.
const maxDead = 500

// tidy deletes the token that ended first, once there are many, and uses it elsewhere.
func (c *clerk) tidy(ctx context.Context, at, elsewhere *replica) error {
	if len(c.dead) < maxDead {
		return nil
	}
	token := c.dead[0]
	status, err := send(ctx, at, http.MethodDelete, "/api/v1/personal-access-tokens/"+token.ID, "", c.rig.owner.Token, "", nil)
	if status == http.StatusNoContent || status == http.StatusNotFound { // deleted by an answer that did not arrive
		status = http.StatusOK
	}
	if err := excuse(status, err)("delete"); err != nil {
		return err
	}
	c.dead = c.dead[1:]
	c.events = append(c.events, ending{"DELETED", token.ID})
	return c.requireDead(ctx, elsewhere, token)
}

// requireDead returns nil once a token was refused for good.
func (c *clerk) requireDead(ctx context.Context, at *replica, token pat) error {
	status, err := c.exchange(ctx, at, token.Token)
	switch {
	case err != nil, status == http.StatusServiceUnavailable:
		return fmt.Errorf("use of what ended, at %s: %d: %w", at.name, status, errors.Join(err, errExcused))
	case status == http.StatusBadRequest:
		return nil
	default:
		return fmt.Errorf("%s answers %d for %s, which ended", at.name, status, token.ID)
	}
}

// excuse turns an answer that is not 200 into an error, and one that a fault may cause
// into errExcused.
func excuse(status int, err error) func(what string) error {
	return func(what string) error {
		switch {
		case err != nil, status == http.StatusServiceUnavailable:
			return fmt.Errorf("%s: %d: %w", what, status, errors.Join(err, errExcused))
		case status != http.StatusOK:
			return fmt.Errorf("%s: answer %d", what, status)
		default:
			return nil
		}
	}
}

func (c *clerk) create(ctx context.Context, at *replica, name string, expires time.Time, made *pat) (int, error) {
	body := fmt.Sprintf(`{"name":%q,"expirationDate":%q}`, name, expires.UTC().Format("2006-01-02T15:04:05.000Z"))
	return c.call(ctx, at, "/api/v1/personal-access-tokens", body, made)
}

// call posts to the management API as the owner.
func (c *clerk) call(ctx context.Context, at *replica, path, body string, into any) (int, error) {
	return send(ctx, at, http.MethodPost, path, "application/json", c.rig.owner.Token, body, into)
}

func (c *clerk) exchange(ctx context.Context, at *replica, token string) (int, error) {
	return exchange(ctx, at, token)
}

func exchange(ctx context.Context, at *replica, token string) (int, error) {
	form := url.Values{
		"grant_type":         {"urn:ietf:params:oauth:grant-type:token-exchange"},
		"subject_token_type": {"urn:ietf:params:oauth:token-type:access_token"},
		"subject_token":      {token},
	}.Encode()
	return send(ctx, at, http.MethodPost, "/oauth2/token", "application/x-www-form-urlencoded", "", form, nil)
}

func send(ctx context.Context, at *replica, method, path, kind, bearer, body string, into any) (int, error) {
	request, err := http.NewRequestWithContext(ctx, method, "http://"+at.addr+path, strings.NewReader(body))
	if err != nil {
		return 0, err
	}
	if kind != "" {
		request.Header.Set("Content-Type", kind)
	}
	if bearer != "" {
		request.Header.Set("Authorization", "Bearer "+bearer)
	}
	answer, err := at.client.Do(request)
	if err != nil {
		return 0, err
	}
	text, err := io.ReadAll(answer.Body)
	if err = errors.Join(err, answer.Body.Close()); err == nil && into != nil && answer.StatusCode == http.StatusOK {
		err = json.Unmarshal(text, into)
	}
	return answer.StatusCode, err
}
