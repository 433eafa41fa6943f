package main

import (
	"fmt"
	"net/url"
	"time"

	"github.com/cambio-sts/cambio/internal/cli"
	"github.com/cambio-sts/cambio/internal/config"
	"github.com/cambio-sts/cambio/internal/secret"
	"github.com/cambio-sts/cambio/internal/webhook"
)

// openWebhooks opens what sends the events of the audit sink.
func (n *node) openWebhooks() error {
	receivers := make([]webhook.Receiver, 0, len(n.config.Webhooks))
	for i := range n.config.Webhooks {
		from := &n.config.Webhooks[i]
		receivers = append(receivers, webhook.Receiver{
			Name: webhookName(i, from.URL), URL: from.URL, Events: from.Events, Organization: from.Organization, Allowed: from.AllowedNetworks,
			Secrets: func() (secret.Text, error) { return config.ReadSecretFile(from.SecretFile) },
		})
	}
	var err error
	n.webhooks, err = webhook.New(webhook.Config{Receivers: receivers, Trail: n.sink, Dir: n.config.Audit.Dir, Now: time.Now, Logger: n.logger})
	if err != nil {
		return &cli.Error{
			Code: "webhook", Cause: err.Error(),
			Fix: "check its url, secretFile, events and allowedNetworks; `head -c 32 /dev/urandom | base64` makes a secret", Exit: cli.ExitRefused,
		}
	}
	return nil
}

// webhookName is what the log calls a receiver: its place and host. The rest of a URL
// may be a capability.
func webhookName(i int, of string) string {
	host := ""
	if u, err := url.Parse(of); err == nil {
		host = " " + u.Host
	}
	return fmt.Sprintf("webhooks[%d]%s", i, host)
}
