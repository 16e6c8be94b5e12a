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

	mu       sync.Mutex // guards the rest
	made     map[proven]*list.Element
	used     list.List // of *shown, the latest first
	erasures int64     // that were heeded
	forgot   round
}

// round counts how often proofs were forgotten: who began before may hold what an erasure has
// taken meanwhile.
type round int64

// fleeting is a round of which nothing is remembered.
const fleeting round = -1

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

// prove is the index of a version of a label, and the proof of it, for who began in a round.
func (p *prover) prove(l entry.Label, t tag, number uint32, began round) shown {
	of := proven{t, number}
	if s := p.recall(of); s != nil {
		return *s
	}
	proof, output := p.key.Prove(l.VRFInput(number))
	s := &shown{of, proof, entry.IndexOf(output)}
	p.remember(s, began)
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

func (p *prover) remember(s *shown, began round) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.made[s.of] != nil || p.forgot != began {
		return // another was faster, or the label may be erased
	}
	p.made[s.of] = p.used.PushFront(s)
	if p.used.Len() > p.size {
		delete(p.made, p.used.Remove(p.used.Back()).(*shown).of)
	}
}

// round is the one of now.
func (p *prover) round() round {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.forgot
}

// known is how many erasures were heeded.
func (p *prover) known() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.erasures
}

// forget drops the proofs of labels, of which the newest erasures tell; those of all if there
// were more than these tell of.
func (p *prover) forget(erasures int64, of []tag) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if erasures-p.erasures > erasuresKept {
		clear(p.made)
		p.used.Init()
	}
	p.erasures, p.forgot = erasures, p.forgot+1
	gone := make(map[tag]bool, len(of))
	for _, t := range of {
		gone[t] = true
	}
	for of, e := range p.made {
		if gone[of.tag] {
			p.used.Remove(e)
			delete(p.made, of)
		}
	}
}
