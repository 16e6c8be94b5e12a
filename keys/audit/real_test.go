package audit_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"signet/internal/clocktest"
	"signet/internal/store"
	"signet/internal/store/storetest"
	"signet/keys/audit"
	"signet/keys/audit/audittest"
	"signet/keys/entry"
	"signet/keys/log"
	"signet/keys/replay"
)

// real is a log in a database, as the identity server has it.
type real struct {
	testing.TB
	*log.Log
	clock   *clocktest.Clock
	made    *audittest.Log // for its key and its INSERTs
	pending [][]byte
}

func newReal(t testing.TB, db *store.DB) *real {
	t.Helper()
	r := &real{TB: t, clock: clocktest.New(), made: audittest.New(t, origin)}
	l, err := log.Open(t.Context(), log.Options{Name: "users", Origin: origin, DB: db, Now: r.clock.Now,
		Log: slog.New(slog.DiscardHandler), Source: r, Map: replay.New(replay.Inserts, origin), Format: format{},
		Guard: log.NewFileGuard(filepath.Join(t.TempDir(), "signed"), origin), Keys: keysOf{r.made}})
	if err != nil {
		t.Fatal(err)
	}
	r.Log = l
	return r
}

// Next makes a real the Source of its own log.
func (r *real) Next(_ context.Context, limit int) (b log.Batch, err error) {
	b.Entries = r.pending[:min(limit, len(r.pending))]
	b.Logged = func(context.Context, *store.Tx, int64) error { return nil }
	return b, nil
}

// seal publishes that many INSERTs.
func (r *real) seal(inserts int) {
	r.Helper()
	for range inserts {
		r.pending = append(r.pending, r.made.Insert())
	}
	r.clock.Advance(time.Second)
	if _, err := r.Seal(r.Context()); err != nil {
		r.Fatal(err)
	}
	r.pending = nil
}

// keysOf are those of a log whose CONFIG names none.
type keysOf struct{ *audittest.Log }

func (k keysOf) Config(_ context.Context, newest []byte, _ int64) ([]byte, error) {
	if newest != nil {
		return nil, nil
	}
	return audittest.Config(k.Log, k.Origin), nil
}

func (k keysOf) Signers(context.Context, []byte) ([]note.Signer, error) {
	return []note.Signer{k.Signer}, nil
}

func (keysOf) Began(context.Context, []byte) (bool, error) { return true, nil }

type format struct{}

func (format) Epoch(b []byte) (log.Epoch, error) {
	e, err := entry.Parse(b)
	if err != nil {
		return log.Epoch{}, err
	}
	epoch, is := e.(entry.Epoch)
	if !is {
		return log.Epoch{}, errors.New("no EPOCH")
	}
	return log.Epoch{Position: epoch.Position, Time: time.UnixMilli(epoch.Time)}, nil
}

func (format) Config(b []byte, origin string) error {
	e, err := entry.Parse(b)
	if err != nil {
		return err
	}
	c, is := e.(entry.Config)
	if !is {
		return errors.New("no CONFIG")
	}
	return replay.CheckConfig(c, origin)
}

// ServeHTTP serves a log by C2SP tlog-tiles.
func (r *real) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	body, err := r.read(q.Context(), strings.TrimPrefix(q.URL.Path, "/"))
	switch {
	case errors.Is(err, log.ErrPath), errors.Is(err, log.ErrNotFound):
		http.NotFound(w, q)
	case err != nil:
		http.Error(w, err.Error(), http.StatusInternalServerError)
	default:
		w.Write(body)
	}
}

func (r *real) read(ctx context.Context, path string) ([]byte, error) {
	if path == "checkpoint" {
		c, err := r.Checkpoint(ctx)
		return c.Note, err
	}
	t, err := log.ParsePath(path)
	if err != nil {
		return nil, err
	}
	return r.Tile(ctx, t)
}

// exported is where script/test wants a log for judges that are not ours.
const exported = "SIGNET_TEST_EXPORT"

// A log in a database, read over HTTP while it grows, holds; what the auditor comes to is
// what the log has published.
func TestALogInADatabase(t *testing.T) {
	storetest.Each(t, []string{"log"}, func(t *testing.T, db *store.DB) {
		r := newReal(t, db)
		a := auditorOf(r.made, serve(t, r))
		if _, err := a.Audit(t.Context()); !errors.Is(err, audit.ErrNotFound) {
			t.Errorf("a log without a checkpoint: %v", err)
		}
		for _, inserts := range []int{0, 1, 300, 209, 1200, 1} {
			r.seal(inserts)
			report := holds(t, a)
			published, err := r.Checkpoint(t.Context())
			if err != nil || report.Tree != published.Tree || !bytes.Equal(report.Note, published.Note) || report.Inserts != int64(inserts) {
				t.Errorf("the report is %+v, the log has published %+v, %v", report, published, err)
			}
			if age := r.clock.Now().Sub(report.Epoch); age < 0 || age >= time.Second {
				t.Errorf("the epoch is %v old", age)
			}
		}
		if whole := holds(t, auditorOf(r.made, serve(t, r))); whole.Tree != a.Seen().Tree {
			t.Errorf("whole it comes to %v, in parts to %v", whole.Tree, a.Seen().Tree)
		}
		proveTo(t, r, a.Seen().Tree)
		export(t, r)
	})
}

// proveTo checks the log's proofs against what the auditor saw, as others check them.
func proveTo(t *testing.T, r *real, seen tlog.Tree) {
	t.Helper()
	for _, position := range []int64{0, 1, 255, 256, 1000, seen.N - 1} {
		entries, err := r.Entries(t.Context(), position, 1)
		if err != nil {
			t.Fatal(err)
		}
		path, err := r.ProveRecord(t.Context(), seen.N, position)
		if err != nil {
			t.Fatal(err)
		}
		var hashes [][]byte
		for _, h := range path {
			hashes = append(hashes, h[:])
		}
		if err := proof.VerifyInclusion(rfc6962.DefaultHasher, uint64(position), uint64(seen.N), rfc6962.DefaultHasher.HashLeaf(entries[0]), hashes, seen.Hash[:]); err != nil {
			t.Errorf("entry %d: %v", position, err)
		}
	}
}

// export writes the log as it is served, with its key, for script/fsck. Both engines write
// the same, but for their directory.
func export(t *testing.T, r *real) {
	t.Helper()
	dir := os.Getenv(exported)
	if dir == "" {
		dir = t.TempDir()
	}
	dir = filepath.Join(dir, filepath.Base(t.Name()))
	c, err := r.Checkpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	site := audittest.Site{"checkpoint": c.Note, "vkey": []byte(r.made.VKey)}
	for _, tile := range tlog.NewTiles(8, 0, c.N) {
		for _, level := range []int{tile.L, -1}[:2-min(tile.L, 1)] {
			tile.L = level
			if site[log.Path(tile)], err = r.Tile(t.Context(), tile); err != nil {
				t.Fatal(err)
			}
		}
	}
	site.Write(t, dir)
	source, err := audit.OpenDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	holds(t, auditorOf(r.made, source))
	if _, err := fs.Stat(os.DirFS(dir), "tile/1"); err != nil {
		t.Errorf("the log is too small for judges: %v", err)
	}
}
