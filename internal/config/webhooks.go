package config

import (
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"slices"

	"go.yaml.in/yaml/v3"
)

// Webhook is one receiver of events.
type Webhook struct {
	// URL is where they are posted to: https, or http to AllowedNetworks.
	URL string `yaml:"url"`
	// SecretFile holds the secrets they are signed with.
	SecretFile string `yaml:"secretFile"`
	// Events are names, or beginnings of names followed by *; empty is every event
	// but uses.
	Events []string `yaml:"events,omitempty"`
	// Organization is the only one whose events are sent; empty is every one.
	Organization string `yaml:"organization,omitempty"`
	// AllowedNetworks may be called though they are not public.
	AllowedNetworks []netip.Prefix `yaml:"allowedNetworks,omitempty"`
}

// webhooksKey is the other key that is no row, besides servicesKey.
const webhooksKey = "webhooks"

// webhookSettings are the keys of one webhook.
func webhookSettings() []setting {
	return []setting{
		{path: "url", kind: kindText, required: true, meaning: "Where events are posted to. https; http only if each address it stands for is in allowedNetworks. No user, password or fragment."},
		{path: "secretFile", kind: kindPath, required: true, meaning: "File with the secrets that sign: `whsec_` and the base64 of 24 to 64 bytes, one a line, newest first. Each signs, so that a receiver can change from one to the next. Read anew for each attempt."},
		{path: "events", kind: kindList, meaning: "Names of events, or beginnings of names followed by `*`, such as `PERSONAL_ACCESS_TOKEN_*`. Without it every change and warning. Uses of tokens (`PERSONAL_ACCESS_TOKEN_USED`, `…_USE_FAILED`) are sent only if they are named in full."},
		{path: "organization", kind: kindText, meaning: "Id of the organization whose events are sent. Without it those of all, and what belongs to none."},
		{path: "allowedNetworks", kind: kindNetworks, meaning: "Networks that may be called though they are loopback, private, link-local or otherwise not public. No other such address is, whatever a name resolves to."},
	}
}

// readWebhooks reads the list of webhooks.
func (l *loader) readWebhooks(node *yaml.Node) {
	if node.Kind != yaml.SequenceNode {
		l.problems.add(webhooksKey, &fault{"is not a list", "begin each webhook with - url:"})
		return
	}
	for i, item := range node.Content {
		path := fmt.Sprintf("%s[%d]", webhooksKey, i)
		l.problems.where[path] = l.at(item)
		l.webhooks = append(l.webhooks, l.readWebhook(path, item))
	}
}

func (l *loader) readWebhook(path string, node *yaml.Node) Webhook {
	var webhook Webhook
	var names []string
	for _, s := range webhookSettings() {
		names = append(names, s.path)
	}
	l.eachKey(path, node, under(path, names...), func(key string, value *yaml.Node) {
		switch lastPart(key) {
		case "url":
			webhook.URL = l.text(key, value)
		case "secretFile":
			webhook.SecretFile = absolute(l.fileDir, l.text(key, value))
		case "events":
			webhook.Events = l.texts(key, value, kindList)
		case "organization":
			webhook.Organization = l.text(key, value)
		case "allowedNetworks":
			for _, network := range l.texts(key, value, kindNetworks) {
				webhook.AllowedNetworks = append(webhook.AllowedNetworks, netip.MustParsePrefix(network))
			}
		default:
		}
	})
	return webhook
}

// texts reads the list at key; nil after a problem.
func (l *loader) texts(key string, node *yaml.Node, of kind) []string {
	value, f := setting{kind: of}.parseNode(node, "")
	l.problems.add(key, f)
	items, _ := value.([]string)
	if len(items) == 0 {
		return nil
	}
	return items
}

var (
	eventPattern   = regexp.MustCompile(`^[A-Z][A-Z_]{0,99}\*?$`)
	organizationID = regexp.MustCompile(`^[0-9a-f]{32}$`)
)

func (l *loader) validateWebhooks(cfg *Config) {
	seen := map[[2]string]bool{}
	for i := range cfg.Webhooks {
		webhook := &cfg.Webhooks[i]
		path := fmt.Sprintf("%s[%d]", webhooksKey, i)
		l.locate(path, "url", "secretFile")
		l.problems.add(join(path, "url"), checkWebhookURL(webhook))
		same := [2]string{webhook.URL, webhook.Organization}
		if seen[same] {
			l.problems.add(join(path, "url"), &fault{"is there twice for the same organization", "put the events of both into one"})
		}
		seen[same] = true
		if webhook.SecretFile == "" {
			l.problems.add(join(path, "secretFile"), &fault{causeMissing, "name the file with the secret that signs"})
		} else {
			l.problems.add(join(path, "secretFile"), checkFile(webhook.SecretFile))
		}
		if slices.ContainsFunc(webhook.Events, func(e string) bool { return !eventPattern.MatchString(e) }) {
			l.problems.add(join(path, "events"), &fault{"has an item that is no name of events", "write names such as PERSONAL_ACCESS_TOKEN_REVOKED, or a beginning and *, such as GROUP_*"})
		}
		if webhook.Organization != "" && !organizationID.MatchString(webhook.Organization) {
			l.problems.add(join(path, "organization"), &fault{"is not the id of an organization", "write its 32 hexadecimal digits in lower case"})
		}
		if slices.ContainsFunc(webhook.AllowedNetworks, func(p netip.Prefix) bool { return p.Bits() == 0 }) {
			l.problems.add(join(path, "allowedNetworks"), &fault{"allows every address", "name the network of the receiver"})
		}
	}
}

// causeUserInURL is of an URL that would put a secret into the file.
const causeUserInURL = "has a user or password in it"

func checkWebhookURL(webhook *Webhook) *fault {
	if webhook.URL == "" {
		return &fault{causeMissing, "write such as url: https://hooks.example.com/cambio"}
	}
	u, err := url.Parse(webhook.URL)
	switch {
	case err != nil || !isURIText(webhook.URL) || u.Opaque != "" || u.Hostname() == "" || u.Scheme != "https" && u.Scheme != "http":
		return &fault{"is not an https URL", "write it as https://host/path"}
	case u.User != nil:
		return &fault{causeUserInURL, "remove it: the receiver knows the sender by the signature"}
	case u.Fragment != "" || u.RawFragment != "" || webhook.URL[len(webhook.URL)-1] == '#':
		return &fault{"has a fragment", "remove the # and what follows it"}
	case u.Scheme == "http" && len(webhook.AllowedNetworks) == 0:
		return &fault{"is plain http", "write https; http is for networks that allowedNetworks names, such as 127.0.0.0/8"}
	}
	return nil
}
