// Package smstest plays the companies that deliver text messages: servers on
// loopback that check what they are asked as the real ones do, remember what they
// accepted, and fail in every way that is documented of them and in some that are
// not. It is for tests only.
package smstest
