package main

import (
	"context"

	"github.com/compose-spec/compose-go/v2/cli"
)

// checkCompose loads the file with docker compose's own code. This checks the schema, the references between services,
// networks, volumes and secrets, cycles in depends_on, and required variables.
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
