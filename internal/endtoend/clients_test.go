package endtoend

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The clients of others talk to a homeserver of ours: two people meet in an encrypted room
// and read what the other has written. The stories are told in testdata/clients, each in the
// client's language, and none of them connects to another machine.

// homeserver is a process in development mode that names no identity server.
type homeserver struct {
	*process
	name string // of the server, in the ids of its users
}

// newHomeserver starts one. federation is what its configuration says of that beside the
// address.
func newHomeserver(t *testing.T, e engine, federation ...string) *homeserver {
	t.Helper()
	listen := freePort(t)
	clients := freePort(t)
	p := &homeserver{
		process: &process{T: t, dir: t.TempDir(), program: "homeserver", url: "http://localhost:" + clients, database: e.homeserver(t)},
		name:    "localhost:" + listen,
	}
	write(t, filepath.Join(p.dir, "homeserver.yaml"), fmt.Sprintf(`
development: true
metrics_listen: ""
database: %s
server_name: %s
listen: 127.0.0.1:%s
public_url: %s
federation: {%s}
`, p.database, p.name, clients, p.url, strings.Join(append(federation, `listen: "127.0.0.1:`+listen+`"`), ", ")))
	p.start()
	return p
}

// clientPassword is that of everybody in these stories.
const clientPassword = "a password for the tests"

// knowsNothing checks that the database has events that were encrypted, and none of these
// texts.
func (p *homeserver) knowsNothing(texts ...string) {
	p.Helper()
	file, is := strings.CutPrefix(p.database, "sqlite:")
	if !is {
		return // what is in another server's files cannot be read
	}
	var stored []byte
	for _, name := range []string{file, file + "-wal"} {
		part, err := os.ReadFile(name)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			p.Fatal(err)
		}
		stored = append(stored, part...)
	}
	if !bytes.Contains(stored, []byte(`"algorithm":"m.megolm.v1.aes-sha2","ciphertext":`)) {
		p.Error("the server has no encrypted message")
	}
	for _, text := range texts {
		if bytes.Contains(stored, []byte(text)) {
			p.Errorf("the server has read %q", text)
		}
	}
}

// tell runs a program to its end, in a folder that it may fill; both sides say what they
// have done when it fails.
func (p *homeserver) tell(folder, program string, args ...string) {
	p.Helper()
	ctx, cancel := context.WithTimeout(p.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = folder
	if out, err := cmd.CombinedOutput(); err != nil {
		_ = p.end(os.Kill) // or it would write while its output is read
		p.Fatalf("%s %v: %v\n%s\nThe server:\n%s", filepath.Base(program), args, err, out, p.output.String())
	}
}

// scripts is a folder with the stories and the packages from npm that they import.
func scripts(t *testing.T, modules string) string {
	t.Helper()
	folder := t.TempDir()
	if err := os.CopyFS(folder, os.DirFS(filepath.Join("testdata", "clients"))); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(modules, filepath.Join(folder, "node_modules")); err != nil {
		t.Fatal(err)
	}
	return folder
}

// nodeModules is the folder of the packages that testdata/clients/package.json names.
func nodeModules(t *testing.T) string {
	t.Helper()
	modules := os.Getenv("SIGNET_TEST_NODE_MODULES")
	if modules == "" {
		t.Skip("SIGNET_TEST_NODE_MODULES names no folder of packages from npm")
	}
	return modules
}

func TestMatrixJSSDK(t *testing.T) {
	modules := nodeModules(t)
	t.Parallel()
	hs := newHomeserver(t, sqlite)
	hs.tell(scripts(t, modules), filepath.Join(modules, ".bin", "node"), "jssdk_story.mjs", hs.url)
	hs.knowsNothing("Can you read this?", "Every word.")
}

func TestMatrixNio(t *testing.T) {
	python := os.Getenv("SIGNET_TEST_PYTHON")
	if python == "" {
		t.Skip("SIGNET_TEST_PYTHON names no Python that has matrix-nio")
	}
	t.Parallel()
	hs := newHomeserver(t, sqlite)
	story, err := filepath.Abs(filepath.Join("testdata", "clients", "nio_story.py"))
	if err != nil {
		t.Fatal(err)
	}
	hs.tell(t.TempDir(), python, "-B", story, hs.url)
	hs.knowsNothing("Can you read this?", "Every word.")
}
