package config

import (
	"bytes"
	"encoding/json"
	"net/netip"
	"net/url"
	"regexp"
	"slices"

	"go.yaml.in/yaml/v3"
)

// CredentialS3 is an object store whose token service takes the JWT for a role
// (AssumeRoleWithWebIdentity).
type CredentialS3 struct {
	// Endpoint is https, or http to AllowedNetworks; empty is AWS in Region.
	Endpoint string `yaml:"endpoint,omitempty"`
	// Region is of AWS; empty beside an Endpoint is no matter.
	Region string `yaml:"region,omitempty"`
	// AllowedNetworks may be called though they are not public.
	AllowedNetworks []netip.Prefix `yaml:"allowedNetworks,omitempty"`
	// CAFile has the authorities of the endpoint's certificate; empty: the system's.
	CAFile string `yaml:"caFile,omitempty"`
	// RoleARN is the template of the role; empty: the store knows by the JWT.
	RoleARN string `yaml:"roleArn,omitempty"`
	// SessionName is the template of what the session is called; empty: by the token's id.
	SessionName string `yaml:"sessionName,omitempty"`
	// Policy is the template of the session's policy; empty: none.
	Policy string `yaml:"policy,omitempty"`
	// Lifetime is LifetimeRequested, or empty for the same, or LifetimeServer.
	Lifetime string `yaml:"lifetime,omitempty"`
}

// Who decides how long keys of a store live.
const (
	LifetimeRequested = "requested"
	LifetimeServer    = "server"
)

func lifetimes() []string { return []string{LifetimeRequested, LifetimeServer} }

// s3Credentials is the kind of object stores.
func s3Credentials() credentialKind {
	return credentialKind{
		name: "s3", audience: true,
		settings: []setting{
			{path: "endpoint", kind: kindText, meaning: "URL of the token service, such as that of MinIO. https; http only if each address it stands for is in allowedNetworks. No user, password, query or fragment; redirects are not followed, proxies not used. Without it AWS in region."},
			{path: "region", kind: kindText, meaning: "Region of AWS, such as `eu-central-1`: its token service is called. Required without endpoint."},
			{path: "allowedNetworks", kind: kindNetworks, meaning: "Networks that may be called though they are loopback, private, link-local or otherwise not public. No other such address is, whatever a name resolves to."},
			{path: "caFile", kind: kindPath, meaning: "PEM file with the authorities that the endpoint's certificate may be of. Without it the system's."},
			{path: "roleArn", kind: kindText, meaning: "Template of the role that is assumed, such as `arn:aws:iam::123456789012:role/{{org_name}}`. Required without endpoint; without it a store takes the policy from a claim of the JWT."},
			{path: "sessionName", kind: kindText, meaning: "Template of what the session is called in the store's own log: 2 to 64 letters, digits and `_+=,.@-`. Without it `pat-{{pat_id}}`."},
			{path: "policy", kind: kindText, meaning: "JSON of a policy that narrows the role's for this session, with a template in each string; up to 2048 characters when filled in. Without it the role's holds alone."},
			{path: "lifetime", kind: kindText, oneOf: lifetimes(), meaning: "`requested` asks for keys that live as long as the access token beside them, within the 15 minutes to an hour that such stores issue; those that would live longer are not handed out. `server` asks for none and leaves it to the store: MinIO then ends them with the JWT. Without it `requested`."},
		},
		read: func(l *loader, path string, node *yaml.Node, into *Credential) {
			into.S3 = l.readS3Credentials(path, node)
		},
		has: func(c *Credential) bool { return c.S3 != nil },
		validate: func(l *loader, path string, c *Credential) {
			l.validateS3Credentials(path, c.S3)
		},
	}
}

func (l *loader) readS3Credentials(path string, node *yaml.Node) *CredentialS3 {
	c := &CredentialS3{}
	texts := map[string]*string{
		"endpoint": &c.Endpoint, "region": &c.Region, "roleArn": &c.RoleARN, "sessionName": &c.SessionName, "lifetime": &c.Lifetime,
	}
	l.eachKey(path, node, under(path, "endpoint", "region", "allowedNetworks", "caFile", "roleArn", "sessionName", "policy", "lifetime"), func(key string, value *yaml.Node) {
		switch part := lastPart(key); part {
		case "allowedNetworks":
			c.AllowedNetworks = l.networks(key, value)
		case "caFile":
			c.CAFile = absolute(l.fileDir, l.text(key, value))
		case "policy":
			c.Policy = l.jsonText(key, value)
		default:
			if into := texts[part]; into != nil {
				*into = l.text(key, value)
			}
		}
	})
	return c
}

// jsonText reads JSON that may be written on several lines, and puts it on one; empty
// after a problem.
func (l *loader) jsonText(key string, node *yaml.Node) string {
	var line bytes.Buffer
	if node.Kind != yaml.ScalarNode || json.Compact(&line, []byte(node.Value)) != nil {
		l.problems.add(key, &fault{"is not JSON", "write it between single quotes, or as a block after |"})
		return ""
	}
	node.Value = line.String()
	return l.text(key, node)
}

// awsRegion is the form of the name of one.
var awsRegion = regexp.MustCompile(`^[a-z]{2,}(-[a-z0-9]+){1,5}$`)

func (l *loader) validateS3Credentials(path string, c *CredentialS3) {
	l.locate(path, "endpoint", "region", "roleArn")
	if c.Endpoint != "" {
		l.problems.add(join(path, "endpoint"), checkS3Endpoint(c))
	}
	if c.Endpoint == "" && c.Region == "" {
		l.problems.add(join(path, "region"), &fault{"is missing, and endpoint too", "write such as region: eu-central-1 for AWS, or the endpoint of another store"})
	}
	if c.Region != "" && !awsRegion.MatchString(c.Region) {
		l.problems.add(join(path, "region"), &fault{"is not the name of a region", "write such as eu-central-1"})
	}
	if c.Endpoint == "" && c.RoleARN == "" {
		l.problems.add(join(path, "roleArn"), &fault{causeMissing, "AWS knows by the role what keys may do: write such as roleArn: arn:aws:iam::123456789012:role/ci"})
	}
	if c.CAFile != "" {
		l.problems.add(join(path, "caFile"), checkFile(c.CAFile))
	}
	if c.Lifetime != "" && !slices.Contains(lifetimes(), c.Lifetime) {
		l.problems.add(join(path, "lifetime"), &fault{"is not one of the known values", "write requested or server"})
	}
	if slices.ContainsFunc(c.AllowedNetworks, func(p netip.Prefix) bool { return p.Bits() == 0 }) {
		l.problems.add(join(path, "allowedNetworks"), &fault{"allows every address", "name the network of the store"})
	}
}

func checkS3Endpoint(c *CredentialS3) *fault {
	if f := checkProviderURL(c.Endpoint, c.AllowedNetworks); f != nil {
		return f
	}
	if u, err := url.Parse(c.Endpoint); err != nil || u.RawQuery != "" || u.ForceQuery {
		return &fault{"has a query", "remove the ? and what follows it"}
	}
	return nil
}
