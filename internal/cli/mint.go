package cli

import (
	"net/url"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/cambio-sts/cambio/internal/secret"
)

// wants is what an access token is asked for; what is empty is left to the server.
type wants struct{ audience, resource, scope []string }

func (w *wants) add(flags *pflag.FlagSet) {
	flags.StringSliceVar(&w.audience, "audience", nil, "service the access token is for; repeatable (default: the server's)")
	flags.StringSliceVar(&w.resource, "resource", nil, "the same by its URL (RFC 8707); repeatable")
	flags.StringSliceVar(&w.scope, "scope", nil, "what it may do; repeatable, comma-separated (default: all the token may)")
}

// exchange sends the token to be exchanged for w (RFC 8693 §2.1) and returns the
// answer.
func (c *call) exchange(w wants) ([]byte, error) {
	client, err := c.client()
	if err != nil {
		return nil, err
	}
	values := url.Values{
		"grant_type": {grantExchange}, "subject_token": {client.token.text.Reveal()}, "subject_token_type": {subjectTypePAT},
	}
	values["audience"], values["resource"] = w.audience, w.resource
	if c.changed("scope") || len(w.scope) > 0 {
		values.Set("scope", strings.Join(w.scope, " "))
	}
	r := form("/oauth2/token", values)
	r.anonymous = true
	a, err := c.send(r)
	return a.body, err
}

// minted is an access token for another program.
type minted struct {
	token    secret.Text
	clientID string    // id of the personal access token; may be empty
	expires  time.Time // by this machine's clock, whole seconds, not after the server's
}

// mint exchanges the token for w.
func (c *call) mint(w wants) (minted, error) {
	began := c.env.Now()
	body, err := c.exchange(w)
	if err != nil {
		return minted{}, err
	}
	var got exchanged
	if err := decode(body, &got); err != nil {
		return minted{}, err
	}
	c.warnOfExpiry(got)
	if !got.printable() || got.ExpiresIn <= 0 {
		return minted{}, errNoAccessToken("see cambio exchange -o json")
	}
	client := got.ClientID
	if !isID(client) {
		client = ""
	}
	return minted{secret.New(got.AccessToken), client, began.Add(time.Duration(got.ExpiresIn) * time.Second).Truncate(time.Second)}, nil
}

// tokenAtHand returns the token for a program that sends it to a server of its own.
// Without a server of Cambio named, there is none that it could be kept from.
func (c *call) tokenAtHand() (credential, error) {
	if firstOf(c.opts.server, c.env.Getenv("CAMBIO_SERVER"), c.env.Getenv("CAMBIO_URL")) == "" {
		return c.credential(nil)
	}
	to, err := c.target()
	if err != nil {
		return credential{}, err
	}
	return c.credential(to.base)
}
