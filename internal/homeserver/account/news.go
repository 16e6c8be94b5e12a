package account

import (
	"context"
	"errors"
	"fmt"

	"signet/internal/homeserver/contact"
	"signet/internal/idclient"
	"signet/internal/store"
)

// tell has the owner of an account told of something, in the transaction in which it happens.
// sendNews is for after it.
func (a *Accounts) tell(ctx context.Context, tx *store.Tx, n contact.News) error {
	if a.Contacts == nil {
		return nil
	}
	return a.Contacts.Tell(ctx, tx, n)
}

func (a *Accounts) sendNews() {
	if a.Contacts != nil {
		a.Contacts.Send()
	}
}

// tellOfPassword tells of a new password. Who has no device has shown an address.
func (a *Accounts) tellOfPassword(ctx context.Context, tx *store.Tx, by Device, from Whence) error {
	device, err := selectDevice(ctx, tx, by)
	if err != nil && !errors.Is(err, ErrNoDevice) {
		return fmt.Errorf("reading who changes a password: %w", err)
	}
	return a.tell(ctx, tx, contact.News{Kind: idclient.NewPassword, User: by.User, Device: device.DisplayName, Client: from.Client, Language: from.Language})
}
