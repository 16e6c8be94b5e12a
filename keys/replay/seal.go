package replay

import (
	"errors"
	"time"

	"signet/keys/entry"
)

var errAlone = errors.New("a state that goes alone cannot seal")

// Seal makes the EPOCH that is to stand after entries, the next ones. The state stays as it
// was until adopt is called, which takes in the entries and the EPOCH: not before they are
// in the log for good. The error is Broken if they do not belong there.
func (s *State) Seal(entries [][]byte, at time.Time) (epoch []byte, adopt func(), err error) {
	h := s.now()
	if h.alone != nil {
		return nil, nil, errAlone
	}
	for _, e := range entries {
		if err := s.take(&h, e); err != nil {
			return nil, nil, err
		}
	}
	tree, err := h.grown()
	if err != nil {
		return nil, nil, err
	}
	e := entry.Epoch{Time: at.UnixMilli(), Position: h.size, MapRoot: [32]byte(tree.Root())}
	h.advance(Epoch{Epoch: e, Tree: tree})
	h.size++
	return e.Append(nil), func() { s.adopt(h) }, nil
}
