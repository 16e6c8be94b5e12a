package verify

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"signet/internal/store"
	"signet/internal/threepid"
)

const sessionColumns = `sid, medium, address_sealed, secret_mac, caller, next_link, send_attempt, messages, sent_ms,
	code_mac, code_expires_ms, wrong_codes, link_mac, link_expires_ms, created_ms, changed_ms, validated_ms, spent_ms`

// selectSession finds the session that the credentials open, or ErrNoSession.
func (v *Verifier) selectSession(ctx context.Context, q store.Queryer, c Credentials) (*session, error) {
	s, err := v.scan(q.QueryRow(ctx, `SELECT `+sessionColumns+` FROM verify_sessions WHERE sid = $1`, c.SID))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, ErrNoSession
	}
	if err != nil {
		return nil, fmt.Errorf("reading a session: %w", err)
	}
	if !v.mac.Equal(s.secretMAC, "secret", c.ClientSecret) {
		return nil, ErrNoSession
	}
	return s, nil
}

// selectSame finds the session that the same caller opened for the same address
// with the same secret.
func (v *Verifier) selectSame(ctx context.Context, q store.Queryer, r Request) (*session, error) {
	return v.scan(q.QueryRow(ctx, `SELECT `+sessionColumns+` FROM verify_sessions
		WHERE address_index = $1 AND secret_mac = $2 AND caller = $3`,
		v.indexOf(r.Address), v.mac.Of("secret", r.ClientSecret), string(r.Caller)))
}

func (v *Verifier) selectByLink(ctx context.Context, q store.Queryer, linkMAC []byte) (*session, error) {
	return v.scan(q.QueryRow(ctx, `SELECT `+sessionColumns+` FROM verify_sessions WHERE link_mac = $1`, linkMAC))
}

// putSession writes a new session, or what a re-send changes of a known one.
func (v *Verifier) putSession(ctx context.Context, tx *store.Tx, s session) error {
	sealed := v.addresses.Seal([]byte(s.address.String()), []byte(s.sid))
	_, err := tx.Exec(ctx, `INSERT INTO verify_sessions
		(sid, medium, address_index, address_sealed, secret_mac, caller, next_link, send_attempt,
		 code_mac, code_expires_ms, link_mac, link_expires_ms, created_ms, changed_ms,
		 wrong_codes, validated_ms, spent_ms, messages, sent_ms)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)
		ON CONFLICT (sid) DO UPDATE SET next_link = $7, send_attempt = $8,
			code_mac = $9, code_expires_ms = $10, link_mac = $11, link_expires_ms = $12, changed_ms = $14,
			messages = $18, sent_ms = $19`,
		s.sid, string(s.address.Medium()), v.indexOf(s.address), sealed, s.secretMAC, string(s.caller), s.nextLink, s.sendAttempt,
		s.codeMAC, s.codeExpires.UnixMilli(), s.linkMAC, s.linkExpires.UnixMilli(), s.created.UnixMilli(), s.changed.UnixMilli(),
		s.wrongCodes, store.Millis(s.validated), store.Millis(s.spent), s.messages, s.sent.UnixMilli())
	return err
}

// sessionMoved tells whether a session is no longer as the request that wrote s
// left it.
func sessionMoved(ctx context.Context, tx *store.Tx, s session) (bool, error) {
	var same bool
	err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM verify_sessions
		WHERE sid = $1 AND link_mac = $2 AND validated_ms = $3 AND spent_ms = 0)`,
		s.sid, s.linkMAC, store.Millis(s.validated)).Scan(&same)
	return !same, err
}

// countGuess counts one guess against a session, unless none is left.
func countGuess(ctx context.Context, tx *store.Tx, sid string) (counted bool, err error) {
	return store.Changed(tx.Exec(ctx, `UPDATE verify_sessions SET wrong_codes = wrong_codes + 1
		WHERE sid = $1 AND wrong_codes < $2`, sid, maxWrongCodes))
}

// markValidated validates a session and takes back the guesses that were right.
func markValidated(ctx context.Context, tx *store.Tx, sid string, now time.Time, right int) error {
	_, err := tx.Exec(ctx, `UPDATE verify_sessions SET validated_ms = $2, changed_ms = $2, wrong_codes = wrong_codes - $3
		WHERE sid = $1`, sid, now.UnixMilli(), right)
	return err
}

func markSpent(ctx context.Context, tx *store.Tx, sid string, now time.Time) (first bool, err error) {
	return store.Changed(tx.Exec(ctx, `UPDATE verify_sessions SET spent_ms = $2
		WHERE sid = $1 AND spent_ms = 0 AND validated_ms > 0`, sid, now.UnixMilli()))
}

func deleteSession(ctx context.Context, tx *store.Tx, sid string) error {
	_, err := tx.Exec(ctx, `DELETE FROM verify_sessions WHERE sid = $1`, sid)
	return err
}

func deleteSessions(ctx context.Context, q store.Queryer, changedBefore time.Time) error {
	_, err := q.Exec(ctx, `DELETE FROM verify_sessions WHERE changed_ms < $1`, changedBefore.UnixMilli())
	return err
}

func (v *Verifier) indexOf(a threepid.Address) []byte {
	return v.index.Of(string(a.Medium()), a.String())
}

func (v *Verifier) scan(row *sql.Row) (*session, error) {
	var s session
	var medium string
	var sealed []byte
	var sent, codeExpires, linkExpires, created, changed, validated, spent int64
	err := row.Scan(&s.sid, &medium, &sealed, &s.secretMAC, &s.caller, &s.nextLink, &s.sendAttempt, &s.messages, &sent,
		&s.codeMAC, &codeExpires, &s.wrongCodes, &s.linkMAC, &linkExpires, &created, &changed, &validated, &spent)
	if err != nil {
		return nil, err
	}
	address, err := v.addresses.Open(sealed, []byte(s.sid))
	if err != nil {
		return nil, err
	}
	if s.address, err = threepid.Parse(medium, string(address)); err != nil {
		return nil, err
	}
	s.sent = store.Time(sent)
	s.codeExpires, s.linkExpires = store.Time(codeExpires), store.Time(linkExpires)
	s.created, s.changed = store.Time(created), store.Time(changed)
	s.validated, s.spent = store.Time(validated), store.Time(spent)
	return &s, nil
}
