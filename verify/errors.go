package verify

import "errors"

// What can go wrong with a session.
var (
	// ErrNoSession says that no session has this id, this secret and this caller.
	ErrNoSession = errors.New("no session matches this id and secret")
	// ErrNotValidated says that nobody has shown control of the address yet.
	ErrNotValidated = errors.New("the session is not validated yet")
	// ErrExpired says that the code, the link or the session is past its life.
	ErrExpired = errors.New("the session has expired")
	// ErrWrongCode says that the code is wrong, or dead by too many wrong ones.
	ErrWrongCode = errors.New("the code is not correct")
	// ErrNoLink says that no link has this token: it was replaced by a newer one, or
	// never was.
	ErrNoLink = errors.New("the link is unknown or was replaced by a newer one")
	// ErrSpent says that the session was used up by something else.
	ErrSpent = errors.New("the session has been used already")
)

// What can be wrong with a request.
var (
	ErrClientSecret = errors.New("client_secret must be 1 to 255 characters of 0-9 A-Z a-z . = _ -")
	ErrSendAttempt  = errors.New("send_attempt must not be negative")
	ErrNextLink     = errors.New("next_link must be an absolute http or https URL")
	// ErrDisposable says that the domain gives its mailboxes to everybody.
	ErrDisposable = errors.New("addresses of this domain are open to everybody and prove nothing")
	// ErrUndeliverable says that the DNS names nobody who takes the domain's mail.
	ErrUndeliverable = errors.New("the domain of this address does not receive e-mail")
)

// Why no message was sent.
var (
	ErrEmailNotSent = errors.New("the e-mail could not be sent")
	ErrSMSNotSent   = errors.New("the text message could not be sent")
	// ErrDestination says that no provider sends text messages there.
	ErrDestination    = errors.New("text messages to this number are not delivered")
	ErrEmailNotServed = errors.New("this server does not send e-mail")
	ErrSMSNotServed   = errors.New("this server does not send text messages")
)
