package verify

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"

	"signet/internal/deliver"
	"signet/internal/matrix"
	"signet/internal/outbox"
	"signet/internal/store"
	"signet/internal/threepid"
	"signet/verify/message"
)

// The kinds of outbox work that carry a session's message, and how many of each
// one process sends at the same time.
const (
	emailKind  = "verify.email"
	emailSlots = 32
	smsKind    = "verify.sms"
	smsSlots   = 8
)

// mailing is the payload of a message. The outbox keeps it sealed.
type mailing struct {
	Medium      string `json:"medium"`
	Address     string `json:"address"`
	Code        string `json:"code"`
	CodeExpires int64  `json:"code_expires"`
	Link        string `json:"link"`
	LinkExpires int64  `json:"link_expires"`
	Asker       string `json:"asker,omitempty"`
}

// enqueue puts the message of a session's latest code and link into the outbox,
// with its first attempt held for this process.
func (v *Verifier) enqueue(ctx context.Context, tx *store.Tx, s session, code, link string) (outbox.Ticket, error) {
	payload, err := json.Marshal(mailing{
		Medium:      string(s.address.Medium()),
		Address:     s.address.String(),
		Code:        code,
		CodeExpires: s.codeExpires.UnixMilli(),
		Link:        v.LinkURL(link),
		LinkExpires: s.linkExpires.UnixMilli(),
		Asker:       s.caller.Asker(),
	})
	if err != nil {
		return outbox.Ticket{}, fmt.Errorf("writing a message's payload: %w", err)
	}
	kind, key := s.message()
	return v.Outbox.Put(ctx, tx, outbox.Work{Kind: kind, Key: key, Payload: payload, Expires: s.codeExpires, Held: true})
}

// message is the kind and key of the outbox job that carries the session's latest
// code and link.
func (s *session) message() (kind, key string) {
	key = matrix.EncodeBase64(s.linkMAC)
	if s.address.Medium() == threepid.MSISDN {
		return smsKind, key
	}
	return emailKind, key
}

func (v *Verifier) deliverEmail(ctx context.Context, job outbox.Job) error {
	to, words, err := v.read(job)
	if err != nil {
		return err
	}
	subject, text, html, err := v.Words.Email(words)
	if err != nil {
		return fmt.Errorf("writing an e-mail: %w", err)
	}
	return delivered(v.Email.SendEmail(ctx, deliver.Email{
		ID: job.ID, To: to, Subject: subject, Text: text, HTML: html, Language: words.Language.String(),
	}))
}

func (v *Verifier) deliverSMS(ctx context.Context, job outbox.Job) error {
	to, words, err := v.read(job)
	if err != nil {
		return err
	}
	text, err := v.Words.SMS(words)
	if err != nil {
		return fmt.Errorf("writing a text message: %w", err)
	}
	return delivered(v.SMS.SendSMS(ctx, deliver.SMS{ID: job.ID, To: to, Text: text}))
}

// read takes a payload apart into its receiver and its words.
func (v *Verifier) read(job outbox.Job) (threepid.Address, message.Verification, error) {
	var m mailing
	if err := json.Unmarshal(job.Payload, &m); err != nil {
		return threepid.Address{}, message.Verification{}, fmt.Errorf("%w: its payload cannot be read", outbox.ErrRefused)
	}
	to, err := threepid.Parse(m.Medium, m.Address)
	if err != nil {
		return threepid.Address{}, message.Verification{}, fmt.Errorf("%w: its receiver cannot be read", outbox.ErrRefused)
	}
	return to, message.Verification{
		Purpose:     "verify",
		Code:        m.Code,
		Link:        m.Link,
		Asker:       m.Asker,
		CodeMinutes: v.minutesUntil(m.CodeExpires),
		LinkMinutes: v.minutesUntil(m.LinkExpires),
	}, nil
}

// minutesUntil is what is left of a life when its message goes out, which may be
// late; no less than one.
func (v *Verifier) minutesUntil(ms int64) int {
	return max(1, int(store.Time(ms).Sub(v.Now()).Round(time.Minute)/time.Minute))
}

// delivered tells the outbox when trying again cannot help.
func delivered(err error) error {
	if errors.Is(err, deliver.ErrRefused) {
		return fmt.Errorf("%w: %w", outbox.ErrRefused, err)
	}
	return err
}

// notSent is what the requester is told of a message that failed.
func notSent(m threepid.Medium) error {
	if m == threepid.MSISDN {
		return ErrSMSNotSent
	}
	return ErrEmailNotSent
}
