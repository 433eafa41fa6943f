package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strconv"
	"sync"

	"github.com/cambio-sts/cambio/credentials/postgres"
	"github.com/cambio-sts/cambio/internal/config"
	"github.com/cambio-sts/cambio/internal/egress"
)

// checkCredentials looks at each provider: while one does not issue, who asks for the scope
// credentials gets nothing.
func checkCredentials(ctx context.Context, p *patient) outcome {
	if p.settings == nil {
		return skip(noConfig)
	}
	if len(p.settings.Credentials) == 0 {
		return skip("there are no providers")
	}
	found := make([][]Finding, len(p.settings.Credentials))
	var all sync.WaitGroup
	for i := range p.settings.Credentials {
		all.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, sharedTimeout)
			defer cancel()
			found[i] = p.provider(ctx, i)
		})
	}
	all.Wait()
	return seen(fmt.Sprintf("%d providers", len(found)), slices.Concat(found...)...)
}

// provider looks at one, and asks it for nothing.
func (p *patient) provider(ctx context.Context, i int) []Finding {
	from := &p.settings.Credentials[i]
	name := fmt.Sprintf("credentials[%d]", i)
	made, err := p.Provider(p.settings, i)
	if err != nil && !errors.Is(err, egress.ErrForbidden) { // of which calls tells
		return []Finding{fail(name+": "+err.Error(), say("mend the provider; docs/credentials.md has the templates, docs/configuration.md the keys"))}
	}
	switch {
	case from.HTTP != nil:
		at := endpoint{key: name + ".http", allowed: from.HTTP.AllowedNetworks}
		findings := p.calls(ctx, at, from.HTTP.URL)
		if from.HTTP.RevokeURL != "" && len(findings) == 0 {
			findings = p.calls(ctx, at, from.HTTP.RevokeURL)
		}
		return findings
	case from.S3 != nil:
		to := from.S3.Endpoint
		if to == "" {
			to = "https://sts." + from.S3.Region + ".amazonaws.com"
		}
		return p.calls(ctx, endpoint{key: name + ".s3", allowed: from.S3.AllowedNetworks, caFile: from.S3.CAFile}, to)
	}
	if database, ok := made.(*postgres.Provider); ok {
		defer database.Close()
		return p.grants(ctx, name+".postgres", from.Postgres, database)
	}
	return nil
}

// endpoint is where a provider is called, and by which keys of the configuration.
type endpoint struct {
	key     string
	allowed []netip.Prefix
	caFile  string
}

// calls tells of a URL by its host: the rest of it may be a secret.
func (p *patient) calls(ctx context.Context, at endpoint, text string) []Finding {
	host := ""
	if u, err := url.Parse(text); err == nil {
		host = u.Hostname()
	}
	var roots *x509.CertPool
	if at.caFile != "" {
		certificates, err := os.ReadFile(at.caFile)
		roots = x509.NewCertPool()
		if err != nil || !roots.AppendCertsFromPEM(certificates) { // it has changed since
			return []Finding{fail(at.key+".caFile: "+at.caFile+" holds no certificate", authorityOf(at.caFile, host))}
		}
	}
	guard := &egress.Guard{Allowed: at.allowed}
	err := guard.Reach(ctx, text, roots)
	if err == nil {
		return nil
	}
	cause := at.key + " " + host + ": " + err.Error()
	_, untrusted := errors.AsType[*tls.CertificateVerificationError](err)
	switch {
	case errors.Is(err, egress.ErrForbidden):
		return []Finding{fail(cause, p.allow(ctx, at, host))}
	case untrusted && at.caFile != "":
		return []Finding{fail(cause, authorityOf(at.caFile, host))}
	case untrusted:
		return []Finding{fail(cause, say("give it a certificate for its name by an authority that this machine trusts; an S3 provider may name another in caFile"))}
	}
	return []Finding{fail(cause, say("start the service, or let this machine reach it; who asks for the scope credentials gets 503 meanwhile"))}
}

func authorityOf(file, host string) Fix {
	return Fix{Text: "let the file hold the authority that signs the certificate", Place: &Place{File: file, What: "the certificate authority of " + host + ", in PEM form"}}
}

// allow is the fix for an address that may not be called.
func (p *patient) allow(ctx context.Context, at endpoint, host string) Fix {
	const text = "if the provider is meant to be there, allow its address"
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return say(text + " in allowedNetworks")
	}
	var allowed []string
	for _, network := range at.allowed {
		allowed = append(allowed, network.String())
	}
	return Fix{Text: text, Edit: &Edit{File: p.Sources.File, Key: at.key + ".allowedNetworks", Value: append(allowed, networksOf(addrs)...)}}
}

// grants asks a database whether Cambio may make roles there.
func (p *patient) grants(ctx context.Context, key string, from *config.CredentialPostgres, database *postgres.Provider) []Finding {
	err := database.Ping(ctx)
	if err == nil {
		return nil
	}
	cause := fmt.Sprintf("%s %s: %v", key, from.Host, err)
	rights, lacks := errors.AsType[*postgres.RightsError](err)
	switch {
	case errors.Is(err, config.ErrSecretEmpty), errors.Is(err, postgres.ErrLogin):
		return []Finding{fail(cause, Fix{
			Text:  "let the file hold the password of the role; if that is right, pg_hba.conf does not let the role in from here",
			Place: &Place{File: from.PasswordFile, What: "the password of the PostgreSQL role " + from.User},
		})}
	case lacks && rights.SQL != "":
		port := "5432"
		if from.Port != 0 {
			port = strconv.Itoa(int(from.Port))
		}
		return []Finding{fail(cause, Fix{
			Text:    "as a superuser of the database; docs/integrations/postgresql.md has all that it needs",
			Command: shell("psql", "-h", from.Host, "-p", port, "-d", from.Database, "-c", rights.SQL),
		})}
	case lacks:
		return []Finding{fail(cause, say("grant another role, which can do no more than people are to do in the database"))}
	}
	return []Finding{fail(cause, say("start the database, or mend host, port, database, sslmode and caFile; who asks for the scope credentials gets 503 meanwhile"))}
}
