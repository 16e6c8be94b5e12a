// Package discovery bounds how many addresses anybody can find out about. Each path that
// answers the question "is somebody behind this address?" asks it first.
//
// What counts is distinct addresses: one that the same account asked for before in the same
// epoch of the pepper is free, found or not, so that looking an address book up again costs
// nothing. What was asked for is remembered as a filter under a key of the epoch (filter.go),
// never as a list; it is kept in the database, so a restart charges nobody twice and replicas
// share it. One address in ten thousand is taken for one that was asked for before.
//
// A new address is a unit of every budget (budgets.go): what the account has earned by the
// addresses it has verified here, its homeserver, the domain of that, the network that asks,
// and the deployment. Matrix accounts are free, so an account's own budget alone would bound
// nothing. A few units are charged ahead, so that most requests write one row. A new pepper
// makes everybody ask anew: as many units as an account used with the old one are then free
// of its own budget, at most as many as that has at once, though not of the others.
//
// Over budget, whoever asks for many gets an answer for as many as there is room for, in an
// order that stays the same, so that they come further each time; whoever asks for few is
// told to wait, since "not found" would be wrong.
package discovery
