package main

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
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
	if _, _, err := w.sealed(ctx, int64(s.bindings)); err != nil {
		w.close()
		return nil, fmt.Errorf("waiting for the log of people's keys: %w", err)
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
	w.servers.end()
	path := filepath.Join(w.dir, "bindings.jsonl")
	if err := writeBindings(path, n); err != nil {
		return err
	}
	began := time.Now()
	load := exec.CommandContext(ctx, w.idserver, "--config", configFile(0), "import", "jsonl", "--write", path)
	load.Dir = w.dir
	if out, err := load.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %.1000s", err, out)
	}
	progress("%d bindings took %s", n, time.Since(began).Round(time.Second))
	if err := w.calm(ctx); err != nil {
		return err
	}
	w.servers.end()
	began = time.Now()
	if err := w.start(ctx); err != nil {
		return err
	}
	took := time.Since(began)
	kb, err := w.servers.residentKB()
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
		fmt.Fprintf(b, `{"medium":"email","address":%q,"user_id":"@user%d:domain%d.example","ts":%d}`+"\n", boundAddress(nil, i), i, i%1000, 1_700_000_000_000+i)
	}
	return errors.Join(b.Flush(), f.Close())
}

// boundAddress appends the address of the i-th binding that is brought in.
func boundAddress(b []byte, i int) []byte {
	b = strconv.AppendInt(append(b, "bound"...), int64(i), 10)
	b = strconv.AppendInt(append(b, "@domain"...), int64(i%1000), 10)
	return append(b, ".example"...)
}

func (w *world) pepper(ctx context.Context) (string, error) {
	var details struct {
		Pepper string `json:"lookup_pepper"`
	}
	asked := exchange{request: get(v2+"/hash_details", caller{token: w.people[0].token, client: network(0)}), take: func(a answer) error {
		return errors.Join(a.hoped(200), json.Unmarshal(a.body, &details))
	}}
	_, err := hammer(ctx, w.servers.addrs(), 1, forever, upTo(1, func(int) exchange { return asked }))
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
	var text []byte
	for n := range l.hashes {
		if n > 0 {
			body = append(body, ',')
		}
		text = append(append(l.address(text[:0], who, first+n), " email "...), l.pepper...)
		sum := sha256.Sum256(text)
		body = append(base64.RawURLEncoding.AppendEncode(append(body, '"'), sum[:]), '"')
	}
	by := caller{token: l.people[who].token, client: network(65 * who)} // of another site than most
	return exchange{request: post(v2+"/lookup", by, string(append(body, "]}"...)))}, true
}

// address appends the n-th that an account asks for. It costs little, since there are a
// thousand in a request.
func (l *lookups) address(b []byte, who, n int) []byte {
	chance := scramble(uint64(l.hashes)<<48 ^ uint64(who)<<32 ^ uint64(uint32(n)))
	if chance%100 < 30 {
		return boundAddress(b, int(chance/100%uint64(l.bindings)))
	}
	b = strconv.AppendUint(append(b, "nobody"...), chance, 36)
	return append(b, "@domain.example"...)
}

// scramble is the finalizer of SplitMix64 (Steele, Lea and Flood, 2014).
func scramble(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// validated opens sessions for as long as a run takes, and shows their codes.
func (w *world) validated(ctx context.Context, mail *letters) ([]opened, error) {
	sessions, err := w.openSessions(ctx, mail)
	if err != nil {
		return nil, err
	}
	_, err = hammer(ctx, w.servers.addrs(), connections, forever, rightCodes(sessions))
	return sessions, err
}

func binds(sessions []opened) source {
	return upTo(len(sessions), func(i int) exchange {
		s := sessions[i]
		body := fmt.Sprintf(`{"sid":%q,"client_secret":%q,"mxid":%q}`, s.sid, s.secret, s.by.user)
		return exchange{request: post(v2+"/3pid/bind", s.by, body)}
	})
}
