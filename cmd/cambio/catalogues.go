package main

import (
	"fmt"
	"os"

	"github.com/cambio-sts/cambio/api"
	"github.com/cambio-sts/cambio/internal/cli"
)

// catalogues reads the files with the texts of errors in further languages. One
// that is wrong refuses to start: it would be noticed in an error otherwise.
func catalogues(files []string) ([]api.Catalogue, error) {
	all := make([]api.Catalogue, 0, len(files))
	for _, file := range files {
		text, err := os.ReadFile(file) //nolint:gosec // the operator names it
		if err != nil {
			return nil, badCatalogue(err.Error())
		}
		one, err := api.ParseCatalogue(text)
		if err != nil {
			return nil, badCatalogue(fmt.Sprintf("%s: %v", file, err))
		}
		all = append(all, one)
	}
	return all, nil
}

func badCatalogue(cause string) error {
	return &cli.Error{
		Code: "catalogue", Cause: cause, Exit: cli.ExitRefused,
		Fix: "mend the file, or take it out of catalogues; docs/catalogue.en.json has every key with its English text",
	}
}
