// Package deliver brings one message to one mailbox or phone: it composes e-mail,
// speaks SMTP to the operator's relay, keeps the development mailbox, and asks DNS
// whether a domain takes mail at all. Text messages leave by the providers of
// deliver/sms, which speak of success and failure in the words of this package.
//
// It promises that a message is composed once and sent at most once a call; that
// the end of a context ends a call, however silent the server; that nothing is
// sent in clear unless the operator said so; and that an error says whether to try
// again, holding neither an address nor a word of the server's. When to try again
// is for internal/outbox; what the text says, for those who write it. It knows
// internal/threepid only. All of it may be used by many goroutines at once.
package deliver
