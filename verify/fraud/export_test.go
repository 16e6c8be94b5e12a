package fraud

// Watch and Sweep are one round each of Run.
var (
	Watch = (*Guard).watch
	Sweep = (*Guard).sweep
)

// PriceOf is the price that a policy has for a country.
var PriceOf = Policy.price

// Book is the booking of an admitted message, for one who has looked before others booked.
var Book = (*Guard).book
