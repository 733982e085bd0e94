// Command manifests checks files of deploy/ with the Go code of the programs that read these files.
//
//	manifests resources < built.yaml       decodes resources of Flux and Prometheus operator strictly
//	manifests compose deploy/compose.yaml  loads a Compose project like docker compose
//
// It prints the faults that it finds, and exits with 1 if there are any.
package main

import (
	"fmt"
	"io"
	"os"
)

func main() {
	faults, err := check(os.Args[1:], os.Stdin)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	for _, fault := range faults {
		fmt.Println(fault)
	}
	if len(faults) > 0 {
		os.Exit(1)
	}
}

func check(arguments []string, input io.Reader) ([]string, error) {
	switch {
	case len(arguments) == 1 && arguments[0] == "resources":
		return checkResources(input)
	case len(arguments) == 2 && arguments[0] == "compose":
		return checkCompose(arguments[1])
	}
	return nil, fmt.Errorf("usage: manifests resources < FILE | manifests compose FILE")
}
