package deliver

import "signet/internal/threepid"

// Email is one message to one mailbox, ready to compose.
type Email struct {
	ID       string // the same for every try, so that a repeated message is known by its Message-Id
	To       threepid.Address
	Subject  string // one line, at most 150 characters; what is more is cut
	Text     string
	HTML     string // empty for a message of text only
	Language string // BCP 47, for Content-Language; empty to say nothing
	// Unsubscribe is where a POST without a question ends such messages (RFC 8058): an
	// https URL; empty for messages that people have asked for.
	Unsubscribe string
}

// SMS is one short message to one phone.
type SMS struct {
	ID   string // the same for every try
	To   threepid.Address
	Text string
}
