package doctor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"sync"

	"github.com/cambio-sts/cambio/internal/config"
	"github.com/cambio-sts/cambio/internal/egress"
	"github.com/cambio-sts/cambio/internal/secret"
	"github.com/cambio-sts/cambio/internal/webhook"
)

func checkWebhooks(ctx context.Context, p *patient) outcome {
	if p.settings == nil {
		return skip(noConfig)
	}
	if len(p.settings.Webhooks) == 0 {
		return skip("there are none")
	}
	found := make([]*Finding, len(p.settings.Webhooks))
	var all sync.WaitGroup
	for i := range p.settings.Webhooks {
		all.Go(func() { found[i] = p.reach(ctx, i) })
	}
	all.Wait()
	var findings []Finding
	for _, finding := range found {
		if finding != nil {
			findings = append(findings, *finding)
		}
	}
	return seen(fmt.Sprintf("%d receivers", len(found)), findings...)
}

// reach looks at one receiver, and tells of it by its place and its host: the rest of
// a URL may be a secret.
func (p *patient) reach(ctx context.Context, i int) *Finding {
	ctx, cancel := context.WithTimeout(ctx, sharedTimeout)
	defer cancel()
	hook := &p.settings.Webhooks[i]
	name, host := fmt.Sprintf("webhooks[%d]", i), ""
	if u, err := url.Parse(hook.URL); err == nil {
		host = u.Hostname()
	}
	err := webhook.Reach(ctx, &webhook.Receiver{
		Name: name, URL: hook.URL, Events: hook.Events, Organization: hook.Organization, Allowed: hook.AllowedNetworks,
		Secrets: func() (secret.Text, error) { return config.ReadSecretFile(hook.SecretFile) },
	})
	if err == nil {
		return nil
	}
	finding := warn(name+" "+host+": "+err.Error(), say("let this machine reach the receiver; events wait for it meanwhile, for 3 days"))
	switch {
	case errors.Is(err, webhook.ErrSecret), errors.Is(err, config.ErrSecretEmpty), errors.Is(err, config.ErrSecretTooLarge):
		finding = fail(name+" "+host+": secretFile: "+err.Error(), Fix{
			Text:    "make a new secret, and tell it the receiver",
			Command: `echo "whsec_$(head -c 32 /dev/urandom | base64)" > ` + shell(hook.SecretFile),
		})
	case errors.Is(err, egress.ErrForbidden):
		addrs, lookupErr := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		if lookupErr != nil {
			break
		}
		var allowed []string
		for _, network := range hook.AllowedNetworks {
			allowed = append(allowed, network.String())
		}
		finding = fail(name+" "+host+": "+err.Error(), Fix{
			Text: "if the receiver is meant to be there, allow its address",
			Edit: &Edit{File: p.Sources.File, Key: name + ".allowedNetworks", Value: append(allowed, networksOf(addrs)...)},
		})
	}
	return &finding
}
