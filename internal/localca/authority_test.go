package localca

import (
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/iotest"
	"time"
)

// clock is a time that tests move.
type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }

func newClock() *clock { return &clock{time.Now()} }

func open(t *testing.T, dir string, c *clock) *Authority {
	t.Helper()
	a, err := Open(dir, c.now, rand.Reader)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	return a
}

func TestOpenTwiceIsTheSame(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "made", "on", "the", "way")
	first, second := open(t, dir, newClock()), open(t, dir, newClock())
	if !first.cert.Equal(second.cert) || !first.key.Equal(second.key) {
		t.Error("the second Open found another authority")
	}
	for name, want := range map[string]os.FileMode{"": 0o700, certName: 0o644, keyName: 0o600} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("mode of %q = %o, want %o", name, got, want)
		}
	}
}

// TestOpenRace: programs that start at the same moment end with one authority,
// and leave nothing but its two files.
func TestOpenRace(t *testing.T) {
	for range 20 {
		dir := t.TempDir()
		opened := make([]*Authority, 8)
		gate := make(chan bool)
		var racing sync.WaitGroup
		for i := range opened {
			racing.Go(func() {
				<-gate
				var err error
				if opened[i], err = Open(dir, time.Now, rand.Reader); err != nil {
					t.Errorf("Open in a race: %v", err)
				}
			})
		}
		close(gate)
		racing.Wait()
		if t.Failed() {
			return
		}
		for _, a := range opened {
			if !a.cert.Equal(opened[0].cert) || !a.key.Equal(opened[0].key) {
				t.Fatal("two programs ended with two authorities")
			}
		}
		if files, err := os.ReadDir(dir); err != nil || len(files) != 2 {
			t.Fatalf("left in the folder: %v, %v", files, err)
		}
	}
}

// TestOpenAfterCrash: killed between the two files, the next start goes on.
func TestOpenAfterCrash(t *testing.T) {
	dir := t.TempDir()
	key := open(t, dir, newClock()).key
	if err := os.Remove(filepath.Join(dir, certName)); err != nil {
		t.Fatal(err)
	}
	if a := open(t, dir, newClock()); !a.key.Equal(key) {
		t.Error("the key that was there is not used")
	}
}

// TestOpenRefuses: what cannot be used is an error and stays as it is.
func TestOpenRefuses(t *testing.T) {
	other := t.TempDir()
	open(t, other, newClock())
	read := func(dir, name string) []byte {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	for _, test := range []struct {
		name  string
		spoil func(dir string, c *clock) error
		want  error
	}{
		{"certificate is junk", overwrite(certName, []byte("junk")), ErrCorrupt},
		{"certificate is empty", overwrite(certName, nil), ErrCorrupt},
		{"certificate is a key", overwrite(certName, read(other, keyName)), ErrCorrupt},
		{"certificate of another key", overwrite(certName, read(other, certName)), ErrCorrupt},
		{"certificate is broken inside", overwrite(certName, encode(certBlock, []byte("junk"))), ErrCorrupt},
		{"two certificates", overwrite(certName, append(read(other, certName), read(other, certName)...)), ErrCorrupt},
		{"key is junk", overwrite(keyName, []byte("junk")), ErrCorrupt},
		{"key is broken inside", overwrite(keyName, encode(keyBlock, []byte("junk"))), ErrCorrupt},
		{"key is open to all", func(dir string, _ *clock) error { return os.Chmod(filepath.Join(dir, keyName), 0o604) }, ErrExposed},
		{"key is gone", func(dir string, _ *clock) error { return os.Remove(filepath.Join(dir, keyName)) }, ErrNoKey},
		{"expired", func(_ string, c *clock) error { c.at = c.at.Add(caLife + time.Hour); return nil }, ErrExpired},
		{"not valid yet", func(_ string, c *clock) error { c.at = c.at.Add(-2 * skew); return nil }, ErrExpired},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir, c := t.TempDir(), newClock()
			open(t, dir, c)
			if err := test.spoil(dir, c); err != nil {
				t.Fatal(err)
			}
			before := contents(t, dir)
			if _, err := Open(dir, c.now, rand.Reader); !errors.Is(err, test.want) {
				t.Errorf("Open = %v, want %v", err, test.want)
			}
			if after := contents(t, dir); after != before {
				t.Errorf("Open changed the folder from\n%s\nto\n%s", before, after)
			}
		})
	}
}

func overwrite(name string, content []byte) func(string, *clock) error {
	return func(dir string, _ *clock) error { return os.WriteFile(filepath.Join(dir, name), content, 0o600) }
}

// contents is every name and byte in the folder.
func contents(t *testing.T, dir string) string {
	t.Helper()
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	all := ""
	for _, file := range files {
		text, err := os.ReadFile(filepath.Join(dir, file.Name()))
		if err != nil {
			t.Fatal(err)
		}
		all += file.Name() + ":\n" + string(text)
	}
	return all
}

// TestOpenWithoutRandomness: no authority is better than a guessable one, and the
// next start is not harmed.
func TestOpenWithoutRandomness(t *testing.T) {
	dir := t.TempDir()
	if _, err := Open(dir, time.Now, iotest.ErrReader(errDry)); !errors.Is(err, errDry) {
		t.Errorf("Open = %v, want %v", err, errDry)
	}
	a := open(t, dir, newClock())
	a.random = iotest.ErrReader(errDry)
	if _, err := a.Issue([]string{"localhost"}); !errors.Is(err, errDry) {
		t.Errorf("Issue = %v, want %v", err, errDry)
	}
}

var errDry = errors.New("no randomness left")

func TestOpenWithoutFolder(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(file, time.Now, rand.Reader); err == nil {
		t.Error("Open of a file as folder succeeded")
	}
}

func TestIssue(t *testing.T) {
	c := newClock()
	a := open(t, t.TempDir(), c)
	names := []string{"localhost", "example.org", "127.0.0.1", "::1"}
	pair, err := a.Issue(names)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if _, err := pair.Leaf.Verify(x509.VerifyOptions{DNSName: name, Roots: a.Pool(), CurrentTime: c.at}); err != nil {
			t.Errorf("verifying for %s: %v", name, err)
		}
	}
	for _, test := range []struct {
		name    string
		options x509.VerifyOptions
	}{
		{"another name", x509.VerifyOptions{DNSName: "example.com", Roots: a.Pool(), CurrentTime: c.at}},
		{"another authority", x509.VerifyOptions{Roots: open(t, t.TempDir(), c).Pool(), CurrentTime: c.at}},
		{"another time", x509.VerifyOptions{Roots: a.Pool(), CurrentTime: c.at.Add(leafLife + time.Minute)}},
		{"another use", x509.VerifyOptions{Roots: a.Pool(), CurrentTime: c.at, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}},
	} {
		if _, err := pair.Leaf.Verify(test.options); err == nil {
			t.Errorf("the certificate verifies for %s", test.name)
		}
	}
}

func TestIssueRefuses(t *testing.T) {
	a := open(t, t.TempDir(), newClock())
	for _, names := range [][]string{nil, {""}, {"a b"}, {"localhost", "under_score"}, {"127.0.0.1:80"}, {"-x"}} {
		if _, err := a.Issue(names); !errors.Is(err, ErrName) {
			t.Errorf("Issue(%q) = %v, want %v", names, err, ErrName)
		}
	}
}

// TestIssueNearTheEnd: no certificate outlives its authority.
func TestIssueNearTheEnd(t *testing.T) {
	c := newClock()
	a := open(t, t.TempDir(), c)
	c.at = a.cert.NotAfter.Add(-time.Hour)
	pair, err := a.Issue([]string{"localhost"})
	if err != nil {
		t.Fatal(err)
	}
	if !pair.Leaf.NotAfter.Equal(a.cert.NotAfter) {
		t.Errorf("valid until %v, the authority until %v", pair.Leaf.NotAfter, a.cert.NotAfter)
	}
}

func TestTLSConfigRenews(t *testing.T) {
	c := newClock()
	config, err := open(t, t.TempDir(), c).TLSConfig([]string{"localhost"})
	if err != nil {
		t.Fatal(err)
	}
	serial := func() string {
		pair, err := config.GetCertificate(&tls.ClientHelloInfo{})
		if err != nil {
			t.Fatal(err)
		}
		return pair.Leaf.SerialNumber.String()
	}
	first := serial()
	c.at = c.at.Add(leafLife*2/3 - time.Minute)
	if serial() != first {
		t.Error("renewed while more than a third of its life was left")
	}
	c.at = c.at.Add(2 * time.Minute)
	second := serial()
	if second == first {
		t.Error("not renewed with less than a third of its life left")
	}
	if serial() != second {
		t.Error("renewed again at the next handshake")
	}
}

// TestHandshake goes over a real connection, trusting CAFile alone.
func TestHandshake(t *testing.T) {
	a := open(t, t.TempDir(), newClock())
	config, err := a.TLSConfig([]string{"127.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	listener, err := tls.Listen("tcp", "127.0.0.1:0", config)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.NotFoundHandler()}
	go server.Serve(listener)
	defer server.Close()
	ca, err := os.ReadFile(a.CAFile())
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	conn, err := tls.Dial("tcp", listener.Addr().String(), &tls.Config{RootCAs: roots})
	if err != nil {
		t.Fatalf("handshake: %v", err)
	}
	conn.Close()
}
