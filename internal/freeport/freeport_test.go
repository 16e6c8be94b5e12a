package freeport

import (
	"errors"
	"net"
	"strconv"
	"syscall"
	"testing"
)

// A port is passed over on which somebody listens, and one that was given to somebody whose
// program is down.
func TestTake(t *testing.T) {
	listened, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listened.Close()
	given, err := Take()
	if err != nil {
		t.Fatal(err)
	}
	free, err := Take()
	if err != nil {
		t.Fatal(err)
	}
	release(free)
	ports := []int{listened.Addr().(*net.TCPAddr).Port, number(t, given), number(t, free)}
	next := func() int { port := ports[0]; ports = ports[1:]; return port }
	if got, err := take(next); got != free {
		t.Fatalf("take = %q, %v, want %q", got, err, free)
	}
	if _, err := take(func() int { return number(t, given) }); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("take without a free port = %v, want %v", err, syscall.EADDRINUSE)
	}
}

// The system gives ports from 32768 on to connections, a program's own among them.
func TestTakeLeavesTheSystemItsPorts(t *testing.T) {
	for range 100 {
		port, err := Take()
		if err != nil {
			t.Fatal(err)
		}
		if n := number(t, port); n < 1024 || n >= 32768 {
			t.Errorf("Take = %d", n)
		}
	}
}

func number(t *testing.T, port string) int {
	t.Helper()
	n, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// release gives up the mark of a port.
func release(port string) {
	taken.Lock()
	defer taken.Unlock()
	for i, mark := range taken.marks {
		if _, p, _ := net.SplitHostPort(mark.LocalAddr().String()); p == port {
			mark.Close()
			taken.marks = append(taken.marks[:i], taken.marks[i+1:]...)
			return
		}
	}
}
