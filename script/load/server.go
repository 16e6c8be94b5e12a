package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// server is the program under load.
type server struct {
	addr string
	cmd  *exec.Cmd
	log  string        // file of what it writes
	gone chan struct{} // closed when it has ended
}

// How long the server may take to be ready, and to end.
const (
	startPatience = time.Minute
	endPatience   = 10 * time.Second
)

// startServer runs the program in dir with a replica's configuration there, and waits until
// it is ready.
func startServer(ctx context.Context, program, dir string, replica int, addr string) (*server, error) {
	s := &server{addr: addr, log: filepath.Join(dir, fmt.Sprintf("log%d", replica)), gone: make(chan struct{})}
	log, err := os.Create(s.log)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	s.cmd = exec.Command(program, "--config", configFile(replica))
	s.cmd.Dir, s.cmd.Stderr = dir, log
	s.cmd.Env = append(os.Environ(), "OTEL_TRACES_EXPORTER=none")
	if err := s.cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting the server: %w", err)
	}
	go func() {
		_ = s.cmd.Wait() // how it ended stands in its log
		close(s.gone)
	}()
	if err := s.ready(ctx); err != nil {
		s.end()
		return nil, err
	}
	return s, nil
}

func (s *server) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	for {
		if r, err := http.Get("http://" + s.addr + "/readyz"); err == nil {
			_ = r.Body.Close()
			if r.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-s.gone:
			return fmt.Errorf("the server has ended: %s", s.lastWords())
		case <-ctx.Done():
			return fmt.Errorf("the server does not get ready: %s", s.lastWords())
		case <-time.After(10 * time.Millisecond): // another process has no signal to give
		}
	}
}

// lastWords is the end of the server's log.
func (s *server) lastWords() string {
	text, _ := os.ReadFile(s.log)
	return string(text[max(0, len(text)-2000):])
}

// end stops the server, kindly first. None has ended already.
func (s *server) end() {
	if s == nil {
		return
	}
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.gone:
	case <-time.After(endPatience):
		_ = s.cmd.Process.Kill()
		<-s.gone
	}
}

// residentKB is how much memory the server has in use.
func (s *server) residentKB() (int, error) {
	text, err := os.ReadFile(s.proc("status"))
	if err != nil {
		return 0, err
	}
	return parseResident(string(text))
}

// parseResident reads VmRSS out of /proc/PID/status (proc_pid_status(5)).
func parseResident(status string) (int, error) {
	_, rest, _ := strings.Cut(status, "\nVmRSS:")
	number, _, found := strings.Cut(rest, " kB")
	if !found {
		return 0, fmt.Errorf("reading a process's memory: there is no VmRSS")
	}
	return strconv.Atoi(strings.TrimSpace(number))
}

// ticksPerSecond is the unit of times in /proc, the same on all of Linux that Go
// runs on.
const ticksPerSecond = 100

// busy is how much processor time the server has used.
func (s *server) busy() (time.Duration, error) {
	text, err := os.ReadFile(s.proc("stat"))
	if err != nil {
		return 0, err
	}
	return parseBusy(string(text))
}

// parseBusy adds utime and stime of /proc/PID/stat (proc_pid_stat(5)), fields 14 and
// 15. The name before them, in parentheses, may hold blanks.
func parseBusy(stat string) (time.Duration, error) {
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	if len(fields) < 13 {
		return 0, fmt.Errorf("reading a process's time: %d fields", len(fields))
	}
	user, err := strconv.ParseInt(fields[11], 10, 64)
	if err != nil {
		return 0, err
	}
	system, err := strconv.ParseInt(fields[12], 10, 64)
	return time.Duration(user+system) * time.Second / ticksPerSecond, err
}

func (s *server) proc(name string) string {
	return fmt.Sprintf("/proc/%d/%s", s.cmd.Process.Pid, name)
}

// ownBusy is how much processor time this program has used.
func ownBusy() (time.Duration, error) {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0, err
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()), nil
}
