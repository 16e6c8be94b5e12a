package config

import (
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"time"
)

// Print writes the effective configuration as YAML that Load reads again to the
// same values, with the passwords of databases replaced.
func Print(w io.Writer, cfg any) error {
	var p printer
	p.section(reflect.Indirect(reflect.ValueOf(cfg)), "")
	if _, err := io.WriteString(w, p.String()); err != nil {
		return fmt.Errorf("printing the configuration: %w", err)
	}
	return nil
}

// printer writes sections by indentation. Text stands in double quotes, always:
// what plain text means differs among the versions of YAML, quoted text does not.
type printer struct{ strings.Builder }

func (p *printer) section(v reflect.Value, indent string) {
	for _, f := range fields(v) {
		p.entry(f.name, f.value, indent)
	}
}

// table prints the entries of a map in the order of their keys.
func (p *printer) table(v reflect.Value, indent string) {
	keys := v.MapKeys()
	slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
	for _, key := range keys {
		p.entry(quote(key.String()), v.MapIndex(key), indent)
	}
}

func (p *printer) entry(name string, v reflect.Value, indent string) {
	p.WriteString(indent + name + ":")
	if text, ok := scalarText(v); ok {
		p.WriteString(" " + text + "\n")
		return
	}
	p.WriteString("\n")
	switch v.Kind() {
	case reflect.Struct:
		p.section(v, indent+"  ")
	case reflect.Map:
		p.table(v, indent+"  ")
	case reflect.Slice:
		p.list(v, indent+"  ")
	}
}

func (p *printer) list(v reflect.Value, indent string) {
	for i := range v.Len() {
		p.WriteString(indent + "- " + inline(v.Index(i)) + "\n")
	}
}

// inline is a value on one line: a scalar, or a list within a list.
func inline(v reflect.Value) string {
	if text, ok := scalarText(v); ok {
		return text
	}
	items := make([]string, v.Len())
	for i := range items {
		items[i] = inline(v.Index(i))
	}
	return "[" + strings.Join(items, ", ") + "]"
}

// scalarText is a value that fits on its key's line, as YAML.
func scalarText(v reflect.Value) (text string, ok bool) {
	switch value := v.Interface().(type) {
	case interface{ Redacted() string }:
		return quote(value.Redacted()), true
	case netip.Prefix, time.Duration:
		return quote(fmt.Sprint(value)), true
	}
	switch v.Kind() {
	case reflect.String:
		return quote(v.String()), true
	case reflect.Bool, reflect.Int:
		return fmt.Sprint(v.Interface()), true
	case reflect.Slice:
		return "[]", v.Len() == 0
	case reflect.Map:
		return "{}", v.Len() == 0
	}
	return "", false
}

// quote writes text in double quotes as JSON does, which YAML includes.
func quote(s string) string {
	var text strings.Builder
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(s) // neither a string nor a builder can fail
	return strings.TrimSuffix(text.String(), "\n")
}
