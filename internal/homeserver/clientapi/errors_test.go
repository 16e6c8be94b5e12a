package clientapi_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"signet/internal/homeserver/clientapi"
	"signet/internal/homeserver/event"
	"signet/internal/homeserver/remote"
	"signet/internal/homeserver/room"
	"signet/internal/matrix"
)

// withoutAnswer are the errors that no table has, by the reason.
var withoutAnswer = map[string][]string{
	"its handler deals with it":                {"contact.ErrNoSupport", "contact.ErrLater", "matrix.ErrServerName"},
	"it is answered without a table":           {"filter.ErrFilter", "fedclient.ErrUnreachable", "fedclient.ErrTooLarge", "fedclient.ErrBadAnswer", "remote.ErrTemplate", "mxhttp.ErrNoBearer"},
	"the table has it by another name":         {"stream.ErrToken"},
	"a package between makes another of it":    {"keydirectory.ErrErasing", "keydirectory.ErrBusy", "keydirectory.ErrRoot", "idclient.ErrNoHash", "idclient.ErrKey", "idclient.ErrValidityURL", "fedclient.ErrBadKeys", "fedclient.ErrUnknownKey", "fedclient.ErrNotAtHand", "event.ErrSignature", "matrix.ErrSignature", "matrix.ErrBase64", "room.ErrResident"},
	"an operator gets it":                      {"account.ErrFlow", "account.ErrTokenForm", "account.ErrTokenLimit", "account.ErrTokenTaken", "account.ErrTokenUnknown", "keydirectory.ErrNoAlarm", "store.ErrHeld", "store.ErrSchemaTooNew", "store.ErrURL", "turn.ErrURI"},
	"another server gets it":                   {"e2ee.ErrEDU", "e2ee.ErrOrigin", "e2ee.ErrNoUser", "inbound.ErrDenied", "inbound.ErrNotHere", "inbound.ErrLater", "inbound.ErrBacklog", "inbound.ErrStranger", "inbound.ErrInvite", "matrix.ErrXMatrix", "room.ErrUnknownState", "room.ErrCannotTell", "room.ErrCannotGrant", "thirdparty.ErrSigned", "thirdparty.ErrNotOurs", "thirdparty.ErrNobody", "thirdparty.ErrTooMany", "thirdparty.ErrDeclined", "thirdparty.ErrAway"},
	"it is of work that no request waits for":  {"inbound.ErrGivenUp", "inbound.ErrPanic", "keydirectory.ErrNotLogged", "room.ErrSecondCreate", "value.ErrPrevious", "value.ErrValue", "value.ErrOther", "value.ErrSignature", "value.ErrNotYet", "value.ErrExpired"},
	"it is a fault of this server's, or worse": {"quota.ErrBudget", "store.ErrUnsettled", "stream.ErrReplaced"},
}

// Whoever gives a package below a new error has to say here what it means to a client: what
// nobody names is a fault of this server's.
func TestEveryErrorHasItsAnswer(t *testing.T) {
	own := files(t, ".")
	sentinels, answered := sentinels(own, ""), map[string]bool{}
	for _, path := range imported(own) {
		if dir, ours := strings.CutPrefix(path, "signet/"); ours {
			sentinels = append(sentinels, sentinelsOf(t, dir)...)
		}
	}
	for _, f := range own {
		for name := range inTables(f) {
			answered[name] = true
		}
	}
	if len(sentinels) < 100 || len(answered) < 100 {
		t.Fatalf("%d errors and %d answers were found", len(sentinels), len(answered))
	}
	listed := slices.Concat(slices.Collect(maps.Values(withoutAnswer))...)
	for _, name := range sentinels {
		switch isListed := slices.Contains(listed, name); {
		case isListed && answered[name]:
			t.Errorf("%s is listed as one without an answer, and has one", name)
		case !isListed && !answered[name]:
			t.Errorf("%s has no answer, and it is not listed why", name)
		}
	}
	for _, name := range listed {
		if !slices.Contains(sentinels, name) {
			t.Errorf("%s is listed, and is not there", name)
		}
	}
}

// What another server proposes is no fault of the client's, nor of this server's.
func TestOtherServersFaults(t *testing.T) {
	for _, err := range []error{room.ErrOtherRoom, event.ErrAuthoriser, event.ErrPrevEvents, event.ErrDepth, event.ErrRoomID, fmt.Errorf("joining: %w", remote.ErrTemplate)} {
		if p, known := clientapi.Translate(err); !known || p.Status != http.StatusBadGateway || p.Code != matrix.Unknown {
			t.Errorf("%v is answered with %v", err, p)
		}
	}
}

// files are the sources in a directory.
func files(t *testing.T, dir string) (all []*ast.File) {
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

// imported are the packages that files import.
func imported(files []*ast.File) []string {
	all := map[string]bool{}
	for _, f := range files {
		for _, i := range f.Imports {
			if path, err := strconv.Unquote(i.Path.Value); err == nil {
				all[path] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(all))
}

// sentinelsOf are the errors that a package of ours exports.
func sentinelsOf(t *testing.T, dir string) []string {
	t.Helper()
	return sentinels(files(t, "../../../"+dir), filepath.Base(dir)+".")
}

// sentinels are the variables that are made by errors.New or fmt.Errorf, by the name that they
// have behind a prefix; without one also those that are not exported.
func sentinels(files []*ast.File, prefix string) (names []string) {
	for _, f := range files {
		for _, d := range f.Decls {
			vars, is := d.(*ast.GenDecl)
			if !is || vars.Tok != token.VAR {
				continue
			}
			for _, spec := range vars.Specs {
				v := spec.(*ast.ValueSpec)
				if len(v.Values) == 1 && makesError(v.Values[0]) && (prefix == "" || v.Names[0].IsExported()) {
					names = append(names, prefix+v.Names[0].Name)
				}
			}
		}
	}
	return names
}

func makesError(e ast.Expr) bool {
	call, is := e.(*ast.CallExpr)
	if !is {
		return false
	}
	name := nameOf(call.Fun)
	return name == "errors.New" || name == "fmt.Errorf"
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

// inTables are the errors of a file's tables.
func inTables(f *ast.File) map[string]bool {
	names := map[string]bool{}
	ast.Inspect(f, func(n ast.Node) bool {
		table, is := n.(*ast.CompositeLit)
		if !is || nameOf(table.Type) != "mxhttp.Answers" {
			return true
		}
		for _, row := range table.Elts {
			names[nameOf(row.(*ast.CompositeLit).Elts[0])] = true
		}
		return true
	})
	return names
}
