package config

import (
	"fmt"
	"reflect"
	"strings"
)

// Key is one key that a configuration file may hold.
type Key struct {
	Name    string // dotted path such as email.smtp; * stands for a name of the operator's
	Type    string // as an operator reads it: text, a whole number, a section
	Default string // as YAML, empty for text that has none
}

// Keys lists the keys of a configuration that holds the defaults, in the order
// of the struct. Sections are not listed, their keys are.
func Keys(cfg any) []Key {
	return keysOf("", reflect.Indirect(reflect.ValueOf(cfg)))
}

func keysOf(path string, v reflect.Value) []Key {
	if _, scalar := parserOf(v.Type()); v.Kind() != reflect.Struct || scalar {
		return leafKeys(path, v)
	}
	var keys []Key
	for _, f := range fields(v) {
		keys = append(keys, keysOf(join(path, f.name), f.value)...)
	}
	return keys
}

func leafKeys(path string, v reflect.Value) []Key {
	keys := []Key{{path, typeName(v.Type()), defaultText(v)}}
	if v.Kind() == reflect.Map {
		entry := reflect.New(v.Type().Elem()).Elem()
		keys = append(keys, keysOf(join(path, "*"), entry)...)
	}
	return keys
}

func defaultText(v reflect.Value) string {
	switch v.Kind() {
	case reflect.Slice:
		items := make([]string, v.Len())
		for i := range items {
			items[i] = fmt.Sprint(v.Index(i))
		}
		return "[" + strings.Join(items, ", ") + "]"
	case reflect.Map:
		return "{}"
	}
	return fmt.Sprint(v)
}
