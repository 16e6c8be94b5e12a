package endtoend

import (
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
)

// An operator puts an older copy of the database back. The server says so, signs and shows
// nothing of the log that goes on elsewhere, and answers look-ups all the same; with the newer
// database it goes on as if nothing had been.
func TestARestoredDatabaseIsNotSigned(t *testing.T) {
	p := newPair(t, sqlite)
	file := strings.TrimPrefix(p.id.database, "sqlite:")
	users := p.watcher("users", p.trust().Users)
	alice := p.join("alice")
	if !alice.request("secret") || !alice.submit() || !alice.bind() {
		t.Fatal("alice cannot bind her address")
	}
	anna := p.publisher("anna", p.trust())
	publish := func() {
		t.Helper()
		anna.next()
		if r := anna.publish(true); r.status != http.StatusOK && r.status != http.StatusAccepted {
			t.Fatalf("publishing: %+v", r)
		}
		anna.check()
		users.check()
	}
	// swap ends the server, starts it with a file in the place of its database, and returns
	// what it had said.
	swap := func(keep, put string) (said string) {
		t.Helper()
		if err := p.id.end(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		if keep != "" {
			copyFile(t, file, keep)
		}
		if put != "" {
			copyFile(t, put, file)
		}
		said = p.id.output.String()
		p.id.output.Reset()
		p.id.start()
		return said
	}
	publish()
	swap(file+".older", "")
	publish()
	swap(file+".newer", file+".older")

	for _, refused := range []reply{
		p.id.call("GET", directory+"/log/users/checkpoint", "", nil),
		p.id.call("GET", directory+"/log/users/tile/entries/000.p/1", "", nil),
		p.id.call("POST", directory+"/lookup", alice.token, map[string]any{"label": anna.label()}),
	} {
		if refused.status != http.StatusServiceUnavailable || !strings.Contains(refused.text("error"), "than the database says") {
			t.Errorf("the log of an older database answers %+v", refused)
		}
	}
	if !alice.found() {
		t.Error("whom an address is bound to is not found any more")
	}

	said := swap("", file+".newer")
	if !strings.Contains(said, "the log was signed further, or otherwise, than the database says") || !strings.Contains(said, "log=users") {
		t.Errorf("of its older database the server said:\n%s", said)
	}
	users.check()
	publish()
	anna.checkAll()
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	data, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	for _, beside := range []string{"-wal", "-shm"} { // of the file that is replaced
		if err := os.Remove(to + beside); err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(to, data, 0o600); err != nil {
		t.Fatal(err)
	}
}
