package endtoend

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"signet/internal/store/storetest"
)

// demo is script/demo at work: an identity server and two homeservers.
type demo struct {
	*testing.T
	cmd   *exec.Cmd
	links []string // the two homeservers, the mailbox, the identity server
	data  string   // the folder of all that it keeps
	wrong strings.Builder
}

var (
	demoLink = regexp.MustCompile(`^  \S.*  (http://localhost:\d+/\S*)$`)
	demoData = regexp.MustCompile(`^Logs: (.+)/\*\.log\.`)
)

// startDemo starts it on free ports with the programs under test, and reads what it prints
// until all is ready. Without databases they are files of its own.
func startDemo(t *testing.T, databases ...string) *demo {
	t.Helper()
	var ports []string
	for range 5 {
		ports = append(ports, freePort(t))
	}
	d := &demo{T: t, cmd: exec.Command(filepath.Join("..", "..", "script", "demo"))}
	d.cmd.Env = append(os.Environ(), "IDSERVER="+filepath.Join(bin, "idserver"), "HOMESERVER="+filepath.Join(bin, "homeserver"),
		"DEMO_PORTS="+strings.Join(ports, " "), "DEMO_DATABASES="+strings.Join(databases, " "))
	d.cmd.Stderr = &d.wrong
	out, err := d.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			d.tellLogs()
		}
		_ = d.interrupt()
	})
	lines := bufio.NewScanner(out)
	for d.data == "" {
		if !lines.Scan() {
			t.Fatalf("script/demo has ended: %v\n%s", d.cmd.Wait(), d.wrong.String())
		}
		if link := demoLink.FindStringSubmatch(lines.Text()); link != nil {
			d.links = append(d.links, link[1])
		}
		if data := demoData.FindStringSubmatch(lines.Text()); data != nil {
			d.data = data[1]
		}
	}
	return d
}

// tellLogs shows the end of what each program has logged.
func (d *demo) tellLogs() {
	d.Helper()
	files, err := filepath.Glob(filepath.Join(d.data, "*.log"))
	if err != nil {
		d.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		d.Logf("%s: %v\n%s", filepath.Base(file), err, text[max(0, len(text)-4000):])
	}
}

// interrupt is Ctrl-C, and the wait for the end.
func (d *demo) interrupt() error {
	if d.cmd.ProcessState != nil {
		return nil
	}
	if err := d.cmd.Process.Signal(syscall.SIGINT); err != nil {
		return err
	}
	return d.cmd.Wait()
}

// The demo prints four links that lead somewhere, and leaves nothing behind.
func TestDemo(t *testing.T) {
	t.Parallel()
	d := startDemo(t)
	if len(d.links) != 4 {
		t.Fatalf("script/demo prints the links %q, want four", d.links)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for _, link := range d.links {
		if !answers(ctx, link) {
			t.Errorf("%s does not answer", link)
		}
	}
	if err := d.interrupt(); err != nil {
		t.Errorf("at Ctrl-C: %v\n%s", err, d.wrong.String())
	}
	for _, link := range d.links {
		if answers(ctx, link) {
			t.Errorf("%s still answers", link)
		}
	}
	if _, err := os.Stat(d.data); !os.IsNotExist(err) {
		t.Errorf("%s is still there: %v", d.data, err)
	}
}

// onEachDemo tells a story to a demo on each engine at hand.
func onEachDemo(t *testing.T, tell func(*testing.T, *demo)) {
	t.Run("sqlite", func(t *testing.T) { tell(t, startDemo(t)) })
	if os.Getenv(storetest.PostgresURL) == "" {
		return
	}
	t.Run("postgres", func(t *testing.T) {
		tell(t, startDemo(t, storetest.PostgreSQL(t), storetest.PostgreSQL(t), storetest.PostgreSQL(t)))
	})
}
