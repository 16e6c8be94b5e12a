package mxhttp

import (
	"reflect"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// lacking reports whether a required member of v may be missing: its field is zero.
// It spares a body that has everything a second look.
func lacking(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Pointer:
		return !v.IsNil() && lacking(v.Elem())
	case reflect.Slice, reflect.Array:
		if !mayRequire(v.Type().Elem()) {
			return false
		}
		for i := range v.Len() {
			if lacking(v.Index(i)) {
				return true
			}
		}
	case reflect.Struct:
		for field, value := range v.Fields() {
			if required(field) && unset(value) || (field.IsExported() || field.Anonymous) && lacking(value) {
				return true
			}
		}
	}
	return false
}

func mayRequire(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Struct, reflect.Pointer, reflect.Slice, reflect.Array:
		return true
	}
	return false
}

func unset(v reflect.Value) bool {
	return v.IsZero() || v.Type() == reflect.TypeFor[jsontext.Value]() && string(v.Bytes()) == "null"
}

// missingMembers names the members that t requires and the JSON object b does not
// have, or has as null; those of inner objects by their path, as in "threepid.medium".
func missingMembers(t reflect.Type, b []byte) []string {
	var tree any
	if err := json.Unmarshal(b, &tree); err != nil {
		return nil // b has been decoded before
	}
	return missingIn(nil, t, tree, "")
}

func missingIn(names []string, t reflect.Type, tree any, at string) []string {
	switch t.Kind() {
	case reflect.Pointer:
		return missingIn(names, t.Elem(), tree, at)
	case reflect.Slice, reflect.Array:
		list, _ := tree.([]any)
		for i, element := range list {
			names = missingIn(names, t.Elem(), element, at+strconv.Itoa(i)+".")
		}
	case reflect.Struct:
		object, _ := tree.(map[string]any)
		for field := range t.Fields() {
			names = missingField(names, field, object, at)
		}
	}
	return names
}

func missingField(names []string, field reflect.StructField, object map[string]any, at string) []string {
	if field.Anonymous {
		return missingIn(names, field.Type, object, at)
	}
	name := memberName(field)
	switch value := object[name]; {
	case value != nil:
		return missingIn(names, field.Type, value, at+name+".")
	case required(field):
		return append(names, at+name)
	}
	return names
}

func required(f reflect.StructField) bool { return f.Tag.Get("required") == "true" }

// memberName is the name by which a field stands in JSON.
func memberName(f reflect.StructField) string {
	if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "" {
		return name
	}
	return f.Name
}

// hasMember reports whether name is that of a member we know, at the top of t.
func hasMember(t reflect.Type, name string) bool {
	if t.Kind() != reflect.Struct {
		return false
	}
	for field := range t.Fields() {
		if field.Anonymous && hasMember(field.Type, name) || memberName(field) == name {
			return true
		}
	}
	return false
}
