package verify

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"signet/internal/deliver"
	"signet/internal/deliver/sms"
	"signet/internal/locale"
	"signet/internal/matrix"
	"signet/internal/outbox"
	"signet/internal/store"
	"signet/internal/threepid"
	"signet/internal/wording"
	"signet/verify/fraud"
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

// letter is what a message says beside what its session knows.
type letter struct {
	code, link string
	language   locale.Language
	trusted    bool // whoever asks may be named in a text message
	decoy      bool
	price      *fraud.Verdict // of a text message
	vouched    bool           // a CAPTCHA was passed for it
}

// mailing is the payload of a message. The outbox keeps it sealed.
type mailing struct {
	SID         string          `json:"sid"`
	Medium      string          `json:"medium"`
	Address     string          `json:"address"`
	Language    locale.Language `json:"language"`
	Purpose     Purpose         `json:"purpose"`
	User        string          `json:"user,omitempty"`
	Asker       string          `json:"asker,omitempty"`
	Trusted     bool            `json:"trusted,omitempty"`
	Existing    bool            `json:"existing,omitzero"` // then it tells neither code nor link
	Code        string          `json:"code"`
	CodeExpires int64           `json:"code_expires"`
	Link        string          `json:"link"`
	LinkExpires int64           `json:"link_expires"`
	Stop        string          `json:"stop"`
	Decoy       bool            `json:"decoy,omitempty"`
	Price       *fraud.Verdict  `json:"price,omitempty"`
	Vouched     bool            `json:"vouched,omitempty"`
}

// enqueue puts the message of a session's latest code and link into the outbox,
// with its first attempt held for this process.
func (v *Verifier) enqueue(ctx context.Context, tx *store.Tx, s session, l letter) (outbox.Ticket, error) {
	payload, err := json.Marshal(v.mailing(s, l))
	if err != nil {
		return outbox.Ticket{}, fmt.Errorf("writing a message's payload: %w", err)
	}
	kind, key := s.message()
	return v.Outbox.Put(ctx, tx, outbox.Work{Kind: kind, Key: key, Payload: payload, Expires: s.codeExpires, Held: true})
}

// mailing is the payload of a session's letter.
func (v *Verifier) mailing(s session, l letter) mailing {
	return mailing{
		SID:         s.sid,
		Medium:      string(s.address.Medium()),
		Address:     s.address.String(),
		Language:    l.language,
		Purpose:     s.purpose,
		User:        s.user.Readable(),
		Asker:       s.caller.Asker(),
		Trusted:     l.trusted,
		Existing:    s.existing,
		Code:        l.code,
		CodeExpires: s.codeExpires.UnixMilli(),
		Link:        v.LinkURL(l.link),
		LinkExpires: s.linkExpires.UnixMilli(),
		Stop:        v.StopURL(v.stopToken(s.sid)),
		Decoy:       l.decoy,
		Price:       l.price,
		Vouched:     l.vouched,
	}
}

// message is the kind and key of the outbox job that carries the session's latest
// code and link. Of two messages that were taken back and sent anew, each has its own.
func (s *session) message() (kind, key string) {
	key = s.sid + " " + matrix.EncodeBase64(s.linkMAC)
	if s.address.Medium() == threepid.MSISDN {
		return smsKind, key
	}
	return emailKind, key
}

func (v *Verifier) deliverEmail(ctx context.Context, job outbox.Job) error {
	to, m, err := read(job)
	if err != nil {
		return err
	}
	subject, text, html, err := v.email(m)
	if err != nil {
		return fmt.Errorf("writing an e-mail: %w", err)
	}
	err = v.pace(ctx, threepid.Email, m.Decoy, func() error {
		return v.Email.SendEmail(ctx, deliver.Email{
			ID: job.ID, To: to, Subject: subject, Text: text, HTML: html, Language: m.Language.String(),
		})
	})
	if errors.Is(err, deliver.ErrNoMailbox) {
		err = errors.Join(err, v.NoMailbox(ctx, to))
	}
	return delivered(err)
}

func (v *Verifier) deliverSMS(ctx context.Context, job outbox.Job) error {
	to, m, err := read(job)
	if err != nil {
		return err
	}
	text, err := v.text(m)
	if err != nil {
		return err
	}
	err = delivered(v.pace(ctx, threepid.MSISDN, m.Decoy, func() error {
		return v.sendSMS(ctx, m.SID, deliver.SMS{ID: job.ID, To: to, Text: text})
	}))
	if err == nil && m.Price != nil {
		v.note(v.Fraud.Sent(ctx, to, m.Price.Charged, m.Vouched))
	}
	return err
}

// note tells the log of something that could not be counted: it is no reason to send, or to
// guess, again.
func (v *Verifier) note(err error) {
	if err != nil {
		v.Log.Error("a text message was not counted", "error", err)
	}
}

// died gives back the price of a text message that will not be sent any more.
func (v *Verifier) died(ctx context.Context, tx *store.Tx, job outbox.Job) error {
	return v.refund(ctx, tx, job.Payload)
}

func (v *Verifier) refund(ctx context.Context, tx *store.Tx, payload []byte) error {
	_, m, err := read(outbox.Job{Payload: payload})
	if err != nil || m.Price == nil {
		return nil // what cannot be read has no price
	}
	return v.Fraud.Refund(ctx, tx, *m.Price)
}

// withdraw takes the session's message out of the outbox if it has not left.
func (v *Verifier) withdraw(ctx context.Context, tx *store.Tx, s *session) error {
	kind, key := s.message()
	withdrawn, payload, err := v.Outbox.WithdrawKey(ctx, tx, kind, key)
	if err != nil || !withdrawn {
		return err
	}
	return v.refund(ctx, tx, payload)
}

// sendSMS hands a text message to a provider that the session has not tried yet, marking
// each in the session before it is asked.
func (v *Verifier) sendSMS(ctx context.Context, sid string, m deliver.SMS) error {
	if err := v.mayText(ctx); err != nil {
		return err
	}
	tried, err := selectTried(ctx, v.DB, sid)
	if err != nil {
		return fmt.Errorf("reading which providers were tried: %w", err)
	}
	return v.SMS.Send(ctx, m, tried, func(ctx context.Context, provider string) error {
		return v.DB.Tx(ctx, func(tx *store.Tx) error { return markTried(ctx, tx, sid, sms.Tried{Provider: provider, Message: m.ID}) })
	})
}

// mayText is a refusal while text messages are switched off: also for those that were let
// through before, and wait.
func (v *Verifier) mayText(ctx context.Context) error {
	if v.Fraud == nil {
		return nil
	}
	sw, err := v.Fraud.Sending(ctx)
	if err == nil && !sw.On {
		err = fmt.Errorf("%w: %w", deliver.ErrRefused, fraud.ErrOff)
	}
	return err
}

// segments is how many a text message will be paid for: those of the same message with
// other digits. One that tells of an account has no more, and is priced like one with a code,
// so that no cap tells which it was.
func (v *Verifier) segments(o sending) (int, error) {
	s := o.now
	s.codeExpires, s.existing = v.Now().Add(smsCodeLife), false
	sample := v.mailing(s, letter{code: strings.Repeat("0", smsCodeDigits), language: o.Language, trusted: o.standing == Own})
	text, err := v.text(sample)
	return wording.Segments(text), err
}

// read takes a payload apart.
func read(job outbox.Job) (to threepid.Address, m mailing, err error) {
	if err := json.Unmarshal(job.Payload, &m); err != nil {
		return threepid.Address{}, m, fmt.Errorf("%w: its payload cannot be read", outbox.ErrRefused)
	}
	if to, err = threepid.Parse(m.Medium, m.Address); err != nil {
		return threepid.Address{}, m, fmt.Errorf("%w: its receiver cannot be read", outbox.ErrRefused)
	}
	if m.Purpose == "" { // an earlier release knew no other
		m.Purpose = Verify
	}
	return to, m, nil
}

// email writes the message as an e-mail.
func (v *Verifier) email(m mailing) (subject, text, html string, err error) {
	if m.Existing {
		return v.Words.ExistingEmail(v.existing(m))
	}
	return v.Words.Email(v.words(m))
}

// text writes the message as a text message, which has no link that confirms.
func (v *Verifier) text(m mailing) (text string, err error) {
	if m.Existing {
		text, err = v.Words.ExistingSMS(v.existing(m))
	} else {
		words := v.words(m)
		words.Link = ""
		text, err = v.Words.SMS(words)
	}
	if err != nil {
		return "", fmt.Errorf("writing a text message: %w", err)
	}
	return text, nil
}

// existing is what a message tells whose address has an account.
func (v *Verifier) existing(m mailing) message.Existing {
	return message.Existing{Language: m.Language, Asker: m.Asker, AskerTrusted: m.Trusted, StopLink: m.Stop}
}

// words is what the message tells.
func (v *Verifier) words(m mailing) message.Verification {
	return message.Verification{
		Language:     m.Language,
		Purpose:      string(m.Purpose),
		User:         m.User,
		Asker:        m.Asker,
		AskerTrusted: m.Trusted,
		Code:         m.Code,
		Link:         m.Link,
		StopLink:     m.Stop,
		CodeMinutes:  v.minutesUntil(m.CodeExpires),
		LinkMinutes:  v.minutesUntil(m.LinkExpires),
	}
}

// minutesUntil is what is left of a life when its message goes out, which may be
// late; no less than one.
func (v *Verifier) minutesUntil(ms int64) int {
	return max(1, int(store.Time(ms).Sub(v.Now()).Round(time.Minute)/time.Minute))
}

// delivered tells the outbox when trying again cannot help. What may have arrived after
// the last provider was asked counts as done: the requester was told that it has left.
func delivered(err error) error {
	if errors.Is(err, sms.ErrExhausted) && errors.Is(err, deliver.ErrUnknownOutcome) {
		return nil
	}
	if errors.Is(err, deliver.ErrRefused) {
		return fmt.Errorf("%w: %w", outbox.ErrRefused, err)
	}
	return err
}

// notSent is what the requester is told of a message that failed.
func notSent(m threepid.Medium, err error) error {
	if errors.Is(err, sms.ErrDestination) {
		return ErrDestination
	}
	if errors.Is(err, ErrUndeliverable) {
		return ErrUndeliverable
	}
	if m == threepid.MSISDN {
		return ErrSMSNotSent
	}
	return ErrEmailNotSent
}
