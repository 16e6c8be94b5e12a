// Package sms hands text messages to the companies that deliver them: to Twilio, or
// to any gateway that takes an HTTP request, which templates describe. A Chain asks
// several of them in order.
//
// It is a room of its own below deliver because a mail relay and a provider share
// the message and the words for what became of it, and nothing else. A provider
// sends at most one request a call, over a connection of its own, follows no
// redirect, reads no environment, and ends with its context. Its errors say what to
// do and hold neither the number, nor the text, nor a credential, nor a word of the
// provider's. It remembers nothing: what was tried is kept by the caller, durably,
// through Chain.Send's mark. It knows deliver and threepid only; everything in it
// may be used by many goroutines at once.
package sms
