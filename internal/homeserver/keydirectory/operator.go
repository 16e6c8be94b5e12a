package keydirectory

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"signet/internal/store"
	"signet/keys/proof"
)

// Overview is what an operator is shown. Nobody is asked for it.
type Overview struct {
	Root    *proof.Config // nil where none is kept yet
	Users   *tlog.Tree    // the last head of the log; nil where none was seen
	Servers *tlog.Tree
	Own     OwnState
	Alarms  []Alarm // that stand
}

// Overview reads what is kept of the directory.
func (d *Directory) Overview(ctx context.Context) (o Overview, err error) {
	text, err := selectRoot(ctx, d.DB, d.At.Name)
	if err == nil {
		var root proof.Config
		root, err = d.parseRoot(text)
		o.Root = &root
	}
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return Overview{}, fmt.Errorf("reading the trust root: %w", err)
	}
	if o.Users, err = selectHead(ctx, d.DB, d.usersOrigin()); err != nil {
		return Overview{}, fmt.Errorf("reading the head of the log of users: %w", err)
	}
	if o.Servers, err = selectHead(ctx, d.DB, d.serversOrigin()); err != nil {
		return Overview{}, fmt.Errorf("reading the head of the log of servers: %w", err)
	}
	if o.Own, err = d.State(ctx); err != nil {
		return Overview{}, err
	}
	o.Alarms, err = d.Alarms(ctx, true)
	return o, err
}

func (d *Directory) usersOrigin() string { return d.At.Name.String() + "/users" }

// Trust believes the directory by another trust root from now on: the operator's, or for nil the
// one that the identity server names now. Alarms stand until they are ended. What was seen of the
// logs still holds, unless it is to be forgotten: then they may be other logs.
func (d *Directory) Trust(ctx context.Context, text []byte, forget bool) (proof.Config, error) {
	root, written, err := d.givenRoot(ctx, text)
	if err != nil {
		return proof.Config{}, err
	}
	err = d.DB.Tx(ctx, func(tx *store.Tx) error {
		if forget {
			if err := forgetLogs(ctx, tx, d.usersOrigin(), d.serversOrigin()); err != nil {
				return err
			}
		}
		return replaceRoot(ctx, tx, d.At.Name, written, d.Now())
	})
	if err != nil {
		return proof.Config{}, fmt.Errorf("keeping the trust root: %w", err)
	}
	return root, nil
}
