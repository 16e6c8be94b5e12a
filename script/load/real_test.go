package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// Measurements work with the server as it is, and leave nothing behind. The figures of
// so short runs mean nothing.
func TestOnTheRealServer(t *testing.T) {
	dir := t.TempDir()
	s := settings{idserver: filepath.Join(dir, "idserver"), count: 1, duration: 200 * time.Millisecond, sessions: 100, bindings: 1000, replicas: 1, dir: dir}
	build := exec.Command("go", "build", "-o", s.idserver, "signet/cmd/idserver")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building the server: %v\n%s", err, out)
	}
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
	for _, pattern := range []string{filepath.Join(dir, "world.*"), filepath.Join(memory, hurried+"*")} {
		if left, _ := filepath.Glob(pattern); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
	}
}
