package verify_test

import (
	"strings"
	"testing"
	"time"

	"signet/internal/deliver"
	"signet/internal/matrix"
	"signet/verify"
)

func TestATextMessageHasSixDigitsAndNoLink(t *testing.T) {
	each(t, func(s *story) {
		sid, err := s.Request(s.Context(), verify.Request{Address: phone(s.T), ClientSecret: "secret", Caller: alice, SendAttempt: 1})
		if err != nil {
			s.Fatal(err)
		}
		m := s.Post.Last(s.T)
		if len(m.Code()) != 6 || m.Link() != "" || len(m.Text) > 160 {
			s.Errorf("the text message is %d characters long with %d digits", len(m.Text), len(m.Code()))
		}
		if !strings.HasSuffix(m.Text, "\n@id.example.org #"+m.Code()) {
			s.Error("the last line does not bind the code to the page's host")
		}
		s.submit(verify.Credentials{SID: sid, ClientSecret: "secret"}, m.Code(), nil)
	})
}

// The message says who asks: an account by its name, a visitor of our page as
// somebody.
func TestTheMessageSaysWhoAsks(t *testing.T) {
	each(t, func(s *story) {
		s.mustRequest(1)
		if text := unjoined(s.Post.Last(s.T).Text); !strings.Contains(text, "Requested by @alice:example.org.") {
			s.Errorf("the message to an account's address is:\n%s", text)
		}
		_, err := s.Request(s.Context(), verify.Request{Address: email(s.T, "bob@example.org"), ClientSecret: "secret", Caller: verify.Page, SendAttempt: 1})
		if text := s.Post.Last(s.T).Text; err != nil || !strings.Contains(text, "Requested on the web page of id.example.org.") {
			s.Errorf("%v; the message to a visitor's address is:\n%s", err, text)
		}
	})
}

// unjoined is a text without the joiners that part a stranger's name.
func unjoined(text string) string { return strings.ReplaceAll(text, "\u2060", "") }

// A homeserver can give an account any name; it cannot write our mail.
func TestAStrangersSentenceIsNotInTheMessage(t *testing.T) {
	each(t, func(s *story) {
		sentence := matrix.UserID("@Your\u00a0account\u2028is\u00a0locked:evil.example")
		_, err := s.Request(s.Context(), verify.Request{Address: email(s.T, "bob@example.org"), ClientSecret: "secret", Caller: verify.Account(sentence), SendAttempt: 1})
		if text := unjoined(s.Post.Last(s.T).Text); err != nil || strings.Contains(text, "locked") || !strings.Contains(text, "@…:evil.example") {
			s.Errorf("%v; the message is:\n%s", err, text)
		}
	})
}

// A message that goes out late says what is left of its code's life.
func TestALateMessageTellsWhatIsLeft(t *testing.T) {
	each(t, func(s *story) {
		s.Post.Delay(func() { s.Clock.Advance(14 * time.Minute) })
		s.Post.Fail(deliver.ErrUnknownOutcome)
		s.mustRequest(1) // the outcome is unknown: it goes out again
		s.Post.Fail(nil)
		s.Post.Delay(nil)
		s.Clock.Advance(5 * time.Second)
		run(s)
		if text := s.Post.Wait(s.T).Text; !strings.Contains(text, "The code works for 1 minute.") || !strings.Contains(text, "The page works for 46 minutes.") {
			s.Errorf("the message is:\n%s", text)
		}
	})
}
