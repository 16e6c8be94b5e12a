package config

import (
	"fmt"
	"net/netip"
	"reflect"
	"strings"
	"time"
)

// field is one key of a section: a struct field with a yaml tag.
type field struct {
	name  string
	value reflect.Value
}

// fields lists the keys of a struct in the order of its declaration; the keys of
// an embedded struct tagged ",inline" stand among them.
func fields(section reflect.Value) []field {
	var found []field
	for i := range section.NumField() {
		tag, ok := section.Type().Field(i).Tag.Lookup("yaml")
		switch {
		case tag == ",inline":
			found = append(found, fields(section.Field(i))...)
		case ok:
			found = append(found, field{tag, section.Field(i)})
		}
	}
	return found
}

func names(fields []field) []string {
	list := make([]string, len(fields))
	for i, f := range fields {
		list[i] = f.name
	}
	return list
}

// join appends a key to the path of the section it stands in.
func join(section, key string) string {
	return strings.TrimPrefix(section+"."+key, ".")
}

// parserOf is how the text of a value becomes a type that YAML does not know.
func parserOf(t reflect.Type) (parse func(string) (any, error), known bool) {
	switch t {
	case reflect.TypeFor[netip.Prefix]():
		return func(s string) (any, error) { return parseNetwork(s) }, true
	case reflect.TypeFor[time.Duration]():
		return func(s string) (any, error) { return parseDuration(s) }, true
	}
	return nil, false
}

// typeName is a type as the operator knows it, to follow "must be".
func typeName(t reflect.Type) string {
	switch t {
	case reflect.TypeFor[netip.Prefix]():
		return "a network"
	case reflect.TypeFor[time.Duration]():
		return "a duration"
	}
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.Int:
		return "a whole number"
	case reflect.String:
		return "text"
	case reflect.Slice:
		if name := typeName(t.Elem()); name != "a section" {
			return "a list, each " + name
		}
	case reflect.Map, reflect.Struct:
		return "a section"
	}
	panic(fmt.Sprintf("config: a %s cannot be configured", t))
}
