package audit

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/go-json-experiment/json"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"signet/keys/entry"
	"signet/keys/prefixtree"
	"signet/keys/replay"
)

// A state file is what an Auditor has seen: a line of JSON, and after it each leaf of the
// map, 32 octets of index and 32 of commitment, by index. The leaves are kept and not read
// again from the log, since a million of them are 61 MiB and a second here.
type header struct {
	Note []byte `json:"note"` // the checkpoint, which says size and root
	// Configs are the log's CONFIG entries so far, which say by which keys it is signed.
	Configs [][]byte `json:"configs"`
	Edge    [][]byte `json:"edge"`   // hashes on the tree's right edge, by level of tiles
	Epoch   []byte   `json:"epoch"`  // its last entry, which says the root of the map
	Leaves  int64    `json:"leaves"` // how many follow
}

// maxHeader is the length of the longest header in octets: seven levels of hashes, a
// checkpoint, and a few hundred CONFIGs.
const maxHeader = 1 << 20

// ErrState says that a state file holds no state of the log.
var ErrState = errors.New("not what was seen of this log")

// Load takes up what was seen before, from a file. It is held against its own checkpoint,
// root and map. Without a file nothing was seen; any other trouble is ErrState, or of
// reading.
func (a *Auditor) Load(path string) error {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	seen, err := a.read(bufio.NewReaderSize(f, maxHeader))
	if err != nil {
		return fmt.Errorf("%s: %w: %w", path, ErrState, err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.seen = seen
	return nil
}

func (a *Auditor) read(r *bufio.Reader) (held, error) {
	line, err := r.ReadSlice('\n')
	if err != nil {
		return held{}, err
	}
	var h header
	if err := json.Unmarshal(line, &h, json.RejectUnknownMembers(true)); err != nil {
		return held{}, err
	}
	c, unvouched, err := a.open(h.Note, []note.Verifier{a.Verifier})
	if err != nil {
		return held{}, err
	}
	edge, err := h.edge(c.Tree)
	if err != nil {
		return held{}, err
	}
	state, err := a.restore(h, c.N, r)
	if err != nil {
		return held{}, err
	}
	return held{c, edge, state}, a.vouched(h.Note, state.Configs(), unvouched)
}

// edge is the right edge of a tree of that size and root.
func (h *header) edge(t tlog.Tree) (*edge, error) {
	e := &edge{size: t.N, levels: h.Edge}
	for level, hashes := range e.levels {
		if len(hashes) != int(t.N>>(tileHeight*level)%tileWidth)*tlog.HashSize {
			return nil, fmt.Errorf("level %d of the edge has %d octets", level, len(hashes))
		}
	}
	if t.N>>(tileHeight*len(e.levels)) != 0 || e.root() != t.Hash {
		return nil, errors.New("the edge does not come to the checkpoint's root")
	}
	return e, nil
}

// restore makes the replay's state from the leaves that follow.
func (a *Auditor) restore(h header, size int64, r io.Reader) (*replay.State, error) {
	last, err := entry.Parse(h.Epoch)
	if err != nil {
		return nil, err
	}
	epoch, is := last.(entry.Epoch)
	if !is || epoch.Position != size-1 || h.Leaves < 0 || h.Leaves >= size {
		return nil, errors.New("it does not end in an EPOCH")
	}
	configs, err := h.configs()
	if err != nil {
		return nil, err
	}
	leaves, err := readLeaves(r, h.Leaves)
	if err != nil {
		return nil, err
	}
	return replay.Restore(a.Contents, a.Origin, epoch, configs, leaves)
}

func (h header) configs() (all []entry.Config, err error) {
	for _, b := range h.Configs {
		e, err := entry.Parse(b)
		if err != nil {
			return nil, err
		}
		c, is := e.(entry.Config)
		if !is {
			return nil, errors.New("a CONFIG of it is none")
		}
		all = append(all, c)
	}
	return all, nil
}

// readLeaves reads that many leaves, and that nothing follows.
func readLeaves(r io.Reader, n int64) (leaves []prefixtree.Leaf, err error) {
	var l [2 * prefixtree.HashSize]byte
	for range n {
		if _, err := io.ReadFull(r, l[:]); err != nil {
			return nil, fmt.Errorf("reading leaf %d: %w", len(leaves), err)
		}
		leaves = append(leaves, prefixtree.Leaf{Index: prefixtree.Index(l[:prefixtree.HashSize]), Commitment: prefixtree.Commitment(l[prefixtree.HashSize:])})
	}
	if n, _ := r.Read(l[:1]); n != 0 {
		return nil, errors.New("something follows the last leaf")
	}
	return leaves, nil
}

// Save writes what the newest audit has seen to a file, in place of the one before: after a
// crash, one of both is there. The directory must exist.
func (a *Auditor) Save(path string) (err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // nothing, once it is renamed
	if err := errors.Join(a.seen.write(f), f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return os.Rename(f.Name(), path)
}

func (h *held) write(to io.Writer) error {
	newest, ended := h.replay.Newest()
	if !ended {
		return errors.New("nothing was audited yet")
	}
	line, err := json.Marshal(header{Note: h.Note, Configs: configs(h.replay.Configs()), Edge: h.edge.levels, Epoch: newest.Append(nil), Leaves: int64(newest.Tree.Len())})
	if err == nil && len(line) >= maxHeader {
		err = errConfigs
	}
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(to, 1<<20)
	w.Write(append(line, '\n')) // the Writer remembers its first error for Flush
	for l := range newest.Tree.All() {
		w.Write(l.Index[:])
		w.Write(l.Commitment[:])
	}
	return w.Flush()
}
