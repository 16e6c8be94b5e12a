package verify

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"signet/internal/deliver/sms"
	"signet/internal/matrix"
	"signet/internal/store"
	"signet/internal/threepid"
)

const sessionColumns = `sid, medium, address_sealed, secret_mac, caller, purpose, user_id, asker, next_link, send_attempt, messages, sent_ms,
	code_mac, code_expires_ms, wrong_codes, raised, link_mac, link_expires_ms, created_ms, changed_ms, validated_ms, spent_ms, stopped_ms, existing`

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

// selectSame finds the session that the same caller opened for the same address,
// purpose and user with the same secret.
func (v *Verifier) selectSame(ctx context.Context, q store.Queryer, r Request) (*session, error) {
	return v.scan(q.QueryRow(ctx, `SELECT `+sessionColumns+` FROM verify_sessions
		WHERE address_index = $1 AND secret_mac = $2 AND caller = $3 AND purpose = $4 AND user_id = $5`,
		v.indexOf(r.Address), v.mac.Of("secret", r.ClientSecret), string(r.Caller), string(r.Purpose), storedUser(r.Caller, r.User)))
}

// selectStop finds the session of a "this was not me" link, or ErrNoLink.
func (v *Verifier) selectStop(ctx context.Context, q store.Queryer, token string) (*session, error) {
	s, err := v.scan(q.QueryRow(ctx, `SELECT `+sessionColumns+` FROM verify_sessions WHERE stop_mac = $1`, v.mac.Of("stop", token)))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, ErrNoLink
	}
	if err != nil {
		return nil, fmt.Errorf("reading a link: %w", err)
	}
	return s, nil
}

func (v *Verifier) selectByLink(ctx context.Context, q store.Queryer, linkMAC []byte) (*session, error) {
	return v.scan(q.QueryRow(ctx, `SELECT `+sessionColumns+` FROM verify_sessions WHERE link_mac = $1`, linkMAC))
}

// insertSession writes a new session, unless there is one of the same request.
func (v *Verifier) insertSession(ctx context.Context, tx *store.Tx, s session) (inserted bool, err error) {
	sealed := v.addresses.Seal([]byte(s.address.String()), []byte(s.sid))
	return store.Changed(tx.Exec(ctx, `INSERT INTO verify_sessions
		(sid, medium, address_index, address_sealed, secret_mac, caller, next_link, send_attempt,
		 code_mac, code_expires_ms, link_mac, link_expires_ms, created_ms, changed_ms,
		 wrong_codes, validated_ms, spent_ms, messages, sent_ms, purpose, user_id, asker, raised, stop_mac, stopped_ms, existing)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26)
		ON CONFLICT DO NOTHING`,
		s.sid, string(s.address.Medium()), v.indexOf(s.address), sealed, s.secretMAC, string(s.caller), v.sealNext(s), s.sendAttempt,
		s.codeMAC, s.codeExpires.UnixMilli(), s.linkMAC, s.linkExpires.UnixMilli(), s.created.UnixMilli(), s.changed.UnixMilli(),
		s.wrongCodes, store.Millis(s.validated), store.Millis(s.spent), s.messages, s.sent.UnixMilli(),
		string(s.purpose), storedUser(s.caller, s.user), octets(s.asker), s.raised, v.stopMAC(s), store.Millis(s.stopped), s.existing))
}

// updateSession writes what a re-send changes, unless the session was changed since it was
// read as before.
func (v *Verifier) updateSession(ctx context.Context, tx *store.Tx, before, s session) (updated bool, err error) {
	return store.Changed(tx.Exec(ctx, `UPDATE verify_sessions SET next_link = $3, send_attempt = $4,
			code_mac = $5, code_expires_ms = $6, link_mac = $7, link_expires_ms = $8, changed_ms = $9,
			messages = $10, sent_ms = $11, raised = $12, asker = $13, stop_mac = $14, existing = $15
		WHERE sid = $1 AND link_mac = $2`,
		s.sid, before.linkMAC, v.sealNext(s), s.sendAttempt,
		s.codeMAC, s.codeExpires.UnixMilli(), s.linkMAC, s.linkExpires.UnixMilli(), s.changed.UnixMilli(),
		s.messages, s.sent.UnixMilli(), s.raised, octets(s.asker), v.stopMAC(s), s.existing))
}

func (v *Verifier) stopMAC(s session) []byte { return v.mac.Of("stop", v.stopToken(s.sid)) }

// octets is b as a column takes it that is never NULL: one engine gives none back as nil.
func octets(b []byte) []byte { return append([]byte{}, b...) }

// storedUser is the user as a column holds it: an account that asks for itself, as the
// caller says already, as none.
func storedUser(c Caller, user matrix.UserID) string {
	if own, ok := c.Account(); ok && own == user {
		return ""
	}
	return user.String()
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

func uncountGuess(ctx context.Context, tx *store.Tx, sid string) error {
	_, err := tx.Exec(ctx, `UPDATE verify_sessions SET wrong_codes = wrong_codes - 1 WHERE sid = $1`, sid)
	return err
}

func markValidated(ctx context.Context, tx *store.Tx, sid string, now time.Time) error {
	_, err := tx.Exec(ctx, `UPDATE verify_sessions SET validated_ms = $2, changed_ms = $2 WHERE sid = $1`, sid, now.UnixMilli())
	return err
}

func markStopped(ctx context.Context, tx *store.Tx, sid string, now time.Time) error {
	_, err := tx.Exec(ctx, `UPDATE verify_sessions SET stopped_ms = $2 WHERE sid = $1 AND stopped_ms = 0`, sid, now.UnixMilli())
	return err
}

func markSpent(ctx context.Context, tx *store.Tx, sid string, now time.Time) (first bool, err error) {
	return store.Changed(tx.Exec(ctx, `UPDATE verify_sessions SET spent_ms = $2
		WHERE sid = $1 AND spent_ms = 0 AND validated_ms > 0 AND stopped_ms = 0`, sid, now.UnixMilli()))
}

// retireSession keeps a session's row for its link alone: no request finds it any more.
func retireSession(ctx context.Context, tx *store.Tx, s *session, secretMAC []byte) (found bool, err error) {
	return store.Changed(tx.Exec(ctx, `UPDATE verify_sessions SET secret_mac = $3 WHERE sid = $1 AND link_mac = $2`, s.sid, s.linkMAC, secretMAC))
}

func deleteSession(ctx context.Context, tx *store.Tx, s *session) (found bool, err error) {
	return store.Changed(tx.Exec(ctx, `DELETE FROM verify_sessions WHERE sid = $1 AND link_mac = $2`, s.sid, s.linkMAC))
}

// lastOf is the last sid of the next step of a walk through the table.
func lastOf(ctx context.Context, q store.Queryer, after string, step int) (last string, err error) {
	err = q.QueryRow(ctx, `SELECT sid FROM verify_sessions WHERE sid > $1 ORDER BY sid LIMIT 1 OFFSET $2`, after, step-1).Scan(&last)
	return last, err
}

// deleteSessions forgets the old sessions of a step; stopped ones later, by whose link an
// address can be written to again.
func deleteSessions(ctx context.Context, q store.Queryer, after, last string, changedBefore, stoppedBefore time.Time) error {
	_, err := q.Exec(ctx, `DELETE FROM verify_sessions WHERE sid > $1 AND sid <= $2 AND changed_ms < $3 AND stopped_ms < $4`,
		after, last, changedBefore.UnixMilli(), stoppedBefore.UnixMilli())
	return err
}

// selectTried reads which SMS providers a session has tried, the oldest first.
func selectTried(ctx context.Context, q store.Queryer, sid string) ([]sms.Tried, error) {
	var text string
	err := q.QueryRow(ctx, `SELECT tried FROM verify_sessions WHERE sid = $1`, sid).Scan(&text)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil // it was taken back; its message may be under way all the same
	}
	return sms.ParseTried(text), err
}

// markTried writes down, before it is asked, that a provider is asked to send a message.
// The error is sms.ErrAlreadyTried when it is written already, and for a session that is
// gone, whose message was taken back.
func markTried(ctx context.Context, tx *store.Tx, sid string, t sms.Tried) error {
	tried, err := selectTried(ctx, tx, sid)
	if err != nil {
		return err
	}
	if slices.Contains(tried, t) {
		return sms.ErrAlreadyTried
	}
	known, err := store.Changed(tx.Exec(ctx, `UPDATE verify_sessions SET tried = tried || $2 WHERE sid = $1`, sid, t.Line()))
	if err == nil && !known {
		return sms.ErrAlreadyTried
	}
	return err
}

// sealNext keeps a next link as its address is kept: whoever wrote it may have put
// secrets into it.
func (v *Verifier) sealNext(s session) string {
	if s.nextLink == "" {
		return ""
	}
	return matrix.EncodeBase64(v.addresses.Seal([]byte(s.nextLink), []byte("next "+s.sid)))
}

// openNext is the inverse. What does not open, such as the clear text of an earlier
// release, is no link.
func (v *Verifier) openNext(s session) string {
	sealed, err := matrix.DecodeBase64(s.nextLink)
	if err != nil || s.nextLink == "" {
		return ""
	}
	link, err := v.addresses.Open(sealed, []byte("next "+s.sid))
	if err != nil {
		return ""
	}
	return string(link)
}

// latelyQuery asks what somebody has asked for lately.
type latelyQuery struct {
	asker, address            []byte
	recently, thisHour, today time.Time
}

// lately is what somebody has asked for lately, of their newest fifty sessions.
type lately struct {
	otherAddresses int  // recently
	unverified     bool // this hour, another address whose code has not come back
	sameAddress    bool // today
}

func selectLately(ctx context.Context, db store.Queryer, q latelyQuery) (l lately, err error) {
	var unverified, same int
	err = db.QueryRow(ctx, `SELECT COUNT(DISTINCT CASE WHEN sent_ms > $3 AND address_index <> $2 THEN address_index END),
			COALESCE(MAX(CASE WHEN sent_ms > $4 AND address_index <> $2 AND validated_ms = 0 THEN 1 ELSE 0 END), 0),
			COALESCE(MAX(CASE WHEN address_index = $2 THEN 1 ELSE 0 END), 0)
		FROM (SELECT address_index, sent_ms, validated_ms FROM verify_sessions
			WHERE asker = $1 AND sent_ms > $5 ORDER BY sent_ms DESC LIMIT 50) AS lately`,
		q.asker, q.address, q.recently.UnixMilli(), q.thisHour.UnixMilli(), q.today.UnixMilli()).
		Scan(&l.otherAddresses, &unverified, &same)
	l.unverified, l.sameAddress = unverified == 1, same == 1
	return l, err
}

// selectSuppressions reads the reasons that stand under either tag now.
func selectSuppressions(ctx context.Context, q store.Queryer, tags [2][]byte, now time.Time) (found map[reason]bool, err error) {
	rows, err := q.Query(ctx, `SELECT reason FROM verify_suppressions WHERE address_index IN ($1, $2) AND until_ms > $3`,
		tags[0], tags[1], now.UnixMilli())
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	found = map[reason]bool{}
	for rows.Next() {
		var r reason
		if err := rows.Scan(&r); err != nil {
			return nil, err
		}
		found[r] = true
	}
	return found, rows.Err()
}

func selectSuppressedUntil(ctx context.Context, q store.Queryer, address []byte, r reason) (time.Time, error) {
	var until int64
	err := q.QueryRow(ctx, `SELECT until_ms FROM verify_suppressions WHERE address_index = $1 AND reason = $2`, address, string(r)).Scan(&until)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return store.Time(until), err
}

// putSuppression sends an address nothing until then; the zero time lifts it.
func putSuppression(ctx context.Context, q store.Queryer, address []byte, r reason, until time.Time) error {
	_, err := q.Exec(ctx, `INSERT INTO verify_suppressions (address_index, reason, until_ms) VALUES ($1, $2, $3)
		ON CONFLICT (address_index, reason) DO UPDATE SET until_ms = $3`, address, string(r), store.Millis(until))
	return err
}

func deleteSuppressions(ctx context.Context, q store.Queryer, now time.Time) error {
	_, err := q.Exec(ctx, `DELETE FROM verify_suppressions WHERE until_ms <= $1`, now.UnixMilli())
	return err
}

func (v *Verifier) indexOf(a threepid.Address) []byte {
	return v.index.Of(string(a.Medium()), a.String())
}

// selectSessions reads the sessions in which a column has a value, the oldest first.
func (v *Verifier) selectSessions(ctx context.Context, q store.Queryer, column string, value []byte) (all []*session, err error) {
	rows, err := q.Query(ctx, `SELECT `+sessionColumns+` FROM verify_sessions WHERE `+column+` = $1 ORDER BY created_ms`, value)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		s, err := v.scan(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, rows.Err()
}

func forgetSession(ctx context.Context, tx *store.Tx, sid string) error {
	_, err := tx.Exec(ctx, `DELETE FROM verify_sessions WHERE sid = $1`, sid)
	return err
}

func deleteSuppression(ctx context.Context, tx *store.Tx, address []byte, r reason) error {
	_, err := tx.Exec(ctx, `DELETE FROM verify_suppressions WHERE address_index = $1 AND reason = $2`, address, string(r))
	return err
}

func (v *Verifier) scan(row interface{ Scan(...any) error }) (*session, error) {
	var s session
	var medium string
	var sealed []byte
	var sent, codeExpires, linkExpires, created, changed, validated, spent, stopped int64
	err := row.Scan(&s.sid, &medium, &sealed, &s.secretMAC, &s.caller, &s.purpose, &s.user, &s.asker, &s.nextLink, &s.sendAttempt,
		&s.messages, &sent, &s.codeMAC, &codeExpires, &s.wrongCodes, &s.raised, &s.linkMAC, &linkExpires,
		&created, &changed, &validated, &spent, &stopped, &s.existing)
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
	s.nextLink = v.openNext(s)
	if own, ok := s.caller.Account(); ok && s.user == "" {
		s.user = own
	}
	s.sent = store.Time(sent)
	s.codeExpires, s.linkExpires = store.Time(codeExpires), store.Time(linkExpires)
	s.created, s.changed = store.Time(created), store.Time(changed)
	s.validated, s.spent, s.stopped = store.Time(validated), store.Time(spent), store.Time(stopped)
	return &s, nil
}
