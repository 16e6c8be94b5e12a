package daemon

import (
	"bufio"
	"errors"
	"os"
	"os/exec"
	"syscall"
	"testing"
)

// TestSignals starts this test again as a child whose drain hangs. The first
// SIGTERM must begin the drain, the second must kill it.
func TestSignals(t *testing.T) {
	if os.Getenv("SIGNET_TEST_CHILD") != "" {
		hangingChild()
	}
	child := exec.Command(os.Args[0], "-test.run=^TestSignals$")
	child.Env = append(os.Environ(), "SIGNET_TEST_CHILD=1")
	output, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(output)
	for _, want := range []string{"serving", "draining"} {
		if !lines.Scan() || lines.Text() != want {
			t.Fatalf("the child says %q, want %q", lines.Text(), want)
		}
		if err := child.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
	}
	var exit *exec.ExitError
	if err := child.Wait(); !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGTERM {
		t.Errorf("the child ended with %v, want killed by %v", err, syscall.SIGTERM)
	}
}

func hangingChild() {
	ctx, _ := SignalContext()
	os.Stdout.WriteString("serving\n")
	<-ctx.Done()
	os.Stdout.WriteString("draining\n")
	select {}
}
