package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"
)

// Measurements work with the server as it is, and leave nothing behind. The figures of
// so short runs mean nothing.
func TestOnTheRealServer(t *testing.T) {
	dir := t.TempDir()
	s := settings{idserver: program(t, "idserver"), count: 1, duration: 200 * time.Millisecond, sessions: 100, bindings: 1000, replicas: 1, dir: dir}
	for _, name := range []string{"ping", "email", "email-full", "submit", "captcha", "lookup", "keys", "slow"} {
		chosen, err := choose([]string{name})
		if err != nil {
			t.Fatal(err)
		}
		rows, err := chosen[0].measure(t.Context(), s)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for _, r := range rows {
			whole := r.rate > 0 && r.p50 > 0 && r.p99 >= r.p50 && r.residentKB > 0
			if total := r.name == sealedRow || r.name == auditRow; !whole && !(total && r.rate > 0) {
				t.Errorf("%s: %+v", name, r.figures)
			}
		}
	}
	checkNothingLeft(t, dir)
}

// programs is the folder of the programs, which buildPrograms makes once for all tests.
var programs string

func TestMain(m *testing.M) { os.Exit(runInFolder(m)) }

func runInFolder(m *testing.M) int {
	dir, err := os.MkdirTemp("", "signet-load-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	programs = dir + string(filepath.Separator)
	return m.Run()
}

var buildPrograms = sync.OnceValue(func() error {
	build := exec.Command("go", "build", "-ldflags=-w", "-o", programs, "signet/cmd/idserver", "signet/cmd/homeserver")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("building the programs: %w\n%s", err, out)
	}
	return nil
})

func program(t *testing.T, name string) string {
	t.Helper()
	if err := buildPrograms(); err != nil {
		t.Fatal(err)
	}
	return programs + name
}

func checkNothingLeft(t *testing.T, dir string) {
	t.Helper()
	for _, pattern := range []string{filepath.Join(dir, "world.*"), filepath.Join(memory, hurried+"*")} {
		if left, _ := filepath.Glob(pattern); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
	}
}

// Everything that is measured of a homeserver works with the program as it is, and on
// PostgreSQL what the database could make a difference to.
func TestOnTheRealHomeserver(t *testing.T) {
	dir := t.TempDir()
	s := settings{homeserver: program(t, "homeserver"), count: 1, duration: 50 * time.Millisecond, rooms: 3, messages: 5, receivers: 3, dir: dir}
	t.Run("all", func(t *testing.T) {
		for _, r := range measuredHomeserver(t, s) {
			if timed := r.p50 > 0 && r.p99 >= r.p50; !timed && r.residentKB == 0 {
				t.Errorf("%s: %+v", r.name, r.figures)
			}
		}
	})
	t.Run("beside another", func(t *testing.T) {
		other, err := openOurs(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		defer other.close()
		s := s
		s.base, s.basePID = other.server.addr, other.server.cmd.Process.Pid
		checkBeside(t, measuredHomeserver(t, s, "start", "send", "deliver", "restart"))
	})
	if url := os.Getenv("SIGNET_TEST_POSTGRES"); url != "" {
		s.postgres = url
		t.Run("postgres", func(t *testing.T) { measuredHomeserver(t, s, "send", "restart") })
	}
	checkNothingLeft(t, dir)
}

func measuredHomeserver(t *testing.T, s settings, names ...string) []row {
	t.Helper()
	rows, err := measureHomeserver(t.Context(), s, names)
	if err != nil || len(rows) == 0 {
		t.Fatalf("%v\n%s", err, table(rows))
	}
	return rows
}

// checkBeside looks at each row, that of the other homeserver, which nobody could start
// again, and the ratio.
func checkBeside(t *testing.T, rows []row) {
	t.Helper()
	unknown := []string{"start-up", "restart", "initial sync, cold", "cold, lazy"}
	for three := range slices.Chunk(rows, 3) {
		own, other, ratio := three[0], three[1], three[2]
		if known := other.p50 > 0 || other.residentKB > 0; known == slices.Contains(unknown, own.name) {
			t.Errorf("%s of the other: %+v", own.name, other.figures)
		}
		if ratio.by == nil || *ratio.by != other.figures || ratio.figures != own.figures {
			t.Errorf("the ratio of %s is of %+v and %+v", own.name, ratio.figures, ratio.by)
		}
	}
}

// Sign-ups work with both programs as they are, and each step of theirs is timed.
func TestRealSignUps(t *testing.T) {
	dir := t.TempDir()
	s := settings{idserver: program(t, "idserver"), homeserver: program(t, "homeserver"), count: 1, duration: 50 * time.Millisecond, dir: dir}
	rows, err := measureSignup(t.Context(), s, nil)
	if err != nil || len(rows) != len(signupRows) {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	for i, r := range rows {
		if timed := r.p50 > 0 && r.p99 >= r.p50; !timed && (i == 0 || i > 2) {
			t.Errorf("%s: %+v", r.name, r.figures)
		}
	}
	if _, err := measureSignup(t.Context(), s, []string{"all"}); err == nil {
		t.Error("a name is accepted, and there are none")
	}
	checkNothingLeft(t, dir)
}
