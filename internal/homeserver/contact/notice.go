package contact

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/go-json-experiment/json"

	"signet/internal/fedclient"
	"signet/internal/idclient"
	"signet/internal/matrix"
	"signet/internal/outbox"
	"signet/internal/store"
	"signet/internal/threepid"
)

// News is what the owner of an account is told of.
type News struct {
	Kind     idclient.NoticeKind
	User     matrix.UserID
	Device   string     // as whoever did it calls theirs; empty where they do not
	Client   netip.Addr // where they were; zero where that is not known
	Language string     // of the notice (BCP 47); empty where that is not known
}

// maxTold is how many addresses of an account are told: those that were added first, which a
// thief cannot put before the owner's.
const maxTold = 4

// The kind of outbox work that is a notice to one address, how many the identity server is
// given at the same time, and for how long one is of use.
const (
	noticeKind  = "contact.notice"
	noticeSlots = 4
	noticeLife  = 7 * 24 * time.Hour
)

// letter is the payload of a notice. The outbox keeps it sealed.
type letter struct {
	Kind     idclient.NoticeKind `json:"kind,omitempty"` // empty: a login
	Medium   threepid.Medium     `json:"medium"`
	Address  string              `json:"address"`
	User     matrix.UserID       `json:"user"`
	At       int64               `json:"at"`
	Device   string              `json:"device,omitempty"`
	Client   netip.Addr          `json:"client,omitzero"`
	Language string              `json:"language,omitempty"`
}

// Tell has the owner of an account told, at every address: whoever did it by one of them may be
// who reads it. It is in the transaction of what it tells of; Send is for after it. The identity
// server has the notices sooner or later, each once, or the log says that a week was not enough.
func (c *Contacts) Tell(ctx context.Context, tx *store.Tx, n News) error {
	all, err := selectAddresses(ctx, tx, c.box, n.User)
	if err != nil {
		return fmt.Errorf("reading whom to tell: %w", err)
	}
	now := c.Now()
	for _, one := range all[:min(len(all), maxTold)] {
		l := letter{Kind: n.Kind, Medium: one.Address.Medium(), Address: one.Address.String(), User: n.User, At: now.UnixMilli(), Device: n.Device, Client: n.Client, Language: n.Language}
		payload, err := json.Marshal(l)
		if err != nil {
			return fmt.Errorf("writing a notice: %w", err)
		}
		work := outbox.Work{Kind: noticeKind, Key: store.NewID(now), Payload: payload, Expires: now.Add(noticeLife)}
		if _, err := c.Outbox.Put(ctx, tx, work); err != nil {
			return fmt.Errorf("keeping a notice: %w", err)
		}
	}
	return nil
}

// TellOfAddress is Tell of an address that is about to be added, at those that are there. Nobody is
// told of one that the user has.
func (c *Contacts) TellOfAddress(ctx context.Context, tx *store.Tx, n News, p Proof) error {
	owner, err := c.owner(ctx, tx, p.address)
	if err != nil || owner == n.User {
		return err
	}
	n.Kind = idclient.NewAddress
	return c.Tell(ctx, tx, n)
}

// Send has what Tell has written sent at once, where the outbox runs.
func (c *Contacts) Send() { c.Outbox.Wake(noticeKind) }

// notify gives a notice to the identity server.
func (c *Contacts) notify(ctx context.Context, job outbox.Job) error {
	n, err := openNotice(job)
	if err != nil {
		return fmt.Errorf("%w: its payload cannot be read", outbox.ErrRefused)
	}
	at, ok := c.Trusted.Default()
	if !ok {
		return fmt.Errorf("%w: %w", outbox.ErrRefused, ErrNoIdentityServer)
	}
	if err = c.Identity.Notify(ctx, at, n); fedclient.Final(err) {
		return fmt.Errorf("%w: %w", outbox.ErrRefused, err)
	}
	return err
}

func openNotice(job outbox.Job) (idclient.Notice, error) {
	var l letter
	if err := json.Unmarshal(job.Payload, &l); err != nil {
		return idclient.Notice{}, err
	}
	address, err := threepid.Restore(string(l.Medium), l.Address)
	return idclient.Notice{
		Kind: cmp.Or(l.Kind, idclient.NewLogin), ID: job.ID, At: store.Time(l.At), Address: address, User: l.User, Device: l.Device, Client: l.Client, Language: l.Language,
	}, err
}
