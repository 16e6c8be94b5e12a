// Package threepid says what a third-party identifier is: an e-mail address or a
// phone number, in the one canonical form that is mailed, bound, hashed and
// looked up.
//
// An Address exists only if it was parsed, so whoever holds one need not check it
// again, and two of them are the same mailbox or phone exactly when == says so.
// It prints as a placeholder unless its text is asked for by name, so that logs
// and error texts do not learn it by accident. The package is pure and imports
// nothing else of Signet; internal/deliver, verify and lookup build on it.
package threepid
