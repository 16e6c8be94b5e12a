package sms

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"text/template"
	"text/template/parse"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// values is what templates may use.
type values struct {
	To       string // in E.164 form, with the plus
	ToDigits string // without it
	Text     string
	ID       string // the same for every try
	From     string // the configured sender
}

var fields = []string{"To", "ToDigits", "Text", "ID", "From"}

// An escaping is what makes a value safe in one place; each is a function of
// templates by its name.
type escaping string

// anything is the place where no value needs escaping.
const (
	asJSON   escaping = "json"  // a whole JSON string, quotes included
	asQuery  escaping = "query" // in a URL or a form, with %20 for a blank, which both read
	asXML    escaping = "xml"   // in an element or a quoted attribute
	anything escaping = ""
)

// escaped is a value that went through an escaping. It is no string, so whatever
// else a template does to it makes it unescaped again.
type escaped struct {
	as   escaping
	text string
}

var errUTF8 = errors.New("text is not UTF-8")

func escapeJSON(v any) (escaped, error) {
	quoted, err := jsontext.AppendQuote(nil, plain(v))
	if err != nil {
		return escaped{}, errUTF8
	}
	return escaped{asJSON, string(quoted)}, nil
}

func escapeQuery(v any) escaped {
	return escaped{asQuery, strings.ReplaceAll(url.QueryEscape(plain(v)), "+", "%20")}
}

func escapeXML(v any) (escaped, error) {
	var b bytes.Buffer
	if !utf8.ValidString(plain(v)) {
		return escaped{}, errUTF8
	}
	err := xml.EscapeText(&b, []byte(plain(v)))
	return escaped{asXML, b.String()}, err
}

// plain is what an escaping works on, which may be escaped for another place: a
// JSON text within a form.
func plain(v any) string {
	if e, ok := v.(escaped); ok {
		return e.text
	}
	return fmt.Sprint(v)
}

const guard = "guard"

// guarded lets a value into a text only if it is escaped for that place.
func guarded(place escaping) func(any) (string, error) {
	return func(v any) (string, error) {
		if e, ok := v.(escaped); place != anything && (!ok || e.as != place) {
			return "", fmt.Errorf("a value must be escaped here, such as {{%s .Text}}", place)
		}
		return plain(v), nil
	}
}

// parseTemplate reads a template for a place in which values need an escaping. As
// html/template does, it adds a last step to whatever puts a value into the text,
// so that there is no way around the escaping.
func parseTemplate(name, text string, place escaping) (*template.Template, error) {
	t, err := template.New(name).Option("missingkey=error").Funcs(template.FuncMap{
		"json": escapeJSON, "query": escapeQuery, "urlquery": escapeQuery, "xml": escapeXML,
		guard: guarded(place),
	}).Parse(text)
	if err != nil {
		return nil, err
	}
	if len(t.Templates()) > 1 || t.Tree == nil {
		return nil, fmt.Errorf("template: %s: must be one text and define no other", name)
	}
	if err := guardNodes(t.Tree, t.Root); err != nil {
		return nil, fmt.Errorf("template: %s: %w", name, err)
	}
	return t, nil
}

// guardNodes adds the guard below n and refuses what a message does not need.
func guardNodes(tree *parse.Tree, n parse.Node) error {
	switch n := n.(type) {
	case *parse.ListNode:
		return guardList(tree, n)
	case *parse.TextNode, *parse.CommentNode:
		return nil
	case *parse.IfNode:
		return errors.Join(checkFields(n.Pipe), guardList(tree, n.List), guardList(tree, n.ElseList))
	case *parse.ActionNode:
		if len(n.Pipe.Decl) != 0 {
			return errors.New("variables are not supported")
		}
		command := &parse.CommandNode{NodeType: parse.NodeCommand, Pos: n.Pos,
			Args: []parse.Node{parse.NewIdentifier(guard).SetTree(tree).SetPos(n.Pos)}}
		n.Pipe.Cmds = append(n.Pipe.Cmds, command)
		return checkFields(n.Pipe)
	}
	return errors.New("only values and {{if}} are supported")
}

func guardList(tree *parse.Tree, list *parse.ListNode) error {
	if list == nil {
		return nil
	}
	for _, n := range list.Nodes {
		if err := guardNodes(tree, n); err != nil {
			return err
		}
	}
	return nil
}

// checkFields finds fields that do not exist, also where no sample gets to.
func checkFields(n parse.Node) error {
	switch n := n.(type) {
	case *parse.PipeNode:
		for _, c := range n.Cmds {
			for _, arg := range c.Args {
				if err := checkFields(arg); err != nil {
					return err
				}
			}
		}
	case *parse.FieldNode:
		if len(n.Ident) != 1 || !slices.Contains(fields, n.Ident[0]) {
			return fmt.Errorf("there is no %s; there are .%s", n, strings.Join(fields, ", ."))
		}
	case *parse.VariableNode, *parse.ChainNode:
		return fmt.Errorf("%s is not supported", n)
	}
	return nil
}
