// Package answerstest looks whether an HTTP face has an answer to each error of the packages below
// it: it reads which errors these export, and which the face's tables (mxhttp.Answers) have.
package answerstest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// Check looks at the package by whose test it is called. What no table has must be listed, by the
// reason why it needs no answer; name.* are all others of a package. The face's own errors are
// looked at whether they are exported or not.
func Check(t *testing.T, without map[string][]string) {
	t.Helper()
	own := sources(t, ".")
	errs, answered := errorsOf(own, ""), map[string]bool{}
	for _, dir := range imported(own) {
		below := errorsOf(sources(t, filepath.Join(root(t), dir)), filepath.Base(dir)+".")
		errs = append(errs, slices.DeleteFunc(below, isPrivate)...)
	}
	for _, f := range own {
		addAnswered(answered, f)
	}
	if len(errs) < 50 || len(answered) < 50 {
		t.Fatalf("%d errors and %d answers were found", len(errs), len(answered))
	}
	listed := slices.Concat(slices.Collect(maps.Values(without))...)
	for _, name := range errs {
		switch isListed := slices.Contains(listed, name); {
		case isListed && answered[name]:
			t.Errorf("%s is listed as one without an answer, and has one", name)
		case !isListed && !answered[name] && !slices.Contains(listed, rest(name)):
			t.Errorf("%s has no answer, and it is not listed why", name)
		}
	}
	for _, name := range listed {
		if !slices.Contains(errs, name) && !slices.ContainsFunc(errs, func(e string) bool { return rest(e) == name }) {
			t.Errorf("%s is listed, and is not there", name)
		}
	}
}

// rest is how all errors of a package are listed that no table has.
func rest(name string) string {
	of, _, _ := strings.Cut(name, ".")
	return of + ".*"
}

// root is the folder of the module.
func root(t *testing.T) string {
	t.Helper()
	dir := ".."
	for range 10 {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		dir = filepath.Join(dir, "..")
	}
	t.Fatal("the test does not run in the module")
	return ""
}

// sources are those in a folder, without tests.
func sources(t *testing.T, dir string) (all []*ast.File) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, f)
	}
	return all
}

// imported are the folders of the packages of ours that files import.
func imported(files []*ast.File) []string {
	all := map[string]bool{}
	for _, f := range files {
		for _, i := range f.Imports {
			path, _ := strconv.Unquote(i.Path.Value)
			if dir, ours := strings.CutPrefix(path, "signet/"); ours {
				all[dir] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(all))
}

// errorsOf are the variables that are made by errors.New or fmt.Errorf, with a prefix.
func errorsOf(files []*ast.File, prefix string) (names []string) {
	for _, f := range files {
		for _, d := range f.Decls {
			vars, is := d.(*ast.GenDecl)
			if !is || vars.Tok != token.VAR {
				continue
			}
			for _, spec := range vars.Specs {
				if v := spec.(*ast.ValueSpec); len(v.Values) == 1 && makesError(v.Values[0]) {
					names = append(names, prefix+v.Names[0].Name)
				}
			}
		}
	}
	return names
}

func makesError(e ast.Expr) bool {
	call, is := e.(*ast.CallExpr)
	return is && slices.Contains([]string{"errors.New", "fmt.Errorf"}, nameOf(call.Fun))
}

// isPrivate tells of package.Name whether another package cannot write it.
func isPrivate(name string) bool {
	_, own, _ := strings.Cut(name, ".")
	return !ast.IsExported(own)
}

func nameOf(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return nameOf(e.X) + "." + e.Sel.Name
	}
	return ""
}

// addAnswered adds the errors that the tables of a file have.
func addAnswered(to map[string]bool, f *ast.File) {
	ast.Inspect(f, func(n ast.Node) bool {
		table, is := n.(*ast.CompositeLit)
		if !is || nameOf(table.Type) != "mxhttp.Answers" {
			return true
		}
		for _, row := range table.Elts {
			to[nameOf(row.(*ast.CompositeLit).Elts[0])] = true
		}
		return true
	})
}
