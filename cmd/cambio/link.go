package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"github.com/cambio-sts/cambio/console"
	"github.com/cambio-sts/cambio/console/session"
	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/cli"
	"github.com/cambio-sts/cambio/internal/config"
	"github.com/cambio-sts/cambio/storage/bolt"
)

const (
	pathLink = "/console-link"
	// linkLife is how long a link works that somebody waits for.
	linkLife = time.Hour
	// setupLinkLife is how long the link of init works.
	setupLinkLife = 24 * time.Hour
	// maxLink is longer than any link, in bytes.
	maxLink = 4 << 10
)

func newLink() *cobra.Command {
	var file, organization string
	command := &cobra.Command{
		Use:   "link USERNAME",
		Short: "Print a link that signs a person in to the console, once",
		Long: "Print a link that signs a person in to the console. It works once, within an hour. It is for the first administrator, before\n" +
			"a login is configured, and for when the identity provider fails. Whoever runs it has the store and the master key. A running\n" +
			"server makes the link for its embedded store, on its admin listener.",
		Args: cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			settings, err := loadConfig(file, command.Flags())
			if err != nil {
				return err
			}
			link, err := printedLink(command.Context(), settings, organization, args[0])
			if err != nil {
				return err
			}
			_, _ = fmt.Fprintf(command.ErrOrStderr(), "it signs %q in, once, within an hour:\n", args[0])
			_, err = fmt.Fprintln(command.OutOrStdout(), link)
			return err
		},
	}
	addConfigFlags(command.Flags(), &file)
	command.Flags().StringVar(&organization, "organization", directory.DefaultOrganizationName, "name of the person's organization")
	return command
}

// printedLink makes a link in the store, or has the server make it that has the store's
// file.
func printedLink(ctx context.Context, settings *config.Config, organization, username string) (string, error) {
	if settings.Store.URL.Kind == config.KindBolt && served(settings.Store.URL.Path) {
		return fetchLink(ctx, settings, organization, username)
	}
	n, err := openDomain(ctx, settings, opening{patient: true}, zap.NewNop())
	if err != nil {
		return "", err
	}
	link, err := n.linkFor(ctx, organization, username)
	return link, errors.Join(err, n.store.Close())
}

// served reports whether another process has the store's file.
func served(path string) bool {
	db, err := bolt.Open(bolt.Config{Path: path, LockTimeout: time.Millisecond, Now: time.Now})
	if err == nil {
		_ = db.Close() // nothing was written
	}
	return errors.Is(err, bolt.ErrLocked)
}

func fetchLink(ctx context.Context, settings *config.Config, organization, username string) (string, error) {
	query := url.Values{"organization": {organization}, "username": {username}}
	response, err := askServer(ctx, settings, http.MethodPost, pathLink+"?"+query.Encode(), passLink+query.Encode())
	if err != nil {
		return "", err
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(response.Body, maxLink))
	if err != nil {
		return "", fmt.Errorf("read the link: %w", err)
	}
	if unknown := response.Header.Get(headerUnknown); unknown != "" {
		return "", errNobody(username)
	}
	return string(text), nil
}

// headerUnknown says that there is no such person.
const headerUnknown = "Cambio-Unknown"

func errNobody(username string) error {
	return &cli.Error{
		Code: "username_unknown", Cause: fmt.Sprintf("the organization has no person %q", username),
		Fix: "pass the username of one that exists, or run `cambio bootstrap` for the first", Exit: cli.ExitRefused,
	}
}

// linkFor makes a link for a person by their username.
func (n *node) linkFor(ctx context.Context, organization, username string) (string, error) {
	snapshot, err := n.directory.Snapshot(ctx)
	if err != nil {
		return "", err
	}
	of, ok := snapshot.OrganizationByName(organization)
	if !ok {
		return "", errNoOrganization(organization)
	}
	person, err := n.directory.FindByLogin(ctx, of.ID, directory.ByUsername, username)
	if errors.Is(err, directory.ErrNotFound) || err == nil && person.Type != directory.User {
		return "", errNobody(username)
	}
	if err != nil {
		return "", err
	}
	return n.link(ctx, console.LinkSignIn, string(person.ID), linkLife)
}

// link makes a link to the console that works once.
func (n *node) link(ctx context.Context, purpose, subject string, life time.Duration) (string, error) {
	token, err := session.NewLinks(kept(n.store)).Make(ctx, purpose, subject, life)
	if err != nil {
		return "", fmt.Errorf("make a link: %w", err)
	}
	return console.LinkURL(n.config.Issuer, purpose, token), nil
}

// serveLink makes a link for who has the master key, on the admin listener.
func (n *node) serveLink(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	if !admit(w, r, n.master, passLink+r.URL.Query().Encode()) { // for this person only
		return
	}
	link, err := n.linkFor(r.Context(), r.URL.Query().Get("organization"), r.URL.Query().Get("username"))
	refused, isRefused := errors.AsType[*cli.Error](err)
	switch {
	case isRefused:
		w.Header().Set(headerUnknown, refused.Code)
	case err != nil:
		n.logger.Error("a link cannot be made", zap.Error(err))
		http.Error(w, "the store does not answer", http.StatusServiceUnavailable)
		return
	default:
		n.logger.Info("link to the console made", zap.String("username", r.URL.Query().Get("username")))
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = io.WriteString(w, link) //nolint:gosec // of this server's own making
}
