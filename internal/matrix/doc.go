// Package matrix holds the words of the Matrix specification that every part of
// Signet speaks: identifiers, error codes, canonical JSON, signatures and the
// X-Matrix scheme by which servers sign their requests.
//
// It is the one door to gomatrixserverlib's primitives: what that library checks
// loosely is checked here first, so that nothing remote reaches it unseen. The
// package is pure (no network, no clock, no storage) and imports nothing else of
// Signet.
package matrix
