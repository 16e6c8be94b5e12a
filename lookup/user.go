package lookup

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"signet/internal/matrix"
	"signet/internal/threepid"
)

// UserOf is the user that an address is bound to now; false if it is to nobody. Whoever
// passes the answer on charges for it.
func (d *Directory) UserOf(ctx context.Context, a threepid.Address) (user matrix.UserID, bound bool, err error) {
	err = d.DB.QueryRow(ctx, `SELECT user_id FROM lookup_bindings WHERE address_index = $1`, d.indexOf(a)).Scan(&user)
	if errors.Is(err, sql.ErrNoRows) {
		return "", false, nil
	}
	if err != nil {
		return "", false, fmt.Errorf("asking who is behind an address: %w", err)
	}
	return user, true, nil
}
