package main

import (
	"context"

	"github.com/compose-spec/compose-go/v2/cli"
)

// checkCompose loads the file with the code that docker compose loads it with: schema, references among services,
// networks, volumes and configurations, and circles in depends_on. Variables of the environment are not read.
func checkCompose(file string) ([]string, error) {
	options, err := cli.NewProjectOptions([]string{file}, cli.WithConsistency(true))
	if err != nil {
		return nil, err
	}
	if _, err := options.LoadProject(context.Background()); err != nil {
		return []string{err.Error()}, nil
	}
	return nil, nil
}
