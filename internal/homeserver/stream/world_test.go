package stream_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"

	"signet/internal/homeserver/stream"
	"signet/internal/matrix"
	"signet/internal/store"
	"signet/internal/store/storetest"
)

const alice, bob matrix.UserID = "@alice:example.org", "@bob:example.org"

var errDisk = errors.New("the disk is full")

// note is an operation of the tests.
type note struct {
	from matrix.UserID
	text string
}

// diary is the Writer of notes, and a reader of them.
type diary struct {
	mu        sync.Mutex
	fail      error                              // what Write fails with
	before    func(ctx context.Context, ops int) // each Write
	published []stream.Placed[note]
	abandoned []note
	writes    int
}

func (d *diary) Write(ctx context.Context, tx *store.Tx, ops []stream.Placed[note]) error {
	d.mu.Lock()
	before, fail := d.before, d.fail
	d.writes++
	d.mu.Unlock()
	if before != nil {
		before(ctx, len(ops))
	}
	for _, p := range ops {
		if _, err := tx.Exec(ctx, `INSERT INTO diary (pos, author, text) VALUES ($1, $2, $3)`, int64(p.Pos), string(p.Op.from), p.Op.text); err != nil {
			return err
		}
	}
	return fail
}

func (d *diary) Publish(ops []stream.Placed[note], wake func(matrix.UserID)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.published = append(d.published, ops...)
	for _, p := range ops {
		wake(p.Op.from)
	}
}

func (d *diary) Abandon(ops []note) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.abandoned = append(d.abandoned, ops...)
}

func (d *diary) set(change func(*diary)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	change(d)
}

// world is a stream that runs, and its diary.
type world struct {
	t      *testing.T
	db     *store.DB
	stream *stream.Committer
	diary  *diary
	lane   *stream.Lane[note]
	stop   context.CancelFunc
	ended  chan error
}

func each(t *testing.T, story func(t *testing.T, w *world)) {
	t.Helper()
	storetest.Each(t, []string{"stream"}, func(t *testing.T, db *store.DB) {
		if _, err := db.Exec(t.Context(), `CREATE TABLE diary (pos BIGINT NOT NULL PRIMARY KEY, author TEXT NOT NULL, text TEXT NOT NULL)`); err != nil {
			t.Fatal(err)
		}
		w := open(t, db)
		w.run()
		story(t, w)
		w.check()
	})
}

// open takes the stream over, and does not run it.
func open(t *testing.T, db *store.DB) *world {
	t.Helper()
	c, err := stream.Open(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, db: db, stream: c, diary: &diary{}, ended: make(chan error, 1)}
	w.lane = stream.NewLane(c, w.diary)
	return w
}

func (w *world) run() {
	ctx, stop := context.WithCancel(context.Background())
	w.stop = stop
	go func() { w.ended <- w.stream.Run(ctx) }()
	w.t.Cleanup(stop)
}

// end stops the stream and returns what Run ended with.
func (w *world) end() error {
	w.stop()
	return <-w.ended
}

func (w *world) write(from matrix.UserID, text string) stream.Pos {
	w.t.Helper()
	pos, err := w.lane.Do(w.t.Context(), note{from, text})
	if err != nil {
		w.t.Fatal(err)
	}
	return pos
}

// rows are the texts that are stored, in the order of the stream.
func (w *world) rows() (texts []string) {
	w.t.Helper()
	rows, err := w.db.Query(w.t.Context(), `SELECT text FROM diary ORDER BY pos`)
	if err != nil {
		w.t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			w.t.Fatal(err)
		}
		texts = append(texts, text)
	}
	return texts
}

// check holds what is always true: what was published is stored, in order, and within
// Visible once the stream is at rest.
func (w *world) check() {
	w.t.Helper()
	_ = w.end()
	var published []string
	last := stream.Pos(0)
	for _, p := range w.diary.published {
		if p.Pos <= last || p.Pos > w.stream.Visible() {
			w.t.Errorf("position %d was published after %d, with %d visible", p.Pos, last, w.stream.Visible())
		}
		last = p.Pos
		published = append(published, p.Op.text)
	}
	if stored := w.rows(); !slices.Equal(published, stored) {
		w.t.Errorf("published %q, stored %q", published, stored)
	}
}
