package stream_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/url"
	"os"
	"sync/atomic"
	"testing"

	"signet/internal/homeserver/stream"
	"signet/internal/store"
	"signet/internal/store/storetest"
)

// cutter stands before a PostgreSQL server and, when it is armed, breaks the connection on
// which the next COMMIT comes: before the server reads it, or instead of its answer.
type cutter struct {
	server string
	armed  atomic.Int32
}

const (
	beforeCommit = 1
	beforeAnswer = 2
)

// before returns the URL that leads to a database through the cutter.
func (c *cutter) before(t *testing.T, database string) string {
	t.Helper()
	u, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	c.server, u.Host = u.Host, l.Addr().String()
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			go c.pass(client)
		}
	}()
	return u.String()
}

func (c *cutter) pass(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", c.server)
	if err != nil {
		return
	}
	defer server.Close()
	var cut atomic.Bool // what the server says goes nowhere
	go func() {
		defer client.Close()
		buf := make([]byte, 64<<10)
		for {
			n, err := server.Read(buf)
			if err != nil || cut.Load() {
				return
			}
			if _, err := client.Write(buf[:n]); err != nil {
				return
			}
		}
	}()
	buf := make([]byte, 64<<10)
	for {
		n, err := client.Read(buf)
		if err != nil {
			return
		}
		if bytes.Contains(buf[:n], []byte("COMMIT")) {
			switch c.armed.Swap(0) {
			case beforeCommit:
				return
			case beforeAnswer:
				cut.Store(true)
			}
		}
		if _, err := server.Write(buf[:n]); err != nil {
			return
		}
		if cut.Load() {
			_, _ = io.Copy(io.Discard, client) // until the client is told by the other goroutine
			return
		}
	}
}

// A connection that breaks in a COMMIT leaves open whether there was one. Either way the
// caller is told the truth.
func TestAConnectionThatBreaksInACommit(t *testing.T) {
	if os.Getenv(storetest.PostgresURL) == "" {
		t.Skip(storetest.PostgresURL + " names no server")
	}
	for name, test := range map[string]struct {
		cut    int32
		stored bool
	}{
		"before the server reads it": {beforeCommit, false},
		"before the server answers":  {beforeAnswer, true},
	} {
		t.Run(name, func(t *testing.T) {
			var cut cutter
			db := storetest.Open(t, cut.before(t, storetest.PostgreSQL(t)), []string{"stream"})
			if _, err := db.Exec(t.Context(), `CREATE TABLE diary (pos BIGINT NOT NULL PRIMARY KEY, author TEXT NOT NULL, text TEXT NOT NULL)`); err != nil {
				t.Fatal(err)
			}
			w := open(t, db)
			w.diary.set(func(d *diary) { d.before = func(context.Context, int) { cut.armed.Store(test.cut) } })
			w.run()
			_, err := w.lane.Do(t.Context(), note{alice, "said"})
			if test.stored && err != nil {
				t.Errorf("Do = %v, though it is stored", err)
			}
			if !test.stored && (!errors.Is(err, stream.ErrNotStored) || !errors.Is(err, store.ErrUnsettled)) {
				t.Errorf("Do = %v, want %v for %v", err, stream.ErrNotStored, store.ErrUnsettled)
			}
			if stored := len(w.rows()) == 1; stored != test.stored {
				t.Errorf("stored: %v, want %v", stored, test.stored)
			}
			if cut.armed.Load() != 0 {
				t.Error("nothing was cut")
			}
			w.diary.set(func(d *diary) { d.before = nil })
			w.write(alice, "after")
			w.check()
		})
	}
}
