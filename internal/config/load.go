package config

import (
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"slices"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// maxFile is the most that is read of a configuration file, in bytes. A file
// written by a person is a tenth of it.
const maxFile = 64 << 10

// Checker is a configuration with rules beyond the types of its values.
type Checker interface{ Check() Problems }

// Load reads the YAML file into a pointer to a struct that holds the defaults,
// then runs its Check. The error is Problems when the content is at fault. An
// empty path reads nothing: the defaults alone are checked.
func Load(path string, into Checker) error {
	if path == "" {
		return into.Check().err()
	}
	text, err := readFile(path)
	if err != nil {
		return fmt.Errorf("reading the configuration: %w", err)
	}
	d := decoder{file: path, lines: map[string]int{}}
	d.document(text, reflect.ValueOf(into).Elem())
	for _, problem := range into.Check() {
		if !d.problems.covers(problem.Key) {
			d.add(d.line(problem.Key), problem)
		}
	}
	slices.SortStableFunc(d.problems, func(a, b Problem) int { return a.Line - b.Line })
	return d.problems.err()
}

func readFile(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err == nil && len(text) > maxFile {
		err = fmt.Errorf("%s: longer than %d KiB", path, maxFile>>10)
	}
	return text, err
}

// document decodes the file's one document.
func (d *decoder) document(text []byte, into reflect.Value) {
	if !utf8.Valid(text) {
		d.add(1, Problem{Message: "not UTF-8 text"})
		return
	}
	file, err := parser.ParseBytes(text, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		d.syntax(err)
		return
	}
	if len(file.Docs) > 1 {
		d.report(file.Docs[1], "", "the file holds more than one document", "remove the line ---")
		return
	}
	for _, doc := range file.Docs {
		if _, comment := doc.Body.(*ast.CommentGroupNode); doc.Body != nil && !comment {
			d.value("", doc.Body, into)
		}
	}
}

// syntax reports text that is not YAML. The library's own report quotes the
// lines around, which may hold a password; only its message is passed on.
func (d *decoder) syntax(err error) {
	line, hint := 1, ""
	var detail yaml.Error
	if errors.As(err, &detail) && detail.GetToken() != nil {
		line, hint = detail.GetToken().Position.Line, detail.GetMessage()
	}
	d.add(line, Problem{Message: "not valid YAML", Hint: hint})
}
