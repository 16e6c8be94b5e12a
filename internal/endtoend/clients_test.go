package endtoend

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"signet/internal/store/storetest"
)

// The clients of others talk to a homeserver of ours: two people meet in an encrypted room
// and read what the other has written. The stories are told in testdata/clients, each in the
// client's language, and none of them connects to another machine.

// newHomeserver is a homeserver in development mode that names no identity server.
func newHomeserver(t *testing.T, database string) *process {
	t.Helper()
	clients, federation := freePort(t), freePort(t)
	p := &process{T: t, dir: t.TempDir(), program: "homeserver", url: "http://localhost:" + clients}
	write(t, filepath.Join(p.dir, "homeserver.yaml"), fmt.Sprintf(`
development: true
metrics_listen: ""
database: %s
server_name: localhost:%s
listen: 127.0.0.1:%s
public_url: %s
federation: {listen: "127.0.0.1:%s"}
`, database, federation, clients, p.url, federation))
	p.start()
	return p
}

// tell runs a program to its end, in a folder that it may fill.
func (p *process) tell(folder, program string, args ...string) {
	p.Helper()
	ctx, cancel := context.WithTimeout(p.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = folder
	if out, err := cmd.CombinedOutput(); err != nil {
		_ = p.end(os.Kill) // or it would write while its output is read
		p.Errorf("%s %v: %v\n%s\nThe server:\n%s", filepath.Base(program), args, err, out, p.output.String())
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
	hs := newHomeserver(t, storetest.SQLite(t))
	hs.tell(scripts(t, modules), filepath.Join(modules, ".bin", "node"), "jssdk_story.mjs", hs.url)
}

func TestMatrixNio(t *testing.T) {
	python := os.Getenv("SIGNET_TEST_PYTHON")
	if python == "" {
		t.Skip("SIGNET_TEST_PYTHON names no Python that has matrix-nio")
	}
	t.Parallel()
	hs := newHomeserver(t, storetest.SQLite(t))
	story, err := filepath.Abs(filepath.Join("testdata", "clients", "nio_story.py"))
	if err != nil {
		t.Fatal(err)
	}
	hs.tell(t.TempDir(), python, "-B", story, hs.url)
}
