package main

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"time"
)

// many is how many hashes a look-up of many asks for: an address book.
const many = 1000

// prepareLookup has the server's own import bring in all bindings, as an operator would,
// and starts the server with them.
func prepareLookup(ctx context.Context, s settings) (*stage, error) {
	mail := &letters{codes: map[string]string{}}
	sc := s.crowd(0)
	sc.open, sc.hurry = mail.put, true
	w, err := build(ctx, s, sc)
	if err != nil {
		return nil, err
	}
	if err := w.bringIn(ctx, s.bindings); err != nil {
		w.close()
		return nil, fmt.Errorf("bringing in bindings: %w", err)
	}
	pepper, err := w.pepper(ctx)
	if err != nil {
		w.close()
		return nil, err
	}
	one, book := &lookups{world: w, pepper: pepper, hashes: 1}, &lookups{world: w, pepper: pepper, hashes: many}
	return &stage{close: w.close, run: func(ctx context.Context) ([]figures, error) {
		found, err := w.each(ctx, one.next, book.next)
		if err != nil {
			return nil, err
		}
		sessions, err := w.validated(ctx, mail)
		if err != nil {
			return nil, err
		}
		bound, err := w.each(ctx, binds(sessions))
		return append(found, bound...), err
	}}, nil
}

// bringIn stops the server, imports so many bindings and starts it again.
func (w *world) bringIn(ctx context.Context, n int) error {
	w.server.end()
	path := filepath.Join(w.dir, "bindings.jsonl")
	if err := writeBindings(path, n); err != nil {
		return err
	}
	began := time.Now()
	load := exec.CommandContext(ctx, w.idserver, "--config", configFile, "import", "jsonl", "--write", path)
	load.Dir = w.dir
	if out, err := load.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %.1000s", err, out)
	}
	progress("%d bindings took %s", n, time.Since(began).Round(time.Second))
	if err := w.calm(ctx); err != nil {
		return err
	}
	w.server.end()
	began = time.Now()
	if err := w.start(ctx); err != nil {
		return err
	}
	took := time.Since(began)
	kb, err := w.server.residentKB()
	progress("ready with them after %s, in %s", took.Round(10*time.Millisecond), megabytes(kb))
	return errors.Join(err, os.Remove(path))
}

func writeBindings(path string, n int) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	b := bufio.NewWriter(f)
	for i := range n {
		fmt.Fprintf(b, `{"medium":"email","address":%q,"user_id":"@user%d:domain%d.example","ts":%d}`+"\n", boundAddress(i), i, i%1000, 1_700_000_000_000+i)
	}
	return errors.Join(b.Flush(), f.Close())
}

// boundAddress is the address of the i-th binding that is brought in.
func boundAddress(i int) string { return fmt.Sprintf("bound%d@domain%d.example", i, i%1000) }

func (w *world) pepper(ctx context.Context) (string, error) {
	var details struct {
		Pepper string `json:"lookup_pepper"`
	}
	asked := exchange{request: get(v2+"/hash_details", caller{token: w.people[0].token, client: network(0)}), take: func(a answer) error {
		return errors.Join(a.hoped(200), json.Unmarshal(a.body, &details))
	}}
	_, err := hammer(ctx, w.server.addr, 1, forever, upTo(1, func(int) exchange { return asked }))
	return details.Pepper, err
}

// lookups are questions of one account after the other. Half of what an account asks for
// it has asked for before, and 30 % is bound.
type lookups struct {
	*world
	pepper string
	hashes int
	asked  atomic.Int64
}

func (l *lookups) next() (exchange, bool) {
	i := int(l.asked.Add(1)) - 1
	who, turn := i%len(l.people), i/len(l.people)
	first := turn*l.hashes/2 - l.hashes/2 // half of them were the last half of the turn before
	body := make([]byte, 0, 64+46*l.hashes)
	body = append(body, `{"algorithm":"sha256","pepper":"`+l.pepper+`","addresses":[`...)
	for n := range l.hashes {
		if n > 0 {
			body = append(body, ',')
		}
		sum := sha256.Sum256(fmt.Appendf(nil, "%s email %s", l.address(who, first+n), l.pepper))
		body = append(base64.RawURLEncoding.AppendEncode(append(body, '"'), sum[:]), '"')
	}
	by := caller{token: l.people[who].token, client: network(65 * who)} // of another site than most
	return exchange{request: post(v2+"/lookup", by, string(append(body, "]}"...)))}, true
}

// address is the n-th that an account asks for.
func (l *lookups) address(who, n int) string {
	h := fnv.New64a()
	fmt.Fprintf(h, "%d %d %d", l.hashes, who, n)
	if chance := h.Sum64(); chance%100 < 30 {
		return boundAddress(int(chance / 100 % uint64(l.bindings)))
	}
	return fmt.Sprintf("nobody%d-%d-%d@domain.example", l.hashes, who, n)
}

// validated opens sessions for as long as a run takes, and shows their codes.
func (w *world) validated(ctx context.Context, mail *letters) ([]opened, error) {
	sessions, err := w.openSessions(ctx, mail)
	if err != nil {
		return nil, err
	}
	_, err = hammer(ctx, w.server.addr, connections, forever, rightCodes(sessions))
	return sessions, err
}

func binds(sessions []opened) source {
	return upTo(len(sessions), func(i int) exchange {
		s := sessions[i]
		body := fmt.Sprintf(`{"sid":%q,"client_secret":%q,"mxid":%q}`, s.sid, s.secret, s.by.user)
		return exchange{request: post(v2+"/3pid/bind", s.by, body)}
	})
}
