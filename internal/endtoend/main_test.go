package endtoend

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"signet/internal/deliver/sms/smstest"
	"signet/internal/store/storetest"
)

// bin is the folder of the built programs.
var bin string

func TestMain(m *testing.M) { os.Exit(buildAndRun(m)) }

func buildAndRun(m *testing.M) int {
	dir, err := os.MkdirTemp("", "signet-endtoend-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	build := exec.Command("go", "build", "-ldflags=-w", "-o", dir+string(filepath.Separator), "signet/cmd/idserver", "signet/cmd/homeserver")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "building the programs: %v\n%s", err, out)
		return 1
	}
	bin = dir
	return m.Run()
}

// TestScripts runs every script on every engine at hand.
func TestScripts(t *testing.T) {
	runScripts(t, "testdata/*.txtar", "sqlite", sqlite)
	if os.Getenv(storetest.PostgresURL) == "" {
		return
	}
	empty := func(t testing.TB, _ []string) string { return storetest.PostgreSQL(t) }
	runScripts(t, "testdata/*.txtar", "postgres", postgres)
	runScripts(t, "testdata/replicas/*.txtar", "postgres-replicas", empty)
}

// runScripts runs scripts with two databases each, named $ID_DATABASE and $HS_DATABASE.
func runScripts(t *testing.T, pattern, name string, e engine) {
	scripts, err := filepath.Glob(pattern)
	if err != nil || len(scripts) == 0 {
		t.Fatalf("no scripts match %s: %v", pattern, err)
	}
	for _, script := range scripts {
		t.Run(name+"/"+filepath.Base(script), func(t *testing.T) {
			t.Parallel() // programs start, and wait for each other
			id, hs := e.idserver(t), e.homeserver(t)
			testscript.Run(t, testscript.Params{
				Files:               []string{script},
				RequireExplicitExec: true,
				Cmds:                words,
				Setup: func(e *testscript.Env) error {
					e.Setenv("PATH", bin+string(os.PathListSeparator)+e.Getenv("PATH"))
					e.Setenv("ID_DATABASE", id)
					e.Setenv("HS_DATABASE", hs)
					e.Values[postKey{}] = newPost(t)
					e.Values[collectorKey{}] = newCollector(t)
					e.Values[textsKey{}] = &texts{smstest.NewTwilio(t), smstest.NewGateway(t)}
					return nil
				},
			})
		})
	}
}
