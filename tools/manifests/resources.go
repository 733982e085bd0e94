package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"reflect"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	kubeyaml "k8s.io/apimachinery/pkg/util/yaml"
	kjson "sigs.k8s.io/json"
	"sigs.k8s.io/yaml"
)

// kinds maps apiVersion and kind to the type that the controller decodes.
var kinds = map[string]reflect.Type{
	"kustomize.toolkit.fluxcd.io/v1 Kustomization": reflect.TypeFor[kustomizev1.Kustomization](),
	"monitoring.coreos.com/v1 PodMonitor":          reflect.TypeFor[monitoringv1.PodMonitor](),
	"monitoring.coreos.com/v1 PrometheusRule":      reflect.TypeFor[monitoringv1.PrometheusRule](),
}

type header struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Metadata   struct {
		Name string `json:"name"`
	} `json:"metadata"`
}

// checkResources decodes each YAML document. It is a fault if a field is unknown, misspelt or repeated, or if a required
// field of `spec` is missing.
func checkResources(input io.Reader) ([]string, error) {
	var faults []string
	documents := kubeyaml.NewYAMLReader(bufio.NewReader(input))
	for {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return faults, nil
		}
		if err != nil {
			return nil, err
		}
		faults = append(faults, checkResource(document)...)
	}
}

func checkResource(document []byte) []string {
	content, err := yaml.YAMLToJSONStrict(document)
	if err != nil {
		return []string{err.Error()}
	}
	var head header
	if err := kjson.UnmarshalCaseSensitivePreserveInts(content, &head); err != nil {
		return []string{err.Error()}
	}
	name := fmt.Sprintf("%s %s", head.Kind, head.Metadata.Name)
	kind, known := kinds[head.APIVersion+" "+head.Kind]
	if !known {
		return []string{fmt.Sprintf("%s: %s is not among the kinds of this program", name, head.APIVersion)}
	}
	faults := prefixed(name, decode(content, kind))
	return append(faults, prefixed(name, missing(content, kind))...)
}

// decode compares field names case-sensitively, like the API server of Kubernetes.
func decode(content []byte, kind reflect.Type) []error {
	strict, err := kjson.UnmarshalStrict(content, reflect.New(kind).Interface())
	if err != nil {
		return []error{err}
	}
	return strict
}

func prefixed(name string, faults []error) []string {
	lines := make([]string, 0, len(faults))
	for _, fault := range faults {
		lines = append(lines, fmt.Sprintf("%s: %v", name, fault))
	}
	return lines
}
