package invite

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"

	"signet/internal/deliver"
	"signet/internal/deliver/sms"
	"signet/internal/outbox"
	"signet/internal/store"
	"signet/internal/threepid"
	"signet/internal/wording"
	"signet/lookup/invite/message"
	"signet/verify/fraud"
)

// The kinds of outbox work that carry an invitation, and how many of each one process
// sends at the same time.
const (
	emailKind  = "invite.email"
	emailSlots = 8
	smsKind    = "invite.sms"
	smsSlots   = 4
	// messageLife is how late a message may still leave.
	messageLife = day
)

// mailing is the payload of a message. All else is read when it leaves: by then the
// invitation may be over, or its receiver may want none.
type mailing struct {
	ID     string         `json:"id"`
	Number int            `json:"number"` // which message of the invitation it is
	Price  *fraud.Verdict `json:"price,omitempty"`
}

// send charges one message of v and puts it into the outbox, together with what write
// writes. A text message is priced before the transaction, since all of them write one
// row, and what it cost is given back if none is sent.
func (i *Invites) send(ctx context.Context, v *invitation, write func(ctx context.Context, tx *store.Tx) error) (err error) {
	price, err := i.price(ctx, v)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil && price != nil {
			err = errors.Join(err, i.Fraud.Refund(context.WithoutCancel(ctx), i.DB, *price))
		}
	}()
	a, err := i.askingFor(ctx, v.content)
	if err != nil {
		return err
	}
	held, err := i.Quota.Reserve(ctx, a.charges()...)
	if err != nil {
		return err
	}
	defer held.Release()
	err = i.DB.Tx(ctx, func(tx *store.Tx) error {
		if err := write(ctx, tx); err != nil {
			return err
		}
		if err := held.ChargeIn(ctx, tx); err != nil {
			return err
		}
		return i.enqueue(ctx, tx, v, price)
	})
	if err != nil {
		return err
	}
	held.Keep()
	kind, _ := v.message()
	i.Outbox.Wake(kind)
	return nil
}

func (i *Invites) enqueue(ctx context.Context, tx *store.Tx, v *invitation, price *fraud.Verdict) error {
	payload, err := json.Marshal(mailing{ID: v.id, Number: v.messages, Price: price})
	if err != nil {
		return fmt.Errorf("writing a message: %w", err)
	}
	kind, key := v.message()
	_, err = i.Outbox.Put(ctx, tx, outbox.Work{Kind: kind, Key: key, Payload: payload, Expires: earlier(v.expires, i.Now().Add(messageLife))})
	return err
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// message is the kind and key of the outbox job that carries the latest message.
func (v *invitation) message() (kind, key string) {
	key = v.id + " " + strconv.Itoa(v.messages)
	if v.address.Medium() == threepid.MSISDN {
		return smsKind, key
	}
	return emailKind, key
}

// price asks whether a text message may be sent, and charges its price. A number for
// which a CAPTCHA would be asked gets none: nobody there could be asked.
func (i *Invites) price(ctx context.Context, v *invitation) (*fraud.Verdict, error) {
	if v.address.Medium() != threepid.MSISDN || i.Fraud == nil {
		return nil, nil
	}
	text, err := i.Words.SMS(i.words(v))
	if err != nil {
		return nil, fmt.Errorf("writing a text message: %w", err)
	}
	price, err := i.Fraud.Admit(ctx, v.address, wording.Segments(text))
	if err != nil {
		return nil, err
	}
	if price.Suspicious || price.Risky {
		return nil, errors.Join(ErrDestination, i.Fraud.Refund(ctx, i.DB, price))
	}
	return &price, nil
}

func (i *Invites) deliverEmail(ctx context.Context, job outbox.Job) error {
	v, _, err := i.due(ctx, job)
	if err != nil || v == nil {
		return err
	}
	words := i.words(v)
	subject, text, html, err := i.Words.Email(words)
	if err != nil {
		return fmt.Errorf("writing an e-mail: %w", err)
	}
	err = i.Email.SendEmail(ctx, deliver.Email{
		ID: job.ID, To: v.address, Subject: subject, Text: text, HTML: html, Language: v.Language.String(), Unsubscribe: words.NeverLink,
	})
	if errors.Is(err, deliver.ErrNoMailbox) && i.Owners != nil {
		err = errors.Join(err, i.Owners.NoMailbox(ctx, v.address))
	}
	return delivered(err)
}

// errNotWanted ends a job whose price is to be given back.
var errNotWanted = fmt.Errorf("%w: the message is not to be sent any more", outbox.ErrRefused)

func (i *Invites) deliverSMS(ctx context.Context, job outbox.Job) error {
	v, m, err := i.due(ctx, job)
	if err != nil {
		return err
	}
	if v == nil {
		return errNotWanted
	}
	text, err := i.Words.SMS(i.words(v))
	if err != nil {
		return fmt.Errorf("writing a text message: %w", err)
	}
	if err := i.mayText(ctx); err != nil {
		return delivered(err)
	}
	tried, err := selectTried(ctx, i.DB, m.ID)
	if err != nil {
		return fmt.Errorf("reading which providers were tried: %w", err)
	}
	return delivered(i.SMS.Send(ctx, deliver.SMS{ID: job.ID, To: v.address, Text: text}, tried, func(ctx context.Context, provider string) error {
		return i.DB.Tx(ctx, func(tx *store.Tx) error {
			return markTried(ctx, tx, m.ID, sms.Tried{Provider: provider, Message: job.ID})
		})
	}))
}

// due is the invitation that a message belongs to; nil if there is nothing to be sent
// any more.
func (i *Invites) due(ctx context.Context, job outbox.Job) (*invitation, mailing, error) {
	var m mailing
	if err := json.Unmarshal(job.Payload, &m); err != nil {
		return nil, m, fmt.Errorf("%w: its payload cannot be read", outbox.ErrRefused)
	}
	v, err := i.selectInvitation(ctx, i.DB, m.ID)
	if errors.Is(err, ErrNone) {
		return nil, m, nil
	}
	if err != nil {
		return nil, m, fmt.Errorf("reading an invitation: %w", err)
	}
	if !v.waits(i.Now()) || v.messages != m.Number {
		return nil, m, nil
	}
	silent, err := i.silent(ctx, v.address)
	if err != nil || silent {
		return nil, m, err
	}
	return v, m, nil
}

// silent tells whether the owner of an address wants no invitations, or nothing at all, or
// there is none.
func (i *Invites) silent(ctx context.Context, a threepid.Address) (bool, error) {
	since, err := selectRefusal(ctx, i.DB, i.inboxTag(a))
	if err != nil {
		return false, fmt.Errorf("reading a refusal: %w", err)
	}
	if !since.IsZero() || i.Owners == nil {
		return !since.IsZero(), nil
	}
	return i.Owners.Suppressed(ctx, a)
}

// mayText is a refusal while text messages are switched off.
func (i *Invites) mayText(ctx context.Context) error {
	if i.Fraud == nil {
		return nil
	}
	sw, err := i.Fraud.Sending(ctx)
	if err == nil && !sw.On {
		err = fmt.Errorf("%w: %w", deliver.ErrRefused, fraud.ErrOff)
	}
	return err
}

// smsDied gives back the price of a text message that will not be sent any more.
func (i *Invites) smsDied(ctx context.Context, tx *store.Tx, job outbox.Job) error {
	return i.refund(ctx, tx, job.Payload)
}

func (i *Invites) refund(ctx context.Context, tx *store.Tx, payload []byte) error {
	var m mailing
	if err := json.Unmarshal(payload, &m); err != nil || m.Price == nil || i.Fraud == nil {
		return nil // what cannot be read has no price
	}
	return i.Fraud.Refund(ctx, tx, *m.Price)
}

// withdraw takes the invitation's latest message out of the outbox if it has not left.
func (i *Invites) withdraw(ctx context.Context, tx *store.Tx, v *invitation) error {
	kind, key := v.message()
	withdrawn, payload, err := i.Outbox.WithdrawKey(ctx, tx, kind, key)
	if err != nil || !withdrawn {
		return err
	}
	return i.refund(ctx, tx, payload)
}

// words is what a message tells.
func (i *Invites) words(v *invitation) message.Invitation {
	link := i.Links.Page
	if v.address.Medium() == threepid.MSISDN {
		link = i.Links.Short
	}
	return message.Invitation{
		Language: v.Language, Sender: v.Sender.Readable(), SenderName: v.SenderName, Room: v.RoomName, Space: v.Space,
		Link: link(v.Token, secret(v.key)), NeverLink: i.Links.Never(i.NeverToken(v.address)), Days: i.daysUntil(v.expires),
	}
}

// daysUntil is what is left of an invitation when its message leaves; no less than one.
func (i *Invites) daysUntil(t time.Time) int {
	return max(1, int(t.Sub(i.Now()).Round(day)/day))
}

// delivered tells the outbox when trying again cannot help. What may have arrived after
// the last provider was asked counts as done.
func delivered(err error) error {
	if errors.Is(err, sms.ErrExhausted) && errors.Is(err, deliver.ErrUnknownOutcome) {
		return nil
	}
	if errors.Is(err, deliver.ErrRefused) {
		return fmt.Errorf("%w: %w", outbox.ErrRefused, err)
	}
	return err
}
