package replay

import "fmt"

// Broken says at which entry a log is not what it promises, and which invariant that
// breaks.
type Broken struct {
	Position  int64
	Invariant string // I1 to I6
	Err       error
}

func (b Broken) Error() string {
	return fmt.Sprintf("entry %d breaks %s: %v", b.Position, b.Invariant, b.Err)
}

func (b Broken) Unwrap() error { return b.Err }

func (h *history) broken(invariant string, err error) error {
	return Broken{Position: h.size, Invariant: invariant, Err: err}
}
