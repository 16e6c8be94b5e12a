package discovery

import (
	"context"
	"errors"

	"signet/internal/quota"
	"signet/internal/store"
)

// pay charges for as many of the fresh addresses as it can, the first ones, and writes the
// book. It is Exhausted if it can for none, or not for all of a few.
func (d *Discovery) pay(ctx context.Context, i inquiry) (told int, err error) {
	due := i.due()
	if due <= 0 {
		return len(i.fresh), d.write(ctx, i.book, i.after(len(i.fresh)), nil)
	}
	a, err := d.asking(ctx, i.asker)
	if err != nil {
		return 0, err
	}
	if !i.memory.stored {
		i.memory.granted = min(i.memory.granted, d.atOnce(a))
	}
	for units := max(due, ahead); ; {
		told = min(len(i.fresh), i.memory.ahead+units)
		refused := d.charge(ctx, a, i, told, units)
		if refused == nil {
			return told, nil
		}
		if !isRefusal(refused) {
			return 0, refused
		}
		i.rank()
		if units, err = d.less(ctx, &a, i, units); err != nil {
			return 0, err
		}
		if units == 0 {
			return d.rest(ctx, i, refused)
		}
	}
}

func isRefusal(err error) bool {
	_, is := errors.AsType[quota.Exhausted](err)
	return is
}

// rest tells of what is paid for when nothing more can be charged, if a part of an answer is
// of use, and there is one.
func (d *Discovery) rest(ctx context.Context, i inquiry, refused error) (told int, err error) {
	told = i.memory.ahead
	if i.small() || len(i.fresh) == len(i.marks) && told == 0 {
		return 0, refused
	}
	if told == 0 {
		return 0, nil // only about those that were asked for before
	}
	return told, d.write(ctx, i.book, i.after(told), nil)
}

// less is how many units to try to charge after so many were too many; 0 for none.
func (d *Discovery) less(ctx context.Context, a *asking, i inquiry, tried int) (units int, err error) {
	switch {
	case tried > i.due():
		return i.due(), nil
	case len(i.marks) <= fewer && !a.reserve && a.Account != "":
		a.reserve = true
		return i.due(), nil
	case i.small() || tried == 1:
		return 0, nil
	}
	room, err := d.room(ctx, a, i.memory.granted, tried-1)
	return max(1, room), err
}

// room is how many units the budgets have room for, at most so many.
func (d *Discovery) room(ctx context.Context, a *asking, granted, most int) (int, error) {
	room, err := d.Quota.Room(ctx, d.DB, most, a.charges(1, 0)...)
	if err != nil || granted == 0 {
		return room, err
	}
	others, err := d.Quota.Room(ctx, d.DB, most, a.charges(1, 1)...) // which nothing is granted of
	return min(others, room+granted), err
}

// charge charges so many units and writes in one transaction that the first fresh ones were
// told about.
func (d *Discovery) charge(ctx context.Context, a asking, i inquiry, told, units int) error {
	held, err := d.Quota.Reserve(ctx, a.charges(units, i.memory.granted)...)
	if err != nil {
		return err
	}
	defer held.Release()
	i.memory.ahead += units
	i.memory.granted -= min(units, i.memory.granted)
	if err := d.write(ctx, i.book, i.after(told), held); err != nil {
		return err
	}
	held.Keep()
	return nil
}

// write writes a book that is as it was read, together with what is charged, if anything is.
func (d *Discovery) write(ctx context.Context, b book, m memory, held *quota.Reservation) error {
	// A power cut may lose the last moment: what was asked for then is charged again.
	err := d.DB.TxSoon(ctx, func(tx *store.Tx) error {
		if held != nil {
			if err := held.ChargeIn(ctx, tx); err != nil {
				return err
			}
		}
		written, err := putMemory(ctx, tx, b, m)
		if err == nil && !written {
			return errRival
		}
		return err
	})
	if err == nil {
		m.stored, m.version = true, m.version+1
		d.known.keep(b, m)
	}
	return err
}

func (d *Discovery) asking(ctx context.Context, who Asker) (a asking, err error) {
	a = asking{Asker: who, own: d.Own[who.Homeserver]}
	if who.Account != "" {
		a.Earned, err = d.Earned(ctx, who.Account)
	}
	return a, err
}
