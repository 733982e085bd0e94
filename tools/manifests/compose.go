package main

import (
	"context"

	"github.com/compose-spec/compose-go/v2/cli"
)

// checkCompose loads the file with the code that docker compose loads it with: schema, references among services,
// networks, volumes and secrets, circles in depends_on, and variables that are required.
func checkCompose(file string) ([]string, error) {
	options, err := cli.NewProjectOptions([]string{file}, cli.WithOsEnv, cli.WithConsistency(true))
	if err != nil {
		return nil, err
	}
	if _, err := options.LoadProject(context.Background()); err != nil {
		return []string{err.Error()}, nil
	}
	return nil, nil
}
