package contact

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"time"

	"signet/internal/matrix"
	"signet/internal/seal"
	"signet/internal/store"
	"signet/internal/threepid"
)

// plain is what is sealed of an address.
func plain(a threepid.Address) string { return string(a.Medium()) + " " + a.String() }

func parsePlain(text string) (threepid.Address, error) {
	medium, address, _ := strings.Cut(text, " ")
	return threepid.Restore(medium, address)
}

// insertSession keeps a session, or a longer life of one that is the same and not spent.
func insertSession(ctx context.Context, tx *store.Tx, tag []byte, s session, expires time.Time) error {
	_, err := tx.Exec(ctx, `INSERT INTO contact_sessions (session_tag, id_server, medium, address_index, purpose, user_id, spent, expires_ms, bind)
		VALUES ($1, $2, $3, $4, $5, $6, FALSE, $7, $8) ON CONFLICT (session_tag) DO UPDATE SET expires_ms = $7
		WHERE contact_sessions.id_server = $2 AND contact_sessions.medium = $3 AND contact_sessions.address_index = $4
			AND contact_sessions.purpose = $5 AND contact_sessions.user_id = $6 AND NOT contact_sessions.spent`,
		tag, string(s.server), string(s.medium), s.index, string(s.purpose), string(s.user), expires.UnixMilli(), s.bind)
	return err
}

// selectSession is ErrSession where there is none that lives on after now.
func selectSession(ctx context.Context, q store.Queryer, tag []byte, now time.Time) (s session, err error) {
	err = q.QueryRow(ctx, `SELECT id_server, medium, address_index, purpose, user_id, spent, bind FROM contact_sessions
		WHERE session_tag = $1 AND expires_ms > $2`, tag, store.Millis(now)).Scan(&s.server, &s.medium, &s.index, &s.purpose, &s.user, &s.spent, &s.bind)
	if errors.Is(err, sql.ErrNoRows) {
		return session{}, ErrSession
	}
	return s, err
}

// spendSession tells whether the session was there to be spent.
func spendSession(ctx context.Context, tx *store.Tx, tag []byte, now time.Time) (bool, error) {
	return store.Changed(tx.Exec(ctx, `UPDATE contact_sessions SET spent = TRUE WHERE session_tag = $1 AND NOT spent AND expires_ms > $2`,
		tag, now.UnixMilli()))
}

func deleteSessionsBefore(ctx context.Context, q store.Queryer, now time.Time) error {
	_, err := q.Exec(ctx, `DELETE FROM contact_sessions WHERE expires_ms <= $1`, now.UnixMilli())
	return err
}

// putAddress tells whether the address is the user's now.
func putAddress(ctx context.Context, tx *store.Tx, user matrix.UserID, p Proof, sealed []byte, now time.Time) (bool, error) {
	return store.Changed(tx.Exec(ctx, `INSERT INTO contact_addresses (address_index, user_id, sealed, validated_ms, added_ms)
		VALUES ($1, $2, $3, $4, $5) ON CONFLICT (address_index) DO UPDATE SET validated_ms = $4 WHERE contact_addresses.user_id = $2`,
		p.index, string(user), sealed, p.validated.UnixMilli(), now.UnixMilli()))
}

func selectAddresses(ctx context.Context, q store.Queryer, box seal.Box, user matrix.UserID) (all []Contact, err error) {
	rows, err := q.Query(ctx, `SELECT address_index, sealed, validated_ms, added_ms FROM contact_addresses
		WHERE user_id = $1 ORDER BY added_ms, address_index`, string(user))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var index, sealed []byte
		var validated, added int64
		if err := rows.Scan(&index, &sealed, &validated, &added); err != nil {
			return nil, err
		}
		address, err := open(box, sealed, index)
		if err != nil {
			return nil, err
		}
		all = append(all, Contact{address, store.Time(validated), store.Time(added)})
	}
	return all, rows.Err()
}

func open(box seal.Box, sealed, index []byte) (threepid.Address, error) {
	text, err := box.Open(sealed, index)
	if err != nil {
		return threepid.Address{}, err
	}
	return parsePlain(string(text))
}

// selectOwner is empty where nobody has the address.
func selectOwner(ctx context.Context, q store.Queryer, index []byte) (owner matrix.UserID, err error) {
	err = q.QueryRow(ctx, `SELECT user_id FROM contact_addresses WHERE address_index = $1`, index).Scan(&owner)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return owner, err
}

func deleteAddress(ctx context.Context, q store.Queryer, user matrix.UserID, index []byte) error {
	_, err := q.Exec(ctx, `DELETE FROM contact_addresses WHERE address_index = $1 AND user_id = $2`, index, string(user))
	return err
}

func insertPass(ctx context.Context, q store.Queryer, network []byte, challenge string, expires time.Time) error {
	_, err := q.Exec(ctx, `INSERT INTO contact_passes (network_tag, challenge, expires_ms) VALUES ($1, $2, $3)
		ON CONFLICT (network_tag, challenge) DO NOTHING`, network, challenge, expires.UnixMilli())
	return err
}

// selectPasses are those that count after now, the latest first and maxPasses at most.
func selectPasses(ctx context.Context, q store.Queryer, network []byte, now time.Time) (challenges []string, err error) {
	rows, err := q.Query(ctx, `SELECT challenge FROM contact_passes WHERE network_tag = $1 AND expires_ms > $2
		ORDER BY expires_ms DESC, challenge LIMIT $3`, network, now.UnixMilli(), maxPasses)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var challenge string
		if err := rows.Scan(&challenge); err != nil {
			return nil, err
		}
		challenges = append(challenges, challenge)
	}
	return challenges, rows.Err()
}

func deletePass(ctx context.Context, q store.Queryer, network []byte, challenge string) error {
	_, err := q.Exec(ctx, `DELETE FROM contact_passes WHERE network_tag = $1 AND challenge = $2`, network, challenge)
	return err
}

func deletePassesBefore(ctx context.Context, q store.Queryer, now time.Time) error {
	_, err := q.Exec(ctx, `DELETE FROM contact_passes WHERE expires_ms <= $1`, now.UnixMilli())
	return err
}
