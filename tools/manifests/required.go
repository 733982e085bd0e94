package main

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
)

var unmarshaler = reflect.TypeFor[json.Unmarshaler]()

// missing lists the required fields of `spec` that are not in the document. By the convention of the API types, a field is
// required if it is not a pointer and its tag has neither omitempty nor omitzero.
func missing(content []byte, kind reflect.Type) []error {
	var document map[string]any
	if err := json.Unmarshal(content, &document); err != nil {
		return []error{err}
	}
	spec, there := kind.FieldByName("Spec")
	if !there {
		return nil
	}
	value, given := document["spec"].(map[string]any)
	if !given {
		return []error{fmt.Errorf("spec is missing")}
	}
	return missingFields("spec", value, spec.Type)
}

func missingIn(path string, value any, kind reflect.Type) []error {
	if kind.Kind() == reflect.Pointer {
		return missingIn(path, value, kind.Elem())
	}
	var faults []error
	switch content := value.(type) {
	case map[string]any:
		if kind.Kind() == reflect.Struct && !reflect.PointerTo(kind).Implements(unmarshaler) {
			return missingFields(path, content, kind)
		}
	case []any:
		for index, item := range content {
			if kind.Kind() == reflect.Slice {
				faults = append(faults, missingIn(fmt.Sprintf("%s[%d]", path, index), item, kind.Elem())...)
			}
		}
	}
	return faults
}

func missingFields(path string, content map[string]any, kind reflect.Type) []error {
	var faults []error
	for _, field := range reflect.VisibleFields(kind) {
		name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		value, given := content[name]
		switch {
		case name == "" || name == "-":
		case given:
			faults = append(faults, missingIn(path+"."+name, value, field.Type)...)
		case !strings.Contains(options, "omit") && field.Type.Kind() != reflect.Pointer:
			faults = append(faults, fmt.Errorf("%s.%s is missing", path, name))
		}
	}
	return faults
}
