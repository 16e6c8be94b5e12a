package movein_test

import (
	"database/sql"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"signet/lookup/movein"
)

func TestWhatIsNoDatabase(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for path, want := range map[string]error{
		dir:                        movein.ErrNotFile,
		filepath.Join(dir, "none"): fs.ErrNotExist,
		write("empty", ""):         movein.ErrNotDatabase,
		write("text", "address,user\na@b,@c:d\n"):                                      movein.ErrNotDatabase,
		write("header alone", "SQLite format 3\x00"):                                   movein.ErrNotDatabase,
		write("torn", "SQLite format 3\x00\x10\x00\x01\x01 and what was never a page"): movein.ErrNotDatabase,
	} {
		for name, read := range map[string]func() (*movein.Load, error){
			"sydent": func() (*movein.Load, error) { return movein.ReadSydent(t.Context(), path, options) },
			"ma1sd":  func() (*movein.Load, error) { return movein.ReadMa1sd(t.Context(), path, options) },
		} {
			if _, err := read(); !errors.Is(err, want) {
				t.Errorf("%s of %s = %v, want %v", name, filepath.Base(path), err, want)
			}
		}
	}
}

// files are the names in a database's folder.
func files(t *testing.T, path string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// A database that is written through a log, copied without it or closed well, is read
// without a file being made beside it, in a folder where none could be.
func TestAWALDatabaseWithoutItsLog(t *testing.T) {
	path := database(t, "PRAGMA journal_mode = WAL", sydentSchema, local("email", "a@example.org", "@a:x.org", 1000))
	if diff := cmp.Diff([]string{"old.db"}, files(t, path)); diff != "" {
		t.Fatalf("the test's own folder: %s", diff)
	}
	if err := os.Chmod(filepath.Dir(path), 0o500); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Chmod(filepath.Dir(path), 0o700) })
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	l, err := movein.ReadSydent(t.Context(), path, options)
	if err != nil || len(l.Bindings) != 1 {
		t.Fatalf("%v, %v", l, err)
	}
	after, err := os.ReadFile(path)
	if err != nil || string(before) != string(after) {
		t.Errorf("reading changed the file, %v", err)
	}
	if diff := cmp.Diff([]string{"old.db"}, files(t, path)); diff != "" {
		t.Errorf("reading left something: %s", diff)
	}
}

// What stands in the log alone is read too, beside the server that wrote it.
func TestAWALDatabaseBesideItsServer(t *testing.T) {
	path := database(t, "PRAGMA journal_mode = WAL", sydentSchema)
	server, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	if _, err := server.Exec(local("email", "a@example.org", "@a:x.org", 1000)); err != nil {
		t.Fatal(err)
	}
	l, err := movein.ReadSydent(t.Context(), path, options)
	if err != nil || len(l.Bindings) != 1 {
		t.Fatalf("%v, %v", l, err)
	}
	if _, err := server.Exec(local("email", "b@example.org", "@a:x.org", 1000)); err != nil {
		t.Errorf("the server cannot go on: %v", err)
	}
}

// A server that died in the middle of a write left a journal, which only a writer may
// play back: that is said, and nothing half-written is read.
func TestAnUnfinishedWrite(t *testing.T) {
	path := database(t, sydentSchema, local("email", "a@example.org", "@a:x.org", 1000))
	server, err := sql.Open("sqlite", path+"?_pragma=cache_size(1)&_pragma=cache_spill(1)")
	if err != nil {
		t.Fatal(err)
	}
	server.SetMaxOpenConns(1)
	defer server.Close()
	for _, statement := range []string{"BEGIN IMMEDIATE", "UPDATE local_threepid_associations SET mxid = '@evil:x.org'",
		"CREATE TABLE filler AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) SELECT i, hex(randomblob(50)) FROM n"} {
		if _, err := server.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	dead := filepath.Join(t.TempDir(), "old.db")
	for _, suffix := range []string{"", "-journal"} {
		content, err := os.ReadFile(path + suffix)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(dead+suffix, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if l, err := movein.ReadSydent(t.Context(), dead, options); !errors.Is(err, movein.ErrUnfinished) {
		t.Errorf("%v, %v; want %v", l, err, movein.ErrUnfinished)
	}
}
