package discovery

// memory is a book as it is stored.
type memory struct {
	stored  bool
	version int64 // of what is stored; at random before, so that none of an erased book comes again
	asked   filter
	units   int // how many addresses were asked for
	ahead   int // how many further ones are paid for
	granted int // how many to pay for are free of the account's own budget
}
