package discovery

import (
	"slices"
)

// memory is a book as it is stored.
type memory struct {
	stored  bool
	version int64 // of what is stored; at random before, so that none of an erased book comes again
	asked   filter
	units   int // how many addresses were asked for
	ahead   int // how many further ones are paid for
	granted int // how many to pay for are free of the account's own budget
}

// after is the memory when n fresh addresses have been told about.
func (m memory) after(marks []mark, fresh []int, n int) memory {
	m.asked = slices.Clone(m.asked)
	for _, at := range fresh[:n] {
		m.asked = m.asked.add(marks[at])
	}
	m.units += n
	m.ahead -= n
	return m
}
