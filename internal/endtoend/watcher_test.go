package endtoend

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"signet/keys/audit"
	"signet/keys/log"
	"signet/keys/proof"
)

// watcher keeps every checkpoint of a log that anybody could see, and audits the log.
type watcher struct {
	*testing.T
	url     string
	origin  string
	key     note.Verifier
	auditor *audit.Auditor // which knows of all audits before

	mu   sync.Mutex // guards the rest
	seen map[int64]tlog.Hash
}

func (p *pair) watcher(name string, c proof.LogConfig) *watcher {
	p.Helper()
	key, err := note.NewVerifier(c.VKeys[0])
	if err != nil {
		p.Fatal(err)
	}
	w := &watcher{T: p.T, url: p.id.url + directory + "/log/" + name + "/", origin: c.Origin, key: key, seen: map[int64]tlog.Hash{}}
	w.auditor = w.newAuditor()
	return w
}

func (w *watcher) newAuditor() *audit.Auditor {
	w.Helper()
	source, err := audit.NewHTTP(w.url)
	if err != nil {
		w.Fatal(err)
	}
	contents, err := audit.ContentsOf(w.origin)
	if err != nil {
		w.Fatal(err)
	}
	return audit.New(audit.Options{Source: source, Origin: w.origin, Verifier: w.key, Contents: contents})
}

// watch asks for the checkpoint, again and again, until ctx ends.
func (w *watcher) watch(ctx context.Context) {
	for ctx.Err() == nil {
		if text, err := w.fetch("checkpoint"); err == nil {
			w.keep(text)
		}
		time.Sleep(2 * time.Millisecond) // the programs have two processors, and others use them too
	}
}

func (w *watcher) fetch(path string) ([]byte, error) {
	response, err := client.Get(w.url + path)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, errors.New(response.Status)
	}
	return io.ReadAll(response.Body)
}

// keep notes what a checkpoint says, which must be what each of its size has said.
func (w *watcher) keep(text []byte) {
	tree, err := w.open(text)
	if err != nil {
		w.Errorf("a checkpoint of %s: %v\n%s", w.origin, err, text)
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if before, was := w.seen[tree.N]; was && before != tree.Hash {
		w.Errorf("%s was signed with the roots %v and %v at %d entries", w.origin, before, tree.Hash, tree.N)
	}
	w.seen[tree.N] = tree.Hash
}

func (w *watcher) open(text []byte) (tlog.Tree, error) {
	n, err := note.Open(text, note.VerifierList(w.key))
	if err != nil {
		return tlog.Tree{}, err
	}
	var origin, root string
	var tree tlog.Tree
	if _, err := fmt.Sscanf(n.Text, "%s\n%d\n%s\n", &origin, &tree.N, &root); err != nil {
		return tlog.Tree{}, err
	}
	tree.Hash, err = tlog.ParseHash(root)
	return tree, err
}

// check audits the log twice, from its first entry on and from the last audit on, and holds
// each checkpoint that was seen against the newest.
func (w *watcher) check() {
	w.Helper()
	report, err := w.newAuditor().Audit(w.Context())
	if err != nil {
		w.Fatalf("auditing %s from the beginning: %v", w.origin, err)
	}
	if _, err := w.auditor.Audit(w.Context()); err != nil {
		w.Fatalf("auditing %s from the last audit on: %v", w.origin, err)
	}
	w.keep(report.Note)
	w.mu.Lock()
	defer w.mu.Unlock()
	for size, root := range w.seen {
		w.consistent(report.Tree, tlog.Tree{N: size, Hash: root})
	}
	clear(w.seen) // the newest stands for them
	w.seen[report.N] = report.Hash
}

// consistent holds that a tree begins with an older one (RFC 6962, 2.1.2).
func (w *watcher) consistent(newest, older tlog.Tree) {
	w.Helper()
	path, err := tlog.ProveTree(newest.N, older.N, tlog.TileHashReader(newest, tiles{w}))
	if err != nil {
		w.Fatalf("proving that %s with %d entries goes on from %d: %v", w.origin, newest.N, older.N, err)
	}
	if err := tlog.CheckTree(path, newest.N, newest.Hash, older.N, older.Hash); err != nil {
		w.Errorf("%s with %d entries does not go on from the %d that were signed before: %v", w.origin, newest.N, older.N, err)
	}
}

// tiles is the log as tlog reads it.
type tiles struct{ *watcher }

func (tiles) Height() int { return 8 }

func (t tiles) ReadTiles(wanted []tlog.Tile) (all [][]byte, err error) {
	for _, tile := range wanted {
		data, err := t.fetch(log.Path(tile))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", log.Path(tile), err)
		}
		all = append(all, data)
	}
	return all, nil
}

func (tiles) SaveTiles([]tlog.Tile, [][]byte) {}
