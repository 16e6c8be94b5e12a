package lookup

import (
	"context"
	"fmt"

	"signet/internal/matrix"
	"signet/internal/threepid"
	"signet/lookup/discovery"
	"signet/lookup/table"
	"signet/verify"
)

// Ask charges whoever is about to be told, by another path than Lookup, whether somebody is
// behind an address: as much as a look-up of it, and nothing if they have looked it up
// before. The error is matrix.LimitExceeded if they may not be told now.
func (d *Directory) Ask(ctx context.Context, who discovery.Asker, a threepid.Address) error {
	epoch := d.epochs.number(d.Now())
	_, err := d.ask(ctx, who, epoch, []table.Key{keyOf(a.Medium(), []byte(a.String()), d.epochs.pepper(epoch))})
	return err
}

func (d *Directory) ask(ctx context.Context, who discovery.Asker, epoch int64, keys []table.Key) (discovery.Answer, error) {
	if d.discovery == nil || len(keys) == 0 {
		return discovery.Answer{}, nil
	}
	ids := make([]discovery.ID, len(keys))
	for i, k := range keys {
		ids[i] = discovery.ID(k)
	}
	return d.discovery.Ask(ctx, discovery.Question{Asker: who, Epoch: epoch, IDs: ids})
}

// askOnce is ask for keys some of which may be the same, which are charged for once.
func (d *Directory) askOnce(ctx context.Context, who discovery.Asker, epoch int64, keys []table.Key) (discovery.Answer, error) {
	var each []table.Key
	places := map[table.Key]int{}
	for _, k := range keys {
		if _, there := places[k]; !there {
			places[k], each = len(each), append(each, k)
		}
	}
	told, err := d.ask(ctx, who, epoch, each)
	if err != nil || told.Allowed == nil {
		return told, err
	}
	all := discovery.Answer{Allowed: make([]bool, len(keys))}
	for i, k := range keys {
		if all.Allowed[i] = told.Allowed[places[k]]; !all.Allowed[i] {
			all.Refused++
		}
	}
	return all, nil
}

// earned is what a user has verified here: the phone number, or else the e-mail address,
// that was bound first.
func (d *Directory) earned(ctx context.Context, user matrix.UserID) (e discovery.Earned, err error) {
	all, err := d.selectBindingsOf(ctx, d.DB, user)
	if err != nil {
		return e, fmt.Errorf("reading what an account has verified: %w", err)
	}
	for _, b := range all {
		switch {
		case b.address.Medium() == threepid.MSISDN:
			return discovery.Earned{Number: string(d.indexOf(b.address))}, nil
		case e.Mailbox == "":
			e = discovery.Earned{Mailbox: string(d.indexOf(b.address)), Domain: verify.MailDomain(b.address)}
		}
	}
	return e, nil
}

// Sweep forgets what was looked up in epochs that are over.
func (d *Directory) Sweep(ctx context.Context) error {
	if d.discovery == nil {
		return nil
	}
	return d.discovery.Sweep(ctx, d.epochs.number(d.Now()))
}
