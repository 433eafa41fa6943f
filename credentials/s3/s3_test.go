package s3

import (
	"context"
	"crypto/x509"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/cambio-sts/cambio/credentials"
	"github.com/cambio-sts/cambio/internal/egress"
	"github.com/cambio-sts/cambio/internal/secret"
)

const canary = "canary"

var (
	loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	now      = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
)

const good = `<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleWithWebIdentityResult>
<Credentials><AccessKeyId>ASIAEXAMPLE</AccessKeyId><SecretAccessKey>canary-secret/+=</SecretAccessKey><SessionToken>canary-token</SessionToken>
<Expiration>2026-11-26T12:15:00Z</Expiration></Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>`

// refusal is an answer of that service with a code.
func refusal(code string) string {
	return `<ErrorResponse><Error><Type>Sender</Type><Code>` + code + `</Code><Message>canary</Message></Error></ErrorResponse>`
}

// store is a token service that gives its answers in turn, the last of them again and again.
type store struct {
	*httptest.Server

	answers []answer
	forms   []url.Values
	headers []http.Header
}

type answer struct {
	status int
	body   string
}

func newStore(t *testing.T, answers ...answer) *store {
	t.Helper()
	s := &store{answers: answers}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *store) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	s.forms, s.headers = append(s.forms, r.PostForm), append(s.headers, r.Header)
	one := s.answers[0]
	if len(s.answers) > 1 {
		s.answers = s.answers[1:]
	}
	w.Header().Set("Location", "/elsewhere")
	w.Header().Set("Content-Type", "text/xml")
	w.WriteHeader(one.status)
	_, _ = io.WriteString(w, one.body)
}

func (s *store) provider(t *testing.T, change func(*Config)) *Provider {
	t.Helper()
	config := Config{Endpoint: s.URL, Allowed: loopback, RoleARN: "arn:aws:iam::123456789012:role/{{org_name}}"}
	if change != nil {
		change(&config)
	}
	p, err := New(config)
	require.NoError(t, err)
	return p
}

func grant() *credentials.Grant {
	return &credentials.Grant{
		Now: now, Expiry: now.Add(5 * time.Minute), Assertion: func(context.Context) (secret.Text, error) { return secret.New("jwt-1"), nil },
		Claims: &credentials.Claims{Username: "alice", OrganizationName: "retail", PAT: strings.Repeat("0", 32), Groups: []string{"s3-logs", "s3-data", "db"}},
	}
}

func TestIssue(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "not-this")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "not-this")
	t.Setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
	t.Setenv("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:1")
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	s := newStore(t, answer{200, good})
	p := s.provider(t, func(c *Config) {
		c.SessionName = "{{username}}@ci"
		c.Policy = `{"Statement": [{"Effect":"Allow", "Action":"s3:*", "Resource":["arn:aws:s3:::{{username}}/*", "{{groups:s3-*}}"]}]}`
	})
	issued, err := p.Issue(t.Context(), grant())
	require.NoError(t, err)
	var names []string
	told := map[string]string{}
	for _, member := range issued.Members {
		names = append(names, member.Name)
		told[member.Name] = member.Value.Reveal()
	}
	require.Equal(t, p.Members(), names)
	require.Equal(t, map[string]string{
		"aws_access_key_id": "ASIAEXAMPLE", "aws_secret_access_key": "canary-secret/+=", "aws_session_token": "canary-token",
		"aws_credentials_expiration": "2026-11-26T12:15:00Z",
	}, told)
	require.Equal(t, "ASIAEXAMPLE", issued.Handle)
	require.Equal(t, now.Add(15*time.Minute), issued.Expiry)
	require.NotContains(t, fmt.Sprintf("%+v", issued), canary)
	require.Equal(t, []url.Values{{
		"Action": {"AssumeRoleWithWebIdentity"}, "Version": {"2011-06-15"}, "WebIdentityToken": {"jwt-1"}, "DurationSeconds": {"900"},
		"RoleArn": {"arn:aws:iam::123456789012:role/retail"}, "RoleSessionName": {"alice@ci"},
		"Policy": {`{"Statement":[{"Effect":"Allow","Action":"s3:*","Resource":["arn:aws:s3:::alice/*","s3-logs","s3-data"]}]}`},
	}}, s.forms)
	require.Empty(t, s.headers[0].Get("Authorization"), "the JWT is the only proof")
	require.Equal(t, "cambio", s.headers[0].Get("User-Agent"))
	require.ErrorIs(t, p.Revoke(t.Context(), issued.Handle), credentials.ErrIrrevocable)
}

// How long keys live is asked for by how long the access token does, within what such
// services issue.
func TestDuration(t *testing.T) {
	for life, want := range map[time.Duration]string{
		time.Second: "900", 15 * time.Minute: "900", 20 * time.Minute: "1200", 20*time.Minute - time.Millisecond: "1200", 12 * time.Hour: "3600",
	} {
		s := newStore(t, answer{200, good})
		g := grant()
		g.Expiry = now.Add(life)
		_, err := s.provider(t, nil).Issue(t.Context(), g)
		require.NoError(t, err)
		require.Equal(t, want, s.forms[0].Get("DurationSeconds"), life)
	}
}

// A store that ends keys with the JWT, or by its own rule, is asked for no duration; and
// for no role if there is none.
func TestByServer(t *testing.T) {
	s := newStore(t, answer{200, strings.Replace(good, "T12:15", "T19:15", 1)})
	p := s.provider(t, func(c *Config) { c.RoleARN, c.Lifetime = "", ByServer })
	issued, err := p.Issue(t.Context(), grant())
	require.NoError(t, err)
	require.Equal(t, now.Add(7*time.Hour+15*time.Minute), issued.Expiry)
	require.False(t, s.forms[0].Has("DurationSeconds"))
	require.Empty(t, s.forms[0].Get("RoleArn"))
	require.False(t, s.forms[0].Has("Policy"))
	require.Equal(t, "pat-"+strings.Repeat("0", 32), s.forms[0].Get("RoleSessionName"))
}

// atMostTwice is how often a store is called that is still sending when nobody reads on:
// where that breaks the connection, it is called once more.
const atMostTwice = 0

// No answer but a right one gives anything, and no error repeats one.
func TestIssueRefuses(t *testing.T) {
	change := func(from, to string) string { return strings.Replace(good, from, to, 1) }
	for name, tc := range map[string]struct {
		answer answer
		want   string
		calls  int
	}{
		"denied":               {answer{403, refusal("AccessDenied")}, "the store refused: AccessDenied (does the role trust", 1},
		"an unknown issuer":    {answer{400, refusal("InvalidIdentityToken")}, "refused: InvalidIdentityToken (does the store know", 1},
		"expired":              {answer{400, refusal("ExpiredTokenException")}, "refused: ExpiredTokenException (do the clocks", 1},
		"a bad policy":         {answer{400, refusal("MalformedPolicyDocument")}, "refused: MalformedPolicyDocument (is the policy", 1},
		"a bad role":           {answer{400, refusal("ValidationError")}, "refused: ValidationError (is the role", 1},
		"issuer out of reach":  {answer{400, refusal("IDPCommunicationError")}, "refused: IDPCommunicationError (can the store", 2},
		"throttled":            {answer{400, refusal("Throttling")}, "refused: Throttling", 2},
		"away":                 {answer{503, refusal("ServiceUnavailable")}, "refused: ServiceUnavailable", 2},
		"a code that is none":  {answer{400, refusal("canary: jwt-1")}, "refused: an error without a code", 1},
		"an error of no XML":   {answer{400, "canary"}, "the store answered 400, with what", 1},
		"a redirect":           {answer{302, good}, "the store answered 302, with what", 1},
		"nothing":              {answer{200, ""}, "no credentials", 1},
		"no XML":               {answer{200, "canary"}, "the store answered 200, with what", 1},
		"JSON":                 {answer{200, `{"canary":1}`}, "the store answered 200, with what", 1},
		"half of it":           {answer{200, good[:len(good)/2]}, "the store answered 200, with what", 1},
		"no key id":            {answer{200, change("<AccessKeyId>ASIAEXAMPLE</AccessKeyId>", "")}, "no credentials", 1},
		"an odd key id":        {answer{200, change("ASIAEXAMPLE", "canary of a key")}, "some that cannot be", 1},
		"no secret":            {answer{200, change("canary-secret/+=", "")}, "some that cannot be", 1},
		"a secret of lines":    {answer{200, change("canary-secret", "canary\nsecret")}, "some that cannot be", 1},
		"no session":           {answer{200, change("canary-token", "")}, "some that cannot be", 1},
		"too long a session":   {answer{200, change("canary-token", strings.Repeat("canary", 4000))}, "some that cannot be", 1},
		"too long an answer":   {answer{200, good + strings.Repeat(" ", maxAnswer)}, "the answer is too long", atMostTwice},
		"too long in a field":  {answer{200, change("canary-token", strings.Repeat("canary", maxAnswer))}, "the answer is too long", atMostTwice},
		"no expiry":            {answer{200, change("<Expiration>2026-11-26T12:15:00Z</Expiration>", "")}, "no credentials", 1},
		"an expiry of no time": {answer{200, change("2026-11-26T12:15:00Z", "canary")}, "the store answered 200, with what", 1},
		"too long a life":      {answer{200, change("12:15:00", "12:16:01")}, "live longer than was asked for", 1},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStore(t, tc.answer)
			issued, err := s.provider(t, nil).Issue(t.Context(), grant())
			require.ErrorContains(t, err, tc.want)
			for _, never := range []string{canary, "jwt-1", s.URL, "alice"} {
				require.NotContains(t, err.Error(), never)
			}
			require.Empty(t, issued)
			if tc.calls == atMostTwice {
				require.LessOrEqual(t, len(s.forms), 2)
			} else {
				require.Len(t, s.forms, tc.calls)
			}
		})
	}
}

// What may pass is tried once more, and not forever.
func TestIssueAgain(t *testing.T) {
	s := newStore(t, answer{500, "canary"}, answer{200, good})
	issued, err := s.provider(t, nil).Issue(t.Context(), grant())
	require.NoError(t, err)
	require.Equal(t, "ASIAEXAMPLE", issued.Handle)
	require.Len(t, s.forms, 2)
}

// A store that says nothing is waited for within a bound, and no longer than the caller waits.
func TestIssueOfTheSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		p, err := New(Config{Endpoint: "https://a.example.com", Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			calls++
			<-r.Context().Done()
			return nil, r.Context().Err()
		})})
		require.NoError(t, err)
		began := time.Now()
		_, err = p.Issue(t.Context(), grant())
		require.EqualError(t, err, "call the store: context deadline exceeded")
		require.Equal(t, callTimeout, time.Since(began))

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err = p.Issue(ctx, grant())
		require.EqualError(t, err, "call the store: context deadline exceeded")
		require.Equal(t, callTimeout+time.Second, time.Since(began))
		require.Equal(t, 2, calls)
	})
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func answered(r *http.Request, status int, body string) *http.Response {
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: r, ProtoMajor: 1, ProtoMinor: 1}
}

func TestIssueOfNobody(t *testing.T) {
	s := newStore(t, answer{200, good})
	p := s.provider(t, nil)
	s.Close()
	_, err := p.Issue(t.Context(), grant())
	require.ErrorContains(t, err, "call the store: ")
	require.NotContains(t, err.Error(), "jwt-1")
	none := grant()
	none.Assertion = nil
	_, err = p.Issue(t.Context(), none)
	require.ErrorContains(t, err, "no audience")
}

// Nothing is asked for in the name of an owner whose claims make none that can be.
func TestIssueOfOtherNames(t *testing.T) {
	s := newStore(t, answer{200, good})
	for name, change := range map[string]func(*Config, *credentials.Claims){
		"a quote":              func(_ *Config, c *credentials.Claims) { c.OrganizationName = `a"b` },
		"a slash":              func(_ *Config, c *credentials.Claims) { c.OrganizationName = "a/b" },
		"none":                 func(_ *Config, c *credentials.Claims) { c.OrganizationName = "" },
		"a session of no name": func(f *Config, c *credentials.Claims) { f.SessionName, c.Username = "{{username}}", "" },
		"too short a session":  func(f *Config, c *credentials.Claims) { f.SessionName, c.Username = "{{username}}", "a" },
		"too long a session": func(f *Config, c *credentials.Claims) {
			f.SessionName, c.Username = "{{username}}", strings.Repeat("a", 65)
		},
		"an odd session":       func(f *Config, _ *credentials.Claims) { f.SessionName = "{{username}}/ci" },
		"a star in the policy": func(f *Config, c *credentials.Claims) { f.Policy, c.Username = `["{{username}}"]`, "*" },
		"too long a policy": func(f *Config, c *credentials.Claims) {
			f.Policy, c.Groups = `["{{groups}}"]`, strings.Split(strings.Repeat(strings.Repeat("a", 100)+",", 20)+"a", ",")
		},
	} {
		g := grant()
		p := s.provider(t, func(c *Config) { change(c, g.Claims) })
		_, err := p.Issue(t.Context(), g)
		var refused *credentials.ClaimError
		require.ErrorAs(t, err, &refused, name)
	}
	require.Empty(t, s.forms)
}

func TestNewRefuses(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"nowhere":             func(c *Config) { c.Endpoint = "" },
		"no region":           func(c *Config) { c.Region = "canary/../" },
		"no role at AWS":      func(c *Config) { c.Endpoint, c.Region, c.RoleARN = "", "eu-central-1", "" },
		"a role of no ARN":    func(c *Config) { c.RoleARN = "canary" },
		"a role of no claim":  func(c *Config) { c.RoleARN = "arn:aws:iam::1:role/{{canary}}" },
		"a name of no claim":  func(c *Config) { c.SessionName = "{{canary}}" },
		"a policy of no JSON": func(c *Config) { c.Policy = "canary" },
		"plain":               func(c *Config) { c.Endpoint = "http://93.184.216.34/" },
		"metadata":            func(c *Config) { c.Endpoint = "https://169.254.169.254/" },
		"a user":              func(c *Config) { c.Endpoint = "https://canary:p@a/" },
		"ftp":                 func(c *Config) { c.Endpoint = "ftp://canary/" },
		"a query":             func(c *Config) { c.Endpoint = "https://a/?canary" },
		"no host":             func(c *Config) { c.Endpoint = "https:///canary" },
	} {
		config := Config{Endpoint: "https://a.example.com", RoleARN: "arn:aws:iam::1:role/a"}
		_, err := New(config)
		require.NoError(t, err)
		change(&config)
		_, err = New(config)
		require.Error(t, err, name)
		require.NotContains(t, err.Error(), canary, name)
	}
}

// Whoever is not named is not called, whatever it is named, nor whoever cannot show whose it is.
func TestIssueCallsNobodyElse(t *testing.T) {
	s := newStore(t, answer{200, good})
	p := s.provider(t, func(c *Config) { c.Endpoint, c.Allowed = strings.Replace(s.URL, "127.0.0.1", "localhost", 1), nil })
	_, err := p.Issue(t.Context(), grant())
	require.ErrorIs(t, err, egress.ErrForbidden)

	shielded := httptest.NewUnstartedServer(s)
	shielded.Config.ErrorLog = zap.NewStdLog(zap.NewNop())
	shielded.StartTLS()
	t.Cleanup(shielded.Close)
	_, err = s.provider(t, func(c *Config) { c.Endpoint = shielded.URL }).Issue(t.Context(), grant())
	require.ErrorContains(t, err, "certificate")
	require.Empty(t, s.forms)

	roots := x509.NewCertPool()
	roots.AddCert(shielded.Certificate())
	_, err = s.provider(t, func(c *Config) { c.Endpoint, c.RootCAs = shielded.URL, roots }).Issue(t.Context(), grant())
	require.NoError(t, err)
}

// At AWS the service of the region is called.
func TestIssueOfAWS(t *testing.T) {
	for region, want := range map[string]string{
		"eu-central-1": "https://sts.eu-central-1.amazonaws.com/", "cn-north-1": "https://sts.cn-north-1.amazonaws.com.cn/",
		"us-gov-west-1": "https://sts.us-gov-west-1.amazonaws.com/",
	} {
		called := ""
		p, err := New(Config{Region: region, RoleARN: "arn:aws:iam::123456789012:role/ci", Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			called = r.URL.String()
			return answered(r, 200, good), nil
		})})
		require.NoError(t, err)
		_, err = p.Issue(t.Context(), grant())
		require.NoError(t, err)
		require.Equal(t, want, called)
	}
}

// Whatever is answered, what is issued is what stands there, and no other text gets out.
func FuzzAnswer(f *testing.F) {
	f.Add(200, good)
	f.Add(403, refusal("AccessDenied"))
	f.Add(200, "<a><AssumeRoleWithWebIdentityResult><Credentials/></AssumeRoleWithWebIdentityResult></a>")
	f.Add(500, "")
	f.Fuzz(func(t *testing.T, status int, body string) {
		if status < 200 || status > 599 {
			return
		}
		p, err := New(Config{Endpoint: "https://a.example.com", Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			return answered(r, status, body), nil
		})})
		require.NoError(t, err)
		issued, err := p.Issue(t.Context(), grant())
		if err != nil {
			require.Empty(t, issued)
			require.Regexp(t, `^(the store refused: [A-Za-z. ]+( \([a-z', A-Z3?]+\))?|the store answered [0-9]{3}, with what cannot be read|the answer .*|the store issued keys .*|call the store: [a-zA-Z ]+)$`, err.Error())
			return
		}
		require.Equal(t, 2, status/100)
		require.Len(t, issued.Members, 4)
		require.False(t, issued.Expiry.After(now.Add(minDuration+maxSkew)))
		for _, member := range issued.Members[:3] {
			require.Regexp(t, `^[!-~]+$`, member.Value.Reveal())
			require.Contains(t, texts(body), member.Value.Reveal())
		}
	})
}

// texts is all that stands in a document between tags.
func texts(document string) string {
	var all strings.Builder
	decoder := xml.NewDecoder(strings.NewReader(document))
	for {
		token, err := decoder.Token()
		if err != nil {
			return all.String()
		}
		if text, ok := token.(xml.CharData); ok {
			all.Write(text)
		}
	}
}
