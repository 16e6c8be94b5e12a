package replay

import (
	"fmt"
	"slices"
	"sync"

	"signet/keys/entry"
	"signet/keys/logkeys"
	"signet/keys/prefixtree"
)

// Contents is what stands in a log besides EPOCH and CONFIG.
type Contents string

// The two contents.
const (
	Inserts Contents = "inserts" // of the log of people: commitments under hidden labels
	Records Contents = "records" // of the log of servers: plain text
)

// State is what the entries of a log come to, from the first one on. It is safe for
// concurrent use.
type State struct {
	contents Contents
	origin   string

	mu sync.Mutex // guards now
	history
}

// history is a state at a moment. Nothing of it is changed in place, so a copy stays as
// it is.
type history struct {
	size    int64
	newest  Epoch
	configs []logkeys.Config    // in their order
	recent  []Epoch             // the newest last
	open    []prefixtree.Leaf   // of INSERTs since the newest EPOCH
	at      []int64             // where they stand
	alone   *prefixtree.Builder // of a state that goes alone: it is changed in place
}

// Epoch is a moment at which a checkpoint may end: Position + 1 is its size. Tree has all
// INSERTs before it.
type Epoch struct {
	entry.Epoch
	Tree *prefixtree.Tree
}

// kept is how many epochs a State remembers: who proves by a published checkpoint needs the
// tree of its moment while the next ones are made.
const kept = 64

// New is the state of an empty log of that origin.
func New(contents Contents, origin string) *State {
	return &State{contents: contents, origin: origin}
}

// Restore is the state of a log that ended in an epoch, from its CONFIGs and the leaves of its
// INSERTs, which it does not keep. It fails if those do not come to the epoch's root, and if
// the CONFIGs do not follow on each other.
func Restore(contents Contents, origin string, e entry.Epoch, configs []entry.Config, leaves []prefixtree.Leaf) (*State, error) {
	tree, err := (*prefixtree.Tree)(nil).With(leaves)
	if err != nil {
		return nil, err
	}
	if root := tree.Root(); root != prefixtree.Hash(e.MapRoot) {
		return nil, fmt.Errorf("the epoch says the root %x, and the leaves come to %x", e.MapRoot, root[:])
	}
	s := New(contents, origin)
	if s.configs, err = chain(configs, origin); err != nil {
		return nil, err
	}
	s.size = e.Position + 1
	s.advance(Epoch{Epoch: e, Tree: tree})
	return s, nil
}

// chain reads the CONFIGs of a log from the first on. Where they stand is not known.
func chain(entries []entry.Config, origin string) (configs []logkeys.Config, err error) {
	for i, e := range entries {
		c, err := logkeys.Parse(e, origin)
		if err != nil {
			return nil, err
		}
		if i > 0 {
			if err := configs[i-1].CheckNext(c); err != nil {
				return nil, err
			}
		}
		configs = append(configs, c)
	}
	if len(configs) == 0 {
		return nil, errNoConfig
	}
	return configs, nil
}

// Alone is a state that goes its own way from here, and faster, for who only follows: it
// remembers no epoch but the newest, whose Tree must not be used any more once it follows
// further; after an error it is of no use; and it cannot Seal. s stays as it is.
func (s *State) Alone() *State {
	h := s.now()
	h.alone = prefixtree.NewBuilder(h.newest.Tree)
	h.open, h.at = slices.Clone(h.open), slices.Clone(h.at)
	return &State{contents: s.contents, origin: s.origin, history: h}
}

func (s *State) now() history {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.history
}

func (s *State) adopt(h history) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.history = h
}

// Size is the number of entries that were taken in.
func (s *State) Size() int64 { return s.now().size }

// Newest is the last epoch; false before the first.
func (s *State) Newest() (Epoch, bool) {
	h := s.now()
	return h.newest, len(h.recent) > 0
}

// At is the epoch in which the log ended at a size. It is false for a size that is no end,
// which breaks I1 of a checkpoint, for one to come, and for one of long ago.
func (s *State) At(size int64) (Epoch, bool) {
	h := s.now()
	for i := len(h.recent) - 1; i >= 0; i-- {
		if h.recent[i].Position == size-1 {
			return h.recent[i], true
		}
	}
	return Epoch{}, false
}

// Follow takes in entries that stand from Size on. One goroutine at a time calls it. The
// error is Broken, and the state stays as it was.
func (s *State) Follow(entries [][]byte) error {
	h := s.now()
	for _, e := range entries {
		if err := s.take(&h, e); err != nil {
			return err
		}
	}
	s.adopt(h)
	return nil
}

func (s *State) take(h *history, e []byte) error {
	parsed, err := entry.Parse(e)
	if err != nil {
		return h.broken("I6", err)
	}
	if err := s.place(h, parsed); err != nil {
		return err
	}
	h.size++
	return nil
}

// place takes in an entry where it stands.
func (s *State) place(h *history, e entry.Entry) error {
	config, isConfig := e.(entry.Config)
	switch {
	case h.size == 0 && !isConfig:
		return h.broken("I5", errNoConfig)
	case isConfig:
		return s.configure(h, config)
	}
	switch e := e.(type) {
	case entry.Epoch:
		return h.end(e)
	case entry.Insert:
		if s.contents == Inserts {
			h.open = append(h.open, prefixtree.Leaf{Index: prefixtree.Index(e.Index), Commitment: prefixtree.Commitment(e.Commitment)})
			h.at = append(h.at, h.size)
			return nil
		}
	case entry.Record:
		if s.contents == Records {
			return nil
		}
	}
	return h.broken("I6", fmt.Errorf("a %T has no place in a log of %s", e, s.contents))
}

// end takes in an EPOCH.
func (h *history) end(e entry.Epoch) error {
	switch {
	case e.Position != h.size:
		return h.broken("I1", fmt.Errorf("the EPOCH says that it is entry %d", e.Position))
	case len(h.recent) > 0 && e.Time < h.newest.Time:
		return h.broken("I4", fmt.Errorf("its time %d is before %d", e.Time, h.newest.Time))
	}
	tree, err := h.grown()
	if err != nil {
		return err
	}
	if root := tree.Root(); root != prefixtree.Hash(e.MapRoot) {
		return h.broken("I3", fmt.Errorf("it says the root %x, and the entries come to %x", e.MapRoot, root[:]))
	}
	h.advance(Epoch{Epoch: e, Tree: tree})
	return nil
}

// grown is the tree with the open leaves. An index that is taken breaks I2 where it comes
// again.
func (h *history) grown() (*prefixtree.Tree, error) {
	tree, err := h.with(h.open)
	if err == nil {
		return tree, nil
	}
	seen := map[prefixtree.Index]bool{}
	for i, l := range h.open {
		if seen[l.Index] || h.newest.Tree.Prove(l.Index).Kind == prefixtree.Inclusion {
			return nil, Broken{Position: h.at[i], Invariant: "I2", Err: prefixtree.Taken{Index: l.Index}}
		}
		seen[l.Index] = true
	}
	return nil, h.broken("I2", err)
}

func (h *history) with(leaves []prefixtree.Leaf) (*prefixtree.Tree, error) {
	if h.alone == nil {
		return h.newest.Tree.With(leaves)
	}
	if err := h.alone.Add(leaves); err != nil {
		return nil, err
	}
	return h.alone.Tree(), nil
}

// advance makes e the newest epoch. The list is written anew: others have the old one.
func (h *history) advance(e Epoch) {
	if h.alone != nil {
		h.recent, h.newest, h.open, h.at = append(h.recent[:0:0], e), e, h.open[:0], h.at[:0]
		return
	}
	recent := h.recent[max(0, len(h.recent)-kept+1):]
	h.recent = append(append(make([]Epoch, 0, len(recent)+1), recent...), e)
	h.newest, h.open, h.at = e, nil, nil
}
