package config

import (
	"fmt"
	"math"
	"reflect"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// decoder writes a YAML document into a struct and collects what does not fit.
type decoder struct {
	file     string
	lines    map[string]int // where each key of the file stands
	problems Problems
}

// value decodes one node. A key with nothing behind it keeps its default.
func (d *decoder) value(key string, node ast.Node, into reflect.Value) {
	if node.Type() == ast.NullType {
		return
	}
	if parse, ok := parserOf(into.Type()); ok {
		d.parsed(key, node, into, parse)
		return
	}
	switch into.Kind() {
	case reflect.Struct:
		d.section(key, node, into)
	case reflect.Map:
		d.table(key, node, into)
	case reflect.Slice:
		d.list(key, node, into)
	default:
		d.scalar(key, node, into)
	}
}

// section decodes a mapping whose keys are fixed.
func (d *decoder) section(key string, node ast.Node, into reflect.Value) {
	known := fields(into)
	d.pairs(key, node, into.Type(), func(name string, pair *ast.MappingValueNode) {
		for _, f := range known {
			if f.name == name {
				d.value(join(key, name), pair.Value, f.value)
				return
			}
		}
		d.report(pair.Key, join(key, name), "unknown key", unknownHint(name, names(known)))
	})
}

// table decodes a mapping whose keys are the operator's own words.
func (d *decoder) table(key string, node ast.Node, into reflect.Value) {
	entries := reflect.MakeMap(into.Type())
	d.pairs(key, node, into.Type(), func(name string, pair *ast.MappingValueNode) {
		entry := reflect.New(into.Type().Elem()).Elem()
		d.value(join(key, name), pair.Value, entry)
		entries.SetMapIndex(reflect.ValueOf(name).Convert(into.Type().Key()), entry)
	})
	into.Set(entries)
}

// pairs visits the pairs of a mapping, each key once.
func (d *decoder) pairs(key string, node ast.Node, want reflect.Type, visit func(string, *ast.MappingValueNode)) {
	mapping, ok := node.(ast.MapNode)
	if !ok {
		d.mismatch(key, node, want)
		return
	}
	seen := map[string]bool{}
	for pairs := mapping.MapRange(); pairs.Next(); {
		pair := pairs.KeyValue()
		text, ok := pair.Key.(*ast.StringNode)
		switch {
		case !ok:
			d.report(pair.Key, key, "a key must be plain text", "write it in quotes")
		case seen[text.Value]:
			d.report(pair.Key, join(key, text.Value), "given twice", "keep one of the two")
		default:
			seen[text.Value] = true
			d.lines[join(key, text.Value)] = lineOf(pair.Key)
			visit(text.Value, pair)
		}
	}
}

// list decodes a sequence; it replaces the default, it does not extend it.
func (d *decoder) list(key string, node ast.Node, into reflect.Value) {
	sequence, ok := node.(*ast.SequenceNode)
	if !ok {
		d.mismatch(key, node, into.Type())
		return
	}
	items := reflect.MakeSlice(into.Type(), len(sequence.Values), len(sequence.Values))
	for i, item := range sequence.Values {
		d.value(fmt.Sprintf("%s.%d", key, i), item, items.Index(i))
	}
	into.Set(items)
}

// scalar decodes text, a number or a truth. Types are not bent into each other:
// version 1.10 and version "1.10" are different things to YAML.
func (d *decoder) scalar(key string, node ast.Node, into reflect.Value) {
	if s, ok := textOf(node); ok && into.Kind() == reflect.String {
		into.SetString(s)
		return
	}
	if b, ok := node.(*ast.BoolNode); ok && into.Kind() == reflect.Bool {
		into.SetBool(b.Value)
		return
	}
	if n, ok := integerOf(node); ok && into.Kind() == reflect.Int {
		into.SetInt(n)
		return
	}
	d.mismatch(key, node, into.Type())
}

// parsed decodes text that has a grammar of its own.
func (d *decoder) parsed(key string, node ast.Node, into reflect.Value, parse func(string) (any, error)) {
	text, ok := textOf(node)
	if !ok {
		d.mismatch(key, node, into.Type())
		return
	}
	value, err := parse(text)
	if err != nil {
		d.report(node, key, "must be "+typeName(into.Type()), err.Error())
		return
	}
	into.Set(reflect.ValueOf(value))
}

func textOf(node ast.Node) (string, bool) {
	switch n := node.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.LiteralNode:
		return n.Value.Value, true
	}
	return "", false
}

func integerOf(node ast.Node) (int64, bool) {
	n, ok := node.(*ast.IntegerNode)
	if !ok {
		return 0, false
	}
	switch v := n.Value.(type) {
	case int64:
		return v, true
	case uint64:
		return int64(v), v <= math.MaxInt64
	}
	return 0, false
}

// mismatch reports a node of the wrong type without quoting it: it may be a secret.
func (d *decoder) mismatch(key string, node ast.Node, want reflect.Type) {
	hint := ""
	switch node.(type) {
	case *ast.AliasNode, *ast.AnchorNode, *ast.TagNode:
		hint = "anchors, aliases and tags are not read here"
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		if want.Kind() == reflect.String {
			hint = "write it in quotes"
		}
	}
	d.report(node, key, "must be "+typeName(want)+", not "+nodeName(node), hint)
}

func nodeName(node ast.Node) string {
	switch node.(type) {
	case *ast.StringNode, *ast.LiteralNode:
		return "text"
	case *ast.IntegerNode:
		return "a number"
	case *ast.FloatNode:
		return "a fraction"
	case *ast.BoolNode:
		return "true or false"
	case *ast.SequenceNode:
		return "a list"
	case ast.MapNode:
		return "a section"
	}
	return strings.ToLower(node.Type().String())
}

func (d *decoder) report(node ast.Node, key, message, hint string) {
	d.add(lineOf(node), Problem{Key: key, Message: message, Hint: hint})
}

// add collects a problem; one without a line is not about the file's text.
func (d *decoder) add(line int, problem Problem) {
	if line > 0 {
		problem.File, problem.Line = d.file, line
	}
	d.problems = append(d.problems, problem)
}

// line is where the key stands, or the nearest section around it that the file
// has; 0 when the file has neither.
func (d *decoder) line(key string) int {
	for key != "" && d.lines[key] == 0 {
		key = key[:max(strings.LastIndexByte(key, '.'), 0)]
	}
	return d.lines[key]
}

func lineOf(node ast.Node) int {
	if t := node.GetToken(); t != nil && t.Position != nil {
		return t.Position.Line
	}
	return 1
}
