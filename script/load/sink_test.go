package main

import (
	"context"
	"net/mail"
	"testing"
	"time"

	"signet/internal/deliver"
	"signet/internal/threepid"
)

// What the server's own delivery sends is taken, and its code is read.
func TestSinkTakesMail(t *testing.T) {
	got := make(chan [2]string, 2)
	s, err := startSink(0, func(to, code string) { got <- [2]string{to, code} })
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	out := deliver.NewSMTP(deliver.SMTPOptions{Addr: s.addr, TLS: deliver.NoTLS, Clock: time.Now, HELO: "localhost",
		From: mail.Address{Address: "no-reply@id.example"}, MaxIdle: 1, IdleTime: time.Minute})
	defer out.Close()
	for _, c := range []struct{ to, text, code string }{
		{"user1@domain1.example", "Hello\n.\n..\n    1234 5678\n12345678 is not on a line of its own\n", "12345678"},
		{"user2@domain2.example", "Ask again on 2026 0101.\n", ""},
	} {
		to, err := threepid.ParseEmail(c.to)
		if err != nil {
			t.Fatal(err)
		}
		if err := out.SendEmail(context.Background(), deliver.Email{ID: "1", To: to, Subject: "Your code", Text: c.text, HTML: "<p>.</p>", Language: "en"}); err != nil {
			t.Fatal(err)
		}
		if got := <-got; got != [2]string{c.to, c.code} {
			t.Errorf("the sink has read %q, want %q", got, [2]string{c.to, c.code})
		}
	}
}
