package invite

import (
	"context"
	"database/sql"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"signet/internal/deliver/sms"
	"signet/internal/matrix"
	"signet/internal/store"
	"signet/internal/threepid"
)

func (i *Invites) insertInvitation(ctx context.Context, q store.Queryer, v *invitation) error {
	sealed, err := i.sealContent(v)
	if err != nil {
		return err
	}
	_, err = q.Exec(ctx, `INSERT INTO invite_invitations
		(id, token_mac, link_mac, key_index, address_index, sender_index, content_sealed, key_sealed, state, messages, sent_ms, created_ms, expires_ms)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`,
		v.id, i.tokenMAC(v.Token), v.linkMAC, v.keyIndex, i.addressTag(v.address), i.userTag(v.Sender), sealed, i.box.Seal(v.key.Seed(), keyPlace(v.id)),
		string(v.state), v.messages, store.Millis(v.sent), store.Millis(v.created), store.Millis(v.expires))
	return err
}

const columns = `id, content_sealed, key_sealed, key_index, link_mac, state, claimed_by, messages, sent_ms, created_ms, expires_ms, ended_ms`

// scan reads the columns of a row.
func (i *Invites) scan(row interface{ Scan(...any) error }) (*invitation, error) {
	var v invitation
	var contentSealed, keySealed []byte
	var sent, created, expires, ended int64
	err := row.Scan(&v.id, &contentSealed, &keySealed, &v.keyIndex, &v.linkMAC, &v.state, &v.claimedBy, &v.messages, &sent, &created, &expires, &ended)
	if err != nil {
		return nil, err
	}
	v.sent, v.created, v.expires, v.ended = store.Time(sent), store.Time(created), store.Time(expires), store.Time(ended)
	return &v, i.open(&v, contentSealed, keySealed)
}

// selectInvitation is ErrNone if there is no such row.
func (i *Invites) selectInvitation(ctx context.Context, q store.Queryer, id string) (*invitation, error) {
	v, err := i.scan(q.QueryRow(ctx, `SELECT `+columns+` FROM invite_invitations WHERE id = $1`, id))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, ErrNone
	}
	return v, err
}

// selectByToken is ErrToken if no invitation has the token.
func (i *Invites) selectByToken(ctx context.Context, q store.Queryer, token string) (*invitation, error) {
	v, err := i.scan(q.QueryRow(ctx, `SELECT `+columns+` FROM invite_invitations WHERE token_mac = $1`, i.tokenMAC(token)))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, ErrToken
	}
	return v, err
}

// selectByKey reads how the invitation of an ephemeral key stands, and opens nothing.
func selectByKey(ctx context.Context, q store.Queryer, tag []byte) (v invitation, found bool, err error) {
	var expires, ended int64
	err = q.QueryRow(ctx, `SELECT state, expires_ms, ended_ms FROM invite_invitations WHERE key_index = $1`, tag).Scan(&v.state, &expires, &ended)
	v.expires, v.ended = store.Time(expires), store.Time(ended)
	if errors.Is(err, sql.ErrNoRows) {
		return v, false, nil
	}
	return v, err == nil, err
}

func (i *Invites) selectOfSender(ctx context.Context, q store.Queryer, sender matrix.UserID) ([]*invitation, error) {
	return i.selectAll(ctx, q, `SELECT `+columns+` FROM invite_invitations WHERE sender_index = $1`, i.userTag(sender))
}

// selectOfUser finds what a user has sent, and what was claimed or accepted for the user.
func (i *Invites) selectOfUser(ctx context.Context, q store.Queryer, user matrix.UserID) ([]*invitation, error) {
	return i.selectAll(ctx, q, `SELECT `+columns+` FROM invite_invitations WHERE sender_index = $1 OR claimed_by = $1`, i.userTag(user))
}

func (i *Invites) selectOfAddress(ctx context.Context, q store.Queryer, a threepid.Address) ([]*invitation, error) {
	return i.selectAll(ctx, q, `SELECT `+columns+` FROM invite_invitations WHERE address_index = $1`, i.addressTag(a))
}

// livingOf is what an address is invited to, but for what was claimed for others than the user
// of a tag.
const livingOf = ` FROM invite_invitations
	WHERE address_index = $1 AND expires_ms > $2 AND (state = 'pending' OR state = 'claimed' AND claimed_by = $3)`

func (i *Invites) selectLiving(ctx context.Context, tx *store.Tx, a threepid.Address, tag []byte) ([]*invitation, error) {
	return i.selectAll(ctx, tx, `SELECT `+columns+livingOf, i.addressTag(a), i.Now().UnixMilli(), tag)
}

func (i *Invites) countLiving(ctx context.Context, q store.Queryer, a threepid.Address, tag []byte) (n int, err error) {
	err = q.QueryRow(ctx, `SELECT COUNT(*)`+livingOf, i.addressTag(a), i.Now().UnixMilli(), tag).Scan(&n)
	return n, err
}

// selectAll reads the rows of a query, the newest first: ids tell the time, by octets.
func (i *Invites) selectAll(ctx context.Context, q store.Queryer, query string, args ...any) (all []*invitation, err error) {
	rows, err := q.Query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		v, err := i.scan(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	slices.SortFunc(all, func(a, b *invitation) int { return strings.Compare(b.id, a.id) })
	return all, rows.Err()
}

// finish ends an invitation as it was read. Its private key is forgotten.
func finish(ctx context.Context, tx *store.Tx, v *invitation, state State, by []byte, batch string, now time.Time) error {
	if by == nil {
		by = []byte{}
	}
	found, err := store.Changed(tx.Exec(ctx, `UPDATE invite_invitations SET state = $3, claimed_by = $4, batch = $5, ended_ms = $6, key_sealed = $7
		WHERE id = $1 AND state = $2`, v.id, string(v.state), string(state), by, batch, now.UnixMilli(), []byte{}))
	if err == nil && !found {
		return ErrOver
	}
	return err
}

func updateSent(ctx context.Context, tx *store.Tx, id string, messages int, now time.Time) error {
	_, err := tx.Exec(ctx, `UPDATE invite_invitations SET messages = $2, sent_ms = $3 WHERE id = $1 AND messages = $4 AND state = 'pending'`,
		id, messages, now.UnixMilli(), messages-1)
	return err
}

// selectUntold lists the invitations of a notice that its homeserver was not told of.
func selectUntold(ctx context.Context, q store.Queryer, batch string) ([]string, error) {
	return selectTexts(ctx, q, `SELECT id FROM invite_invitations WHERE batch = $1 AND told_ms = 0`, batch)
}

// selectBatches lists the notices of which an invitation is part that has a tag in a column.
func selectBatches(ctx context.Context, q store.Queryer, column string, tag []byte) ([]string, error) {
	return selectTexts(ctx, q, `SELECT DISTINCT batch FROM invite_invitations WHERE `+column+` = $1 AND batch <> ''`, tag)
}

func selectTexts(ctx context.Context, q store.Queryer, query string, args ...any) (texts []string, err error) {
	rows, err := q.Query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			return nil, err
		}
		texts = append(texts, text)
	}
	return texts, rows.Err()
}

func markTold(ctx context.Context, q store.Queryer, batch string, now time.Time) error {
	_, err := q.Exec(ctx, `UPDATE invite_invitations SET told_ms = $2 WHERE batch = $1`, batch, now.UnixMilli())
	return err
}

func deleteOfAddress(ctx context.Context, q store.Queryer, addressTag []byte) error {
	_, err := q.Exec(ctx, `DELETE FROM invite_invitations WHERE address_index = $1`, addressTag)
	return err
}

func deleteOfSender(ctx context.Context, q store.Queryer, senderTag []byte) error {
	_, err := q.Exec(ctx, `DELETE FROM invite_invitations WHERE sender_index = $1 AND state <> 'accepted'`, senderTag)
	return err
}

func deleteOfClaimer(ctx context.Context, q store.Queryer, claimerTag []byte) error {
	_, err := q.Exec(ctx, `DELETE FROM invite_invitations WHERE claimed_by = $1`, claimerTag)
	return err
}

func forgetKeys(ctx context.Context, q store.Queryer, now time.Time) error {
	_, err := q.Exec(ctx, `UPDATE invite_invitations SET key_sealed = $2 WHERE expires_ms <= $1 AND key_sealed <> $2`, now.UnixMilli(), []byte{})
	return err
}

// deleteEnded forgets what was accepted, revoked or expired before a moment. Its first
// condition is that of the index.
func deleteEnded(ctx context.Context, q store.Queryer, before time.Time) error {
	_, err := q.Exec(ctx, `DELETE FROM invite_invitations WHERE state IN ('accepted', 'revoked') AND ended_ms <= $1
		OR state IN ('pending', 'claimed') AND expires_ms <= $1`, before.UnixMilli())
	return err
}

// selectRefusal is the zero time if the inbox refuses nothing.
func selectRefusal(ctx context.Context, q store.Queryer, tag []byte) (time.Time, error) {
	var since int64
	err := q.QueryRow(ctx, `SELECT since_ms FROM invite_refusals WHERE inbox_index = $1`, tag).Scan(&since)
	if errors.Is(err, sql.ErrNoRows) {
		return time.Time{}, nil
	}
	return store.Time(since), err
}

// insertRefusal leaves one that is there.
func insertRefusal(ctx context.Context, q store.Queryer, tag []byte, now time.Time) error {
	_, err := q.Exec(ctx, `INSERT INTO invite_refusals (inbox_index, since_ms) VALUES ($1, $2) ON CONFLICT DO NOTHING`, tag, now.UnixMilli())
	return err
}

func deleteRefusal(ctx context.Context, q store.Queryer, tag []byte) error {
	_, err := q.Exec(ctx, `DELETE FROM invite_refusals WHERE inbox_index = $1`, tag)
	return err
}

// selectMethod is how a homeserver listens for onbind: as the specification says, unless
// it was found otherwise.
func selectMethod(ctx context.Context, q store.Queryer, server matrix.ServerName) (method string, err error) {
	err = q.QueryRow(ctx, `SELECT method FROM invite_servers WHERE server = $1`, server.String()).Scan(&method)
	if errors.Is(err, sql.ErrNoRows) {
		return http.MethodPut, nil
	}
	return method, err
}

func putMethod(ctx context.Context, q store.Queryer, server matrix.ServerName, method string, now time.Time) error {
	_, err := q.Exec(ctx, `INSERT INTO invite_servers (server, method, changed_ms) VALUES ($1, $2, $3)
		ON CONFLICT (server) DO UPDATE SET method = $2, changed_ms = $3`, server.String(), method, now.UnixMilli())
	return err
}

func deleteMethods(ctx context.Context, q store.Queryer, before time.Time) error {
	_, err := q.Exec(ctx, `DELETE FROM invite_servers WHERE changed_ms <= $1`, before.UnixMilli())
	return err
}

// selectTried reads which SMS providers an invitation has tried, the oldest first.
func selectTried(ctx context.Context, q store.Queryer, id string) ([]sms.Tried, error) {
	var text string
	err := q.QueryRow(ctx, `SELECT tried FROM invite_invitations WHERE id = $1`, id).Scan(&text)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil // it was erased; its message may be under way all the same
	}
	return sms.ParseTried(text), err
}

// markTried writes down, before it is asked, that a provider is asked to send a message.
// The error is sms.ErrAlreadyTried when it is written already, and for an invitation that
// is gone.
func markTried(ctx context.Context, tx *store.Tx, id string, t sms.Tried) error {
	tried, err := selectTried(ctx, tx, id)
	if err != nil {
		return err
	}
	if slices.Contains(tried, t) {
		return sms.ErrAlreadyTried
	}
	known, err := store.Changed(tx.Exec(ctx, `UPDATE invite_invitations SET tried = tried || $2 WHERE id = $1`, id, t.Line()))
	if err == nil && !known {
		return sms.ErrAlreadyTried
	}
	return err
}
