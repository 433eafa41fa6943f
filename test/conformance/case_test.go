package conformance

import (
	"encoding/base64"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// place is where a case runs.
type place int

const (
	everyStore place = iota // cambio dev, on each store
	onRedis                 // cambio dev on Redis: another process changes something
	onServed                // cambio serve with services of its own
	onOutage                // cambio dev on a Redis server that may be stopped
	onConsole               // cambio serve with people who log in to its console
	onItsOwn                // what it starts itself
)

// Case holds one thing that a row promises: an exchange of requests, or a
// function where that does not do.
type Case struct {
	ID   string // of the row
	Name string
	On   place
	PATs []draft // made before, deleted afterwards
	Steps
	Run func(t *testing.T, w *world)
}

// Steps are sent one after the other.
type Steps []Step

// Step is a request and what must come back. Texts in it may name variables:
// ${alice.token}.
type Step struct {
	Request

	Want Want
	Save map[string]string // variable → member of the answer
}

// draft is a personal access token to be made for a case by the management API.
// It gives the variables <name>.id, .secret, .token and .expires.
type draft struct {
	name    string
	owner   string        // alice if empty
	members string        // of the JSON body, beside the name
	expires time.Duration // from now; 0: never
}

// Request is one HTTP request.
type Request struct {
	Method  string
	Path    string   // with the query string
	Header  []string // "Name: value"
	Form    []string // "name=value", in plain text
	Body    string   // sent as it is, if there is no Form
	Raw     bool     // sent over a bare connection: no client would
	Replica bool     // sent to the second replica, where there is one
}

// change makes one request out of another; a case that must fail is one change
// away from one that must not.
type change func(*Request)

func (r Request) with(changes ...change) Request {
	r.Header, r.Form = slices.Clone(r.Header), slices.Clone(r.Form)
	for _, change := range changes {
		change(&r)
	}
	return r
}

// The URIs of RFC 8693 §2.1 and §3, and our own.
const (
	grantExchange   = "urn:ietf:params:oauth:grant-type:token-exchange"
	typeAccessToken = "urn:ietf:params:oauth:token-type:access_token"
	typeJWT         = "urn:ietf:params:oauth:token-type:jwt"
	typePAT         = "urn:ietf:params:oauth:token-type:pat"
)

// The endpoints.
const (
	pathToken      = "/oauth2/token"
	pathPATToken   = "/oauth/token"
	pathIntrospect = "/oauth2/introspect"
	pathRevoke     = "/oauth2/revoke"
	pathUserinfo   = "/oauth2/userinfo"
	pathServer     = "/.well-known/oauth-authorization-server"
	pathOpenID     = "/.well-known/openid-configuration"
	pathJWKS       = "/.well-known/jwks.json"
	pathResource   = "/.well-known/oauth-protected-resource/api/v1"
	pathTokens     = "/api/v1/personal-access-tokens"
	pathMine       = pathTokens + "?owner-id=me"
)

// exchange is a token exchange of alice's token, changed.
func exchange(changes ...change) Request {
	return Request{Method: "POST", Path: pathToken, Form: []string{
		"grant_type=" + grantExchange, "subject_token_type=" + typePAT, "subject_token=${alice.token}",
	}}.with(changes...)
}

// credentials is client_credentials with alice's token by Basic, changed.
func credentials(changes ...change) Request {
	return Request{Method: "POST", Path: pathToken, Form: []string{"grant_type=client_credentials"}}.with(
		append([]change{basic("${alice.id}", "${alice.secret}")}, changes...)...)
}

// introspect asks, as admin, for alice's token.
func introspect(changes ...change) Request {
	return Request{Method: "POST", Path: pathIntrospect, Form: []string{"token=${alice.token}"}}.with(
		append([]change{basic("${admin.id}", "${admin.secret}")}, changes...)...)
}

// revoke presents a token, to be revoked.
func revoke(token string, changes ...change) Request {
	return Request{Method: "POST", Path: pathRevoke, Form: []string{"token=" + token}}.with(changes...)
}

// get is a request without credentials.
func get(path string, changes ...change) Request {
	return Request{Method: "GET", Path: path}.with(changes...)
}

// call is a request to the management API by alice's token.
func call(method, path string, changes ...change) Request {
	return Request{Method: method, Path: path}.with(append([]change{bearer("${alice.token}")}, changes...)...)
}

func method(name string) change { return func(r *Request) { r.Method = name } }
func path(path string) change   { return func(r *Request) { r.Path = path } }
func raw(r *Request)            { r.Raw = true }
func replica(r *Request)        { r.Replica = true }

// query appends to the query string.
func query(text string) change {
	return func(r *Request) {
		if strings.Contains(r.Path, "?") {
			r.Path += "&" + text
		} else {
			r.Path += "?" + text
		}
	}
}

// set gives a parameter of the form another value.
func set(name, value string) change {
	return func(r *Request) {
		drop(name)(r)
		add(name, value)(r)
	}
}

// add appends a parameter to the form, also one that is there.
func add(name, value string) change {
	return func(r *Request) { r.Form = append(r.Form, name+"="+value) }
}

// drop leaves a parameter of the form out.
func drop(name string) change {
	return func(r *Request) {
		r.Form = slices.DeleteFunc(r.Form, func(pair string) bool { return strings.HasPrefix(pair, name+"=") })
	}
}

// body replaces the form by a body of another kind.
func body(contentType, text string) change {
	return func(r *Request) {
		r.Form, r.Body = nil, text
		head("Content-Type", contentType)(r)
	}
}

func jsonBody(text string) change { return body("application/json", text) }

// head sets a header field.
func head(name, value string) change {
	return func(r *Request) {
		unhead(name)(r)
		r.Header = append(r.Header, name+": "+value)
	}
}

// unhead leaves a header field out.
func unhead(name string) change {
	return func(r *Request) {
		r.Header = slices.DeleteFunc(r.Header, func(line string) bool { return strings.HasPrefix(line, name+": ") })
	}
}

// basic authenticates by HTTP Basic; user and password may be variables, which
// is why the runner encodes them.
func basic(user, password string) change { return head("Authorization", basicMark+user+":"+password) }

// basicMark stands before what the runner encodes.
const basicMark = "Basic <"

func encodeBasic(value string) string {
	if plain, ok := strings.CutPrefix(value, basicMark); ok {
		return "Basic " + base64.StdEncoding.EncodeToString([]byte(plain))
	}
	return value
}

func bearer(token string) change { return head("Authorization", "Bearer "+token) }

func anonymous(r *Request) { unhead("Authorization")(r) }

// marathon is n, or a hundredth of it where the suite does not run in full.
func marathon(n int) int {
	if os.Getenv("CAMBIO_MARATHON") == "1" {
		return n
	}
	return n / 100
}

// refused is a case of one request that must fail.
func refused(id, name string, request Request, want Want) Case {
	return Case{ID: id, Name: name, Steps: Steps{{Request: request, Want: want}}}
}

// accepted is a case of one request that must be answered as wanted.
func accepted(id, name string, request Request, want Want) Case {
	return refused(id, name, request, want)
}

// cases are all of them.
func cases() []Case {
	return slices.Concat(
		exchangeCases(), targetCases(), exchangeAnswerCases(), clientCases(), bearerCases(), jwtCases(), introspectionCases(),
		revocationCases(), metadataCases(), forgeryCases(), apiCases(), scimCases(), matrixCases(), secretCases(), auditCases(), configCases(), outageCases(),
		loginCases(), sessionCases(), pageCases(),
	)
}
