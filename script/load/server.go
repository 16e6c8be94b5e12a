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

// server is the program under load. Without a cmd nothing is known of its process.
type server struct {
	launch
	cmd  *exec.Cmd
	log  string        // file of what it writes
	gone chan struct{} // closed when it has ended
}

// launch is how a server is started: in a folder, by the configuration of that name there.
type launch struct {
	program, dir, config string
	addr                 string
	ready                string // path that is answered 200 when it is ready
}

// How long the server may take to be ready, and to end.
const (
	startPatience = time.Minute
	endPatience   = 10 * time.Second
)

// startServer runs the program and waits until it is ready.
func startServer(ctx context.Context, l launch) (*server, error) {
	s := &server{launch: l, log: filepath.Join(l.dir, l.config+".log"), gone: make(chan struct{})}
	log, err := os.Create(s.log)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	s.cmd = exec.Command(l.program, "--config", l.config)
	s.cmd.Dir, s.cmd.Stderr = l.dir, log
	s.cmd.Env = append(os.Environ(), "OTEL_TRACES_EXPORTER=none")
	if err := s.cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting the server: %w", err)
	}
	go func() {
		_ = s.cmd.Wait() // how it ended stands in its log
		close(s.gone)
	}()
	if err := s.waitReady(ctx); err != nil {
		s.end()
		return nil, err
	}
	return s, nil
}

// watched is a server that somebody else has started, as the process of that ID if it is not 0.
func watched(addr string, pid int) (*server, error) {
	s := &server{launch: launch{addr: addr}}
	if pid == 0 {
		return s, nil
	}
	process, err := os.FindProcess(pid)
	s.cmd = &exec.Cmd{Process: process}
	return s, err
}

func (s *server) waitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	for {
		if r, err := http.Get("http://" + s.addr + s.ready); err == nil {
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
		case <-time.After(2 * time.Millisecond): // another process has no signal to give
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
	if s.cmd == nil {
		return 0, nil
	}
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
	if s.cmd == nil {
		return 0, nil
	}
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

// machineBusy is how much processor time has been used on the machine.
func machineBusy() (time.Duration, error) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, err
	}
	return parseMachineBusy(string(text))
}

// parseMachineBusy adds the first line of /proc/stat (proc_stat(5)) without its fourth and
// fifth number, in which nothing was done, and the last two, which are in the first two.
func parseMachineBusy(stat string) (time.Duration, error) {
	line, _, _ := strings.Cut(stat, "\n")
	fields := strings.Fields(line)
	if len(fields) < 9 || fields[0] != "cpu" {
		return 0, fmt.Errorf("reading the machine's time: %.100q", line)
	}
	var ticks int64
	for i, field := range fields[1:9] {
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0, err
		}
		if i != 3 && i != 4 {
			ticks += n
		}
	}
	return time.Duration(ticks) * time.Second / ticksPerSecond, nil
}
