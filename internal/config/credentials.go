package config

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Credential is one provider of the credentials that an exchange returns where the scope
// credentials is asked for. One of its kinds is set.
type Credential struct {
	// Name is unique: lower-case letters, digits and hyphens.
	Name string `yaml:"name"`
	// Audience is the `aud` of the JWT that the provider is shown; empty: it is shown none.
	Audience string `yaml:"audience,omitempty"`
	// Alg signs that JWT; empty is keys.alg.
	Alg string `yaml:"alg,omitempty"`
	// Claims are further claims of that JWT, each a template.
	Claims map[string]string `yaml:"claims,omitempty"`
	// Prefix begins the names of its members of the answer.
	Prefix string `yaml:"prefix,omitempty"`
	// Organizations has the names of those whose owners get some; nil is every one.
	Organizations []string `yaml:"organizations,omitempty"`
	// Groups has the names of those whose members get some; nil is everyone.
	Groups []string `yaml:"groups,omitempty"`
	// HTTP is any service that answers with JSON.
	HTTP *CredentialHTTP `yaml:"http,omitempty"`
	// S3 is an object store.
	S3 *CredentialS3 `yaml:"s3,omitempty"`
	// Postgres is a PostgreSQL database.
	Postgres *CredentialPostgres `yaml:"postgres,omitempty"`
}

// CredentialHTTP is a service that is posted the JWT and answers with JSON. Fields are
// named by their path, such as data.token.
type CredentialHTTP struct {
	// URL is https, or http to AllowedNetworks.
	URL string `yaml:"url"`
	// AllowedNetworks may be called though they are not public.
	AllowedNetworks []netip.Prefix `yaml:"allowedNetworks,omitempty"`
	// Members maps the names of members to fields.
	Members map[string]string `yaml:"members"`
	// ExpiryField is the field with the expiry; empty: they live as long as the JWT.
	ExpiryField string `yaml:"expiryField,omitempty"`
	// HandleField is the field with the public name; empty: they have none.
	HandleField string `yaml:"handleField,omitempty"`
	// RevokeURL is where a handle is posted to that shall end; empty: they end by expiry.
	RevokeURL string `yaml:"revokeUrl,omitempty"`
}

// credentialsKey is a key that is no row, like servicesKey.
const credentialsKey = "credentials"

// credentialSettings are the keys of one provider.
func credentialSettings() []setting {
	rows := []setting{
		{path: "name", kind: kindText, required: true, meaning: "What audit trail and log call it: lower-case letters, digits and hyphens. Unique."},
		{path: "audience", kind: kindText, meaning: "The `aud` (and `azp`) of the JWT that it is shown: whose owner asks, for how long, and no scope. Never the audience of a service. Required by `http` and `s3`."},
		{path: "alg", kind: kindText, oneOf: algorithms(), meaning: "Algorithm that JWT is signed with. Without it keys.alg."},
		{path: "claims", kind: kindPairs, meaning: "Further claims of that JWT, such as `{ policy: \"{{groups:s3-*}}\" }`: a map from names to templates."},
		{path: "prefix", kind: kindText, meaning: "Begins the names of its members in the answer, so that two providers of a kind can be told apart: `logs_` makes `logs_aws_access_key_id`."},
		{path: "organizations", kind: kindList, meaning: "Names of the organizations whose owners get its credentials. Without it every one's."},
		{path: "groups", kind: kindList, meaning: "Names of groups, each of the owner's own organization, whose members get its credentials. Without it everyone who asks for the scope and whose token has it."},
	}
	for _, k := range credentialKinds() {
		for _, s := range k.settings {
			s.path = join(k.name, s.path)
			rows = append(rows, s)
		}
	}
	return rows
}

// credentialKind is a kind of provider: a map of its own in the provider's.
type credentialKind struct {
	name     string
	settings []setting
	read     func(l *loader, path string, node *yaml.Node, into *Credential)
	has      func(c *Credential) bool
	validate func(l *loader, path string, c *Credential)
	// audience says that it cannot do without one.
	audience bool
}

func credentialKinds() []credentialKind {
	return []credentialKind{httpCredentials(), s3Credentials(), postgresCredentials()}
}

// readCredentials reads the list of providers.
func (l *loader) readCredentials(node *yaml.Node) {
	if node.Kind != yaml.SequenceNode {
		l.problems.add(credentialsKey, &fault{"is not a list", "begin each provider with - name:"})
		return
	}
	for i, item := range node.Content {
		path := fmt.Sprintf("%s[%d]", credentialsKey, i)
		l.problems.where[path] = l.at(item)
		l.credentials = append(l.credentials, l.readCredential(path, item))
	}
}

func (l *loader) readCredential(path string, node *yaml.Node) Credential {
	var c Credential
	names := []string{"name", "audience", "alg", "claims", "prefix", "organizations", "groups"}
	for _, k := range credentialKinds() {
		names = append(names, k.name)
	}
	l.eachKey(path, node, under(path, names...), func(key string, value *yaml.Node) {
		switch part := lastPart(key); part {
		case "name":
			c.Name = l.text(key, value)
		case "audience":
			c.Audience = l.text(key, value)
		case "alg":
			c.Alg = l.text(key, value)
		case "claims":
			c.Claims = l.pairs(key, value)
		case "prefix":
			c.Prefix = l.text(key, value)
		case "organizations":
			c.Organizations = l.readOrganizations(key, value)
		case "groups":
			c.Groups = l.texts(key, value, kindList)
		default:
			for _, k := range credentialKinds() {
				if k.name == part {
					k.read(l, key, value, &c)
				}
			}
		}
	})
	return c
}

// pairs reads the map at key; nil after a problem, or if it is empty.
func (l *loader) pairs(key string, node *yaml.Node) map[string]string {
	value, f := setting{kind: kindPairs}.parseNode(node, "")
	l.problems.add(key, f)
	pairs, _ := value.(map[string]string)
	if len(pairs) == 0 {
		return nil
	}
	return pairs
}

// networks reads the list of networks at key; nil after a problem.
func (l *loader) networks(key string, node *yaml.Node) []netip.Prefix {
	var networks []netip.Prefix
	for _, network := range l.texts(key, node, kindNetworks) {
		networks = append(networks, netip.MustParsePrefix(network))
	}
	return networks
}

var (
	credentialName   = regexp.MustCompile(`^[a-z][a-z0-9-]{0,62}$`)
	credentialMember = regexp.MustCompile(`^[a-z][a-z0-9_]{0,63}$`)
)

func (l *loader) validateCredentials(cfg *Config) {
	seen := map[string]bool{}
	for i := range cfg.Credentials {
		c := &cfg.Credentials[i]
		path := fmt.Sprintf("%s[%d]", credentialsKey, i)
		l.locate(path, "name", "audience")
		switch {
		case c.Name == "":
			l.problems.add(join(path, "name"), &fault{causeMissing, "name the provider, such as warehouse"})
		case !credentialName.MatchString(c.Name):
			l.problems.add(join(path, "name"), &fault{"is not a name", "use lower-case letters, digits and hyphens, a letter first"})
		case seen[c.Name]:
			l.problems.add(join(path, "name"), &fault{"is the name of another provider too", "give each a name of its own"})
		}
		seen[c.Name] = true
		if c.Prefix != "" && !credentialMember.MatchString(c.Prefix) {
			l.problems.add(join(path, "prefix"), &fault{"is not the beginning of a name", "use lower-case letters, digits and underscores, a letter first"})
		}
		if c.Alg != "" && !slices.Contains(algorithms(), c.Alg) {
			l.problems.add(join(path, "alg"), &fault{"is not one of the known values", "write one of " + strings.Join(algorithms(), ", ")})
		}
		l.problems.add(join(path, "audience"), l.checkProviderAudience(cfg, c.Audience))
		l.validateKind(path, c)
	}
}

// checkProviderAudience refuses the audience of a service: who receives the JWT of a
// provider could use it there.
func (l *loader) checkProviderAudience(cfg *Config, audience string) *fault {
	if audience == "" {
		return nil
	}
	if audience == cfg.Issuer+apiPath || slices.ContainsFunc(cfg.Services, func(s Service) bool { return s.Audience == audience }) {
		return &fault{"is the audience of a service", "give the provider one of its own: what it is shown must be good for nothing else"}
	}
	return checkAudience(audience)
}

func (l *loader) validateKind(path string, c *Credential) {
	var kinds, all []string
	for _, k := range credentialKinds() {
		all = append(all, k.name)
		if !k.has(c) {
			continue
		}
		kinds = append(kinds, k.name)
		k.validate(l, join(path, k.name), c)
		if k.audience && c.Audience == "" {
			l.problems.add(join(path, "audience"), &fault{causeMissing, "name what the provider knows itself by, such as audience: https://vault.example.com"})
		}
	}
	if len(kinds) != 1 {
		l.problems.addAt(l.problems.where[path], path, &fault{"is of no kind, or of more than one", "write one of " + strings.Join(all, ", ") + " with its keys"})
	}
}
