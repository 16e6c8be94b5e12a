package discovery

import (
	"bytes"
	"slices"
)

// inquiry is a question on its way to an answer.
type inquiry struct {
	asker  Asker
	book   book
	memory memory // what the book remembers
	marks  []mark // of what is asked for
	fresh  []int  // places of those that the book does not have
}

// in is the inquiry by what its book remembers.
func (i inquiry) in(m memory) inquiry {
	i.memory, i.fresh = m, nil
	for at, mark := range i.marks {
		if !m.asked.has(mark) {
			i.fresh = append(i.fresh, at)
		}
	}
	return i
}

// rank puts the fresh ones in the order in which they are told about if not all can be: the
// same each time, and nobody's choice.
func (i inquiry) rank() {
	slices.SortFunc(i.fresh, func(a, b int) int { return bytes.Compare(i.marks[a][:], i.marks[b][:]) })
}

// due is how many units the fresh ones cost beyond what is paid for.
func (i inquiry) due() int { return len(i.fresh) - i.memory.ahead }

// small tells whether all are told about or none.
func (i inquiry) small() bool { return len(i.marks) <= few }

// after is what the book remembers when the first n fresh ones have been told about.
func (i inquiry) after(n int) memory {
	m := i.memory
	m.asked = slices.Clone(m.asked)
	for _, at := range i.fresh[:n] {
		m.asked = m.asked.add(i.marks[at])
	}
	m.units += n
	m.ahead -= n
	return m
}
