package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"github.com/cambio-sts/cambio/credentials"
	"github.com/cambio-sts/cambio/internal/cli"
	"github.com/cambio-sts/cambio/internal/config"
	"github.com/cambio-sts/cambio/internal/doctor"
	"github.com/cambio-sts/cambio/storage/bolt"
)

const (
	pathDoctor = "/doctor"
	passDoctor = "cambio/v1/doctor-pass" //nolint:gosec // names a purpose
)

func newDoctor() *cobra.Command {
	var file, authorities string
	var asJSON, settings bool
	command := &cobra.Command{
		Use:   "doctor",
		Short: "Say what is wrong with a deployment, and how to mend it",
		Long: "Look at configuration, store, keys, audit trail, listeners, certificate and what the issuer publishes, on the machine of a server,\n" +
			"while it runs or not. Each check is OK, WARN, FAIL or SKIP, with the cause and a fix to be carried out as it stands. It changes\n" +
			"nothing. Exit 0: all is in order; 1: something is WARN; 2: something is FAIL.",
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			if file == "" {
				file = os.Getenv("CAMBIO_CONFIG")
			}
			if authorities == "" {
				authorities = os.Getenv("CAMBIO_CA_FILE")
			}
			report := doctor.Examine(command.Context(), doctor.Config{
				Sources: config.Sources{File: file, Env: os.Environ(), Flags: command.Flags()}, CAFile: authorities, TZ: os.Getenv("TZ"), Now: time.Now,
				Servers: redisConfig, Serving: askServing, Provider: describedProvider, Machine: doctor.ThisMachine{},
			})
			return tell(command.OutOrStdout(), report, asJSON, settings)
		},
	}
	addConfigFlags(command.Flags(), &file)
	command.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	command.Flags().BoolVar(&settings, "settings", false, "print every key of the configuration and where its value comes from, too")
	command.Flags().StringVar(&authorities, "ca-file", "", "PEM file of certificate authorities to trust besides the system's (CAMBIO_CA_FILE)")
	return command
}

// tell prints the report. Its error carries the exit code.
func tell(out io.Writer, report *doctor.Report, asJSON, settings bool) error {
	var err error
	if asJSON {
		encoder := json.NewEncoder(out)
		encoder.SetIndent("", "  ")
		err = encoder.Encode(report)
	} else {
		err = report.Write(out, settings)
	}
	switch {
	case err != nil:
		return fmt.Errorf("print the report: %w", err)
	case report.Exit == doctor.ExitOK:
		return nil
	}
	counts := map[doctor.Status]int{}
	for i := range report.Checks {
		counts[report.Checks[i].Status]++
	}
	return &cli.Error{
		Code: "doctor", Cause: fmt.Sprintf("%d checks FAIL, %d WARN", counts[doctor.Fail], counts[doctor.Warn]),
		Fix: "carry out the fixes of the report, and run cambio doctor again", Exit: report.Exit, JSON: asJSON,
	}
}

// describedProvider is a provider of credentials that no server has.
func describedProvider(settings *config.Config, i int) (credentials.Provider, error) {
	made, err := (&node{config: settings}).provider(&settings.Credentials[i])
	return made.Provider, err
}

// askServing asks the server that has the file of an embedded store what lies in it.
func askServing(ctx context.Context, settings *config.Config) (doctor.Serving, error) {
	response, err := askServer(ctx, settings, http.MethodGet, pathDoctor, passDoctor)
	if err != nil {
		if refused, ok := errors.AsType[*refusedError](err); ok && refused.status == http.StatusUnauthorized {
			return doctor.Serving{}, errors.Join(doctor.ErrStranger, err)
		}
		return doctor.Serving{}, err
	}
	defer func() { _ = response.Body.Close() }()
	var out doctor.Serving
	if err := json.NewDecoder(response.Body).Decode(&out); err != nil {
		return out, notServed(settings, err)
	}
	return out, nil
}

// serveDoctor tells who has the master key of the store what it could read there
// itself, if this process did not have the file.
func (n *node) serveDoctor(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	if !admit(w, r, n.master, passDoctor) {
		return
	}
	stored, err := n.store.Keys().LoadKeys(r.Context())
	waiting := int64(-1) // those of Redis are counted there
	if embedded, ok := n.store.(*bolt.DB); ok && err == nil {
		waiting, err = embedded.Waiting(r.Context())
	}
	if err == nil {
		w.Header().Set("Content-Type", "application/json")
		err = json.NewEncoder(w).Encode(doctor.Serving{Keys: stored, Waiting: waiting})
	}
	if err != nil {
		n.logger.Error("doctor cannot be answered", zap.Error(err))
		http.Error(w, "the store cannot be read", http.StatusServiceUnavailable)
	}
}
