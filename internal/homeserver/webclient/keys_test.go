package webclient_test

import (
	"testing"

	"github.com/chromedp/chromedp/kb"
)

// Anna has her keys stand in the key directory, and looks up whose room she is in: what is not
// proven is said to be that.
func TestKeysInTheDirectory(t *testing.T) {
	s := startServers(t)
	anna := newVisitor(t, s)
	anna.goes("/")
	anna.fills("User name", "anna")
	anna.fills("Password", password+kb.Enter)
	anna.reads("Hello, @anna:hs.test")
	anna.goes("/account")
	anna.presses("Publish my keys")
	anna.reads("They stand in the key directory.")
	anna.looks("keys")
	if !s.now().publishes {
		t.Error("she has not agreed")
	}
	anna.goes("/room/!r%3Aevil.test")
	anna.presses("Check the keys of @eve:evil.test")
	anna.reads("What the key directory shows does not hold.")
	s.change(func(s *state) { s.keys = "different" })
	anna.presses("Check the keys of @eve:evil.test")
	anna.reads("are not those in the key directory")
	s.change(func(s *state) { s.keys = "same" })
	anna.presses("Check the keys of @eve:evil.test")
	anna.reads("are those in the key directory, proven.")
	anna.looks("keys-of-another")
}
