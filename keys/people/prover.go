package people

import (
	"container/list"
	"sync"

	"signet/keys/entry"
	"signet/keys/vrf"
)

// prover proves outputs of the VRF and remembers those that were asked for last.
type prover struct {
	key  *vrf.PrivateKey
	size int

	mu   sync.Mutex // guards the rest
	made map[proven]*list.Element
	used list.List // of *shown, the latest first
}

// proven is what was proven: a version of a label.
type proven struct {
	tag    tag
	number uint32
}

// shown is a proof and what it proves.
type shown struct {
	of    proven
	proof [vrf.ProofLen]byte
	index entry.Index
}

func newProver(key *vrf.PrivateKey, size int) *prover {
	return &prover{key: key, size: size, made: map[proven]*list.Element{}}
}

// prove is the index of a version of a label, and the proof of it.
func (p *prover) prove(l entry.Label, t tag, number uint32) shown {
	of := proven{t, number}
	if s := p.recall(of); s != nil {
		return *s
	}
	proof, output := p.key.Prove(l.VRFInput(number))
	s := &shown{of, proof, entry.IndexOf(output)}
	p.remember(s)
	return *s
}

func (p *prover) recall(of proven) *shown {
	p.mu.Lock()
	defer p.mu.Unlock()
	e := p.made[of]
	if e == nil {
		return nil
	}
	p.used.MoveToFront(e)
	return e.Value.(*shown)
}

func (p *prover) remember(s *shown) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.made[s.of] != nil {
		return // another was faster
	}
	p.made[s.of] = p.used.PushFront(s)
	if p.used.Len() > p.size {
		delete(p.made, p.used.Remove(p.used.Back()).(*shown).of)
	}
}
