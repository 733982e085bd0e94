// Command manifests checks files of deploy/ with the types of the programs that read them.
//
//	manifests resources < built.yaml     Flux's and Prometheus operator's kinds, strictly decoded
//	manifests compose deploy/compose.yaml  a Compose project, as docker compose loads it
//
// It prints the faults, and exits with 1 if there are any.
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
