package fraud

// Watch is one round of Run.
var Watch = (*Guard).watch

// PriceOf is the price that a policy has for a country.
var PriceOf = Policy.price

// Book is the booking of an admitted message, for one who has looked before others booked.
var Book = (*Guard).book
