package endtoend

import (
	"bytes"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// oldServer makes a database of Sydent with n bindings.
func oldServer(t *testing.T, path string, n int) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, statement := range []string{
		`CREATE TABLE local_threepid_associations (id INTEGER PRIMARY KEY AUTOINCREMENT, medium VARCHAR(16) NOT NULL,
			address VARCHAR(256) NOT NULL, mxid VARCHAR(256), ts INTEGER, notBefore BIGINT, notAfter BIGINT, lookup_hash VARCHAR(256))`,
		`CREATE TABLE global_threepid_associations (id INTEGER PRIMARY KEY AUTOINCREMENT, medium VARCHAR(16) NOT NULL,
			address VARCHAR(256) NOT NULL, mxid VARCHAR(256) NOT NULL, ts INTEGER NOT NULL, notBefore BIGINT NOT NULL,
			notAfter INTEGER NOT NULL, originServer VARCHAR(255) NOT NULL, originId INTEGER NOT NULL, sgAssoc TEXT NOT NULL)`,
		fmt.Sprintf(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)
			INSERT INTO local_threepid_associations (medium, address, mxid, ts, notBefore, notAfter)
			SELECT 'email', 'user' || i || '@example.org', '@user' || i || ':example.org', i, 0, 4000000000000 FROM n`, n),
	} {
		if _, err := db.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
}

// command runs a command beside the server and returns what it prints.
func (p *pair) command(args ...string) ([]byte, error) {
	cmd := exec.Command(filepath.Join(bin, "idserver"), append([]string{"--config", "idserver.yaml"}, args...)...)
	cmd.Dir = p.id.dir
	return cmd.Output()
}

// An import is killed at any moment, beside a running server that goes on working.
// Each batch is in or it is not, and the last import completes it.
func TestKillAnImport(t *testing.T) {
	t.Parallel()
	const all, batch = 2500, 500
	onEachEngine(t, func(t *testing.T, p *pair) {
		alice := p.join("alice")
		oldServer(t, filepath.Join(p.id.dir, "old.db"), all)
		for round := range kills(t) {
			cmd := exec.Command(filepath.Join(bin, "idserver"), "--config", "idserver.yaml", "import", "sydent", "old.db", "--write")
			cmd.Dir = p.id.dir
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			time.Sleep(rand.N(time.Second)) // the moment is the test's random input
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
			exported, err := p.command("export")
			if n := bytes.Count(exported, []byte("\n")); err != nil || n%batch != 0 {
				t.Errorf("after kill %d there are %d bindings, %v", round, n, err)
			}
			if !alice.request(fmt.Sprint("secret", round)) || !alice.submit() {
				t.Error("the server does not go on")
			}
		}
		if out, err := p.command("import", "sydent", "old.db", "--write"); err != nil {
			t.Fatalf("the last import: %v\n%s", err, out)
		}
		exported, err := p.command("export")
		if n := bytes.Count(exported, []byte("\n")); err != nil || n != all {
			t.Errorf("%d bindings, %v; want %d", n, err, all)
		}
	})
}
