package account

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"signet/internal/idclient"
	"signet/internal/matrix"
	"signet/internal/seal"
	"signet/internal/store"
)

func userExists(ctx context.Context, q store.Queryer, user matrix.UserID) (bool, error) {
	var n int
	err := q.QueryRow(ctx, `SELECT COUNT(*) FROM account_users WHERE user_id = $1`, string(user)).Scan(&n)
	return n > 0, err
}

// insertUser tells whether the name was free. Probation is of an account that nobody answers for.
func insertUser(ctx context.Context, tx *store.Tx, u User, probation bool, hash passwordHash) (bool, error) {
	return store.Changed(tx.Exec(ctx, `INSERT INTO account_users (user_id, password_hash, admin, created_ms, probation)
		VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING`, string(u.ID), hash.String(), u.Admin, store.Millis(u.Created), probation))
}

// selectProbation is since when an account is there that nobody answers for; zero for any other.
func selectProbation(ctx context.Context, q store.Queryer, user matrix.UserID) (time.Time, error) {
	var created int64
	err := q.QueryRow(ctx, `SELECT created_ms FROM account_users WHERE user_id = $1 AND probation`, string(user)).Scan(&created)
	if errors.Is(err, sql.ErrNoRows) {
		return time.Time{}, nil
	}
	return store.Time(created), err
}

func userActive(ctx context.Context, q store.Queryer, user matrix.UserID) (bool, error) {
	var n int
	err := q.QueryRow(ctx, `SELECT COUNT(*) FROM account_users WHERE user_id = $1 AND deactivated_ms = 0`, string(user)).Scan(&n)
	return n > 0, err
}

// selectActive are those of a few users, at least one, whose accounts have not ended.
func selectActive(ctx context.Context, q store.Queryer, users []matrix.UserID) ([]matrix.UserID, error) {
	args := make([]any, len(users))
	for i, user := range users {
		args[i] = string(user)
	}
	return store.Collect(ctx, q, func(rows *sql.Rows) (user matrix.UserID, err error) { return user, rows.Scan(&user) },
		`SELECT user_id FROM account_users WHERE deactivated_ms = 0 AND user_id IN (`+store.Parameters(1, len(users))+`)`, args...)
}

func selectUsers(ctx context.Context, q store.Queryer, after matrix.UserID, most int) (all []User, err error) {
	rows, err := q.Query(ctx, `SELECT u.user_id, u.admin, u.created_ms, u.deactivated_ms, u.erase,
			(SELECT COUNT(*) FROM account_devices d WHERE d.user_id = u.user_id)
		FROM account_users u WHERE u.user_id > $1 ORDER BY u.user_id LIMIT $2`, string(after), most)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var u User
		var created, deactivated int64
		if err := rows.Scan(&u.ID, &u.Admin, &created, &deactivated, &u.Erase, &u.Devices); err != nil {
			return nil, err
		}
		u.Created, u.Deactivated = store.Time(created), store.Time(deactivated)
		all = append(all, u)
	}
	return all, rows.Err()
}

// selectPassword returns a hash of that cost that no password matches when there is no
// such user, or no more, so that the caller has the same work to do.
func selectPassword(ctx context.Context, q store.Queryer, user matrix.UserID, c cost) (passwordHash, error) {
	var text string
	err := q.QueryRow(ctx, `SELECT password_hash FROM account_users WHERE user_id = $1 AND deactivated_ms = 0`, string(user)).Scan(&text)
	if errors.Is(err, sql.ErrNoRows) {
		return newHash(c), nil
	}
	if err != nil {
		return passwordHash{}, err
	}
	return parseHash(text)
}

func updatePassword(ctx context.Context, tx *store.Tx, user matrix.UserID, hash passwordHash) (bool, error) {
	return store.Changed(tx.Exec(ctx, `UPDATE account_users SET password_hash = $2 WHERE user_id = $1 AND deactivated_ms = 0`,
		string(user), hash.String()))
}

// deactivateUser tells whether there was such an active account. Its hash goes.
func deactivateUser(ctx context.Context, tx *store.Tx, user matrix.UserID, erase bool, now time.Time) (bool, error) {
	return store.Changed(tx.Exec(ctx, `UPDATE account_users SET password_hash = '', admin = FALSE, deactivated_ms = $2, erase = $3
		WHERE user_id = $1 AND deactivated_ms = 0`, string(user), now.UnixMilli(), erase))
}

// putDevice makes the device if it is not known. It tells whether the account is active
// and has that password still. The device's OpenID tokens live on: they speak for the
// user, who is the same.
func putDevice(ctx context.Context, tx *store.Tx, d DeviceInfo, hash passwordHash, now time.Time) (bool, error) {
	return store.Changed(tx.Exec(ctx, `INSERT INTO account_devices (user_id, device_id, display_name, created_ms, seen_ms)
		SELECT user_id, $2, $3, $4, $5 FROM account_users WHERE user_id = $1 AND deactivated_ms = 0 AND password_hash = $6
		ON CONFLICT (user_id, device_id) DO UPDATE SET seen_ms = $5`,
		string(d.User), string(d.ID), d.DisplayName, now.UnixMilli(), store.Millis(d.Seen), hash.String()))
}

// deviceInfo is the columns of a DeviceInfo.
const deviceInfo = `SELECT user_id, device_id, display_name, seen_ms FROM account_devices WHERE user_id = $1`

func selectDevices(ctx context.Context, q store.Queryer, user matrix.UserID) (all []DeviceInfo, err error) {
	rows, err := q.Query(ctx, deviceInfo+` ORDER BY created_ms, device_id`, string(user))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		d, err := scanDevice(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, d)
	}
	return all, rows.Err()
}

func selectDevice(ctx context.Context, q store.Queryer, d Device) (DeviceInfo, error) {
	info, err := scanDevice(q.QueryRow(ctx, deviceInfo+` AND device_id = $2`, string(d.User), string(d.ID)))
	if errors.Is(err, sql.ErrNoRows) {
		return DeviceInfo{}, ErrNoDevice
	}
	return info, err
}

func scanDevice(row interface{ Scan(...any) error }) (d DeviceInfo, err error) {
	var seen int64
	err = row.Scan(&d.User, &d.ID, &d.DisplayName, &seen)
	d.Seen = store.Time(seen)
	return d, err
}

func updateDeviceName(ctx context.Context, q store.Queryer, d Device, name string) (bool, error) {
	return store.Changed(q.Exec(ctx, `UPDATE account_devices SET display_name = $3 WHERE user_id = $1 AND device_id = $2`,
		string(d.User), string(d.ID), name))
}

func updateSeen(ctx context.Context, tx *store.Tx, d Device, seen time.Time) error {
	_, err := tx.Exec(ctx, `UPDATE account_devices SET seen_ms = $3 WHERE user_id = $1 AND device_id = $2 AND seen_ms < $3`,
		string(d.User), string(d.ID), seen.UnixMilli())
	return err
}

func deleteDevice(ctx context.Context, tx *store.Tx, d Device) error {
	_, err := tx.Exec(ctx, `DELETE FROM account_devices WHERE user_id = $1 AND device_id = $2`, string(d.User), string(d.ID))
	return err
}

func insertGrant(ctx context.Context, tx *store.Tx, g grant) error {
	_, err := tx.Exec(ctx, `INSERT INTO account_tokens (token_mac, user_id, device_id, refresh_mac, parent_mac, expires_ms)
		VALUES ($1, $2, $3, $4, $5, $6)`, g.mac, string(g.User), string(g.ID), orNull(g.refresh), orNull(g.parent), store.Millis(g.expires))
	return err
}

// grants is the columns of a grant.
const grants = `SELECT t.user_id, t.device_id, t.token_mac, t.refresh_mac, t.parent_mac, t.expires_ms, d.seen_ms
	FROM account_tokens t JOIN account_devices d ON d.user_id = t.user_id AND d.device_id = t.device_id `

func selectGrant(ctx context.Context, q store.Queryer, mac []byte) (grant, error) {
	return scanGrant(q.QueryRow(ctx, grants+`WHERE t.token_mac = $1`, mac))
}

func selectGrantByRefresh(ctx context.Context, q store.Queryer, refresh []byte) (grant, error) {
	return scanGrant(q.QueryRow(ctx, grants+`WHERE t.refresh_mac = $1`, refresh))
}

func scanGrant(row *sql.Row) (g grant, err error) {
	var expires, seen int64
	err = row.Scan(&g.User, &g.ID, &g.mac, &g.refresh, &g.parent, &expires, &seen)
	g.expires, g.seen = store.Time(expires), store.Time(seen)
	return g, orUnknownToken(err)
}

// adopt makes a pair stand by itself. It tells whether the pair is there.
func adopt(ctx context.Context, tx *store.Tx, mac []byte) (bool, error) {
	return store.Changed(tx.Exec(ctx, `UPDATE account_tokens SET parent_mac = NULL WHERE token_mac = $1`, mac))
}

// deleteGrant tells whether the pair was there.
func deleteGrant(ctx context.Context, tx *store.Tx, mac []byte) (bool, error) {
	return store.Changed(tx.Exec(ctx, `DELETE FROM account_tokens WHERE token_mac = $1`, mac))
}

// deleteChildren tells whether there were any.
func deleteChildren(ctx context.Context, tx *store.Tx, parent []byte) (bool, error) {
	return store.Changed(tx.Exec(ctx, `DELETE FROM account_tokens WHERE parent_mac = $1`, parent))
}

// deleteGrantsOfDevice tells whether there were any.
func deleteGrantsOfDevice(ctx context.Context, tx *store.Tx, d Device) (bool, error) {
	return store.Changed(tx.Exec(ctx, `DELETE FROM account_tokens WHERE user_id = $1 AND device_id = $2`, string(d.User), string(d.ID)))
}

func countEnding(ctx context.Context, tx *store.Tx, slot int) error {
	_, err := tx.Exec(ctx, `INSERT INTO account_endings (slot, ended) VALUES ($1, 1)
		ON CONFLICT (slot) DO UPDATE SET ended = account_endings.ended + 1`, slot)
	return err
}

// selectEndings is how often tokens have ended by slot, of those where any has.
func selectEndings(ctx context.Context, q store.Queryer) (map[int]int64, error) {
	rows, err := q.Query(ctx, `SELECT slot, ended FROM account_endings WHERE slot >= 0 AND slot < $1`, slots)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	counted := map[int]int64{}
	for rows.Next() {
		var slot int
		var ended int64
		if err := rows.Scan(&slot, &ended); err != nil {
			return nil, err
		}
		counted[slot] = ended
	}
	return counted, rows.Err()
}

func insertUIA(ctx context.Context, q store.Queryer, mac []byte, s session, kept []byte, expires time.Time) error {
	_, err := q.Exec(ctx, `INSERT INTO account_uia (session_mac, operation, user_id, binding, completed, token_mac, captcha, kept, expires_ms)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		mac, s.operation, string(s.user), orNull(s.binding), joinStages(s.completed), orNull(s.token), captchaText(s.captcha), orNull(kept), expires.UnixMilli())
	return err
}

// selectUIA returns what the session keeps as it is sealed.
func selectUIA(ctx context.Context, q store.Queryer, mac []byte, now time.Time) (s session, kept []byte, err error) {
	var completed, captcha string
	err = q.QueryRow(ctx, `SELECT operation, user_id, binding, completed, token_mac, captcha, kept FROM account_uia
		WHERE session_mac = $1 AND expires_ms > $2`, mac, now.UnixMilli()).
		Scan(&s.operation, &s.user, &s.binding, &completed, &s.token, &captcha, &kept)
	if errors.Is(err, sql.ErrNoRows) {
		return session{}, nil, ErrUIASession
	}
	if err == nil && captcha != "" {
		err = json.Unmarshal([]byte(captcha), &s.captcha)
	}
	s.completed = splitStages(completed)
	return s, kept, err
}

// updateUIA tells whether the completed stages were still those.
func updateUIA(ctx context.Context, q store.Queryer, mac []byte, before []Stage, s session, kept []byte) (bool, error) {
	return store.Changed(q.Exec(ctx, `UPDATE account_uia SET completed = $3, token_mac = $4, kept = $5 WHERE session_mac = $1 AND completed = $2`,
		mac, joinStages(before), joinStages(s.completed), orNull(s.token), orNull(kept)))
}

// updateCaptcha tells whether the session still had that CAPTCHA and had completed those stages.
func updateCaptcha(ctx context.Context, q store.Queryer, mac []byte, before session, made idclient.Challenge) (bool, error) {
	return store.Changed(q.Exec(ctx, `UPDATE account_uia SET captcha = $4 WHERE session_mac = $1 AND captcha = $2 AND completed = $3`,
		mac, captchaText(before.captcha), joinStages(before.completed), captchaText(made)))
}

// captchaText writes a CAPTCHA in a column, in one form; none is empty.
func captchaText(c idclient.Challenge) string {
	if c.ID == "" {
		return ""
	}
	text, err := json.Marshal(c)
	if err != nil {
		panic(err) // only for what is not UTF-8, which was read from JSON
	}
	return string(text)
}

func insertTerms(ctx context.Context, tx *store.Tx, user matrix.UserID, document, version string, now time.Time) error {
	_, err := tx.Exec(ctx, `INSERT INTO account_terms (user_id, document, version, accepted_ms) VALUES ($1, $2, $3, $4)
		ON CONFLICT DO NOTHING`, string(user), document, version, now.UnixMilli())
	return err
}

// selectTerms is versions by document, of each that which was accepted last.
func selectTerms(ctx context.Context, q store.Queryer, user matrix.UserID) (map[string]string, error) {
	rows, err := q.Query(ctx, `SELECT document, version FROM account_terms WHERE user_id = $1 ORDER BY accepted_ms`, string(user))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	accepted := map[string]string{}
	for rows.Next() {
		var document, version string
		if err := rows.Scan(&document, &version); err != nil {
			return nil, err
		}
		accepted[document] = version
	}
	return accepted, rows.Err()
}

func deleteTerms(ctx context.Context, tx *store.Tx, user matrix.UserID) error {
	_, err := tx.Exec(ctx, `DELETE FROM account_terms WHERE user_id = $1`, string(user))
	return err
}

// joinStages writes stages in a column: none of them has a space.
func joinStages(stages []Stage) string {
	words := make([]string, len(stages))
	for i, stage := range stages {
		words[i] = string(stage)
	}
	return strings.Join(words, " ")
}

// splitStages is the inverse of joinStages.
func splitStages(text string) (stages []Stage) {
	for _, word := range strings.Fields(text) {
		stages = append(stages, Stage(word))
	}
	return stages
}

// deleteUIA tells whether the session was alive.
func deleteUIA(ctx context.Context, tx *store.Tx, sessionMAC []byte, now time.Time) (bool, error) {
	return store.Changed(tx.Exec(ctx, `DELETE FROM account_uia WHERE session_mac = $1 AND expires_ms > $2`,
		sessionMAC, now.UnixMilli()))
}

func deleteUIAOfUser(ctx context.Context, tx *store.Tx, user matrix.UserID) error {
	_, err := tx.Exec(ctx, `DELETE FROM account_uia WHERE user_id = $1`, string(user))
	return err
}

func deleteExpiredUIA(ctx context.Context, q store.Queryer, now time.Time) error {
	_, err := q.Exec(ctx, `DELETE FROM account_uia WHERE expires_ms <= $1`, now.UnixMilli())
	return err
}

// insertOpenID tells whether the device is still there to have a token.
func insertOpenID(ctx context.Context, q store.Queryer, tokenMAC []byte, d Device, expires time.Time) (bool, error) {
	return store.Changed(q.Exec(ctx, `INSERT INTO account_openid (token_mac, user_id, device_id, expires_ms)
		SELECT $1, user_id, device_id, $4 FROM account_devices WHERE user_id = $2 AND device_id = $3`,
		tokenMAC, string(d.User), string(d.ID), expires.UnixMilli()))
}

func selectOpenID(ctx context.Context, q store.Queryer, tokenMAC []byte, now time.Time) (user matrix.UserID, err error) {
	err = q.QueryRow(ctx, `SELECT user_id FROM account_openid WHERE token_mac = $1 AND expires_ms > $2`,
		tokenMAC, now.UnixMilli()).Scan(&user)
	return user, orUnknownToken(err)
}

func deleteOpenIDOfDevice(ctx context.Context, tx *store.Tx, d Device) error {
	_, err := tx.Exec(ctx, `DELETE FROM account_openid WHERE user_id = $1 AND device_id = $2`, string(d.User), string(d.ID))
	return err
}

func deleteExpiredOpenID(ctx context.Context, q store.Queryer, now time.Time) error {
	_, err := q.Exec(ctx, `DELETE FROM account_openid WHERE expires_ms <= $1`, now.UnixMilli())
	return err
}

// selectAttempts returns the zero record for a name without failures.
func selectAttempts(ctx context.Context, tx *store.Tx, name []byte) (attempts, error) {
	var a attempts
	var open, changed int64
	err := tx.QueryRow(ctx, `SELECT failures, open_ms, changed_ms FROM account_attempts WHERE name_index = $1`, name).
		Scan(&a.failures, &open, &changed)
	if errors.Is(err, sql.ErrNoRows) {
		return attempts{}, nil
	}
	a.open, a.changed = time.UnixMilli(open), time.UnixMilli(changed)
	return a, err
}

func putAttempts(ctx context.Context, tx *store.Tx, name []byte, a attempts) error {
	_, err := tx.Exec(ctx, `INSERT INTO account_attempts (name_index, failures, open_ms, changed_ms) VALUES ($1, $2, $3, $4)
		ON CONFLICT (name_index) DO UPDATE SET failures = $2, open_ms = $3, changed_ms = $4`,
		name, a.failures, a.open.UnixMilli(), a.changed.UnixMilli())
	return err
}

func deleteAttempts(ctx context.Context, q store.Queryer, name []byte) error {
	_, err := q.Exec(ctx, `DELETE FROM account_attempts WHERE name_index = $1`, name)
	return err
}

func deleteAttemptsBefore(ctx context.Context, q store.Queryer, before time.Time) error {
	_, err := q.Exec(ctx, `DELETE FROM account_attempts WHERE changed_ms <= $1`, before.UnixMilli())
	return err
}

// insertRegistrationToken tells whether there was none of that MAC.
func insertRegistrationToken(ctx context.Context, q store.Queryer, mac, sealed []byte, t RegistrationToken) (bool, error) {
	return store.Changed(q.Exec(ctx, `INSERT INTO account_registration_tokens (token_mac, sealed, used, use_limit, expires_ms, created_ms)
		VALUES ($1, $2, 0, $3, $4, $5) ON CONFLICT DO NOTHING`, mac, sealed, t.Limit, store.Millis(t.Expires), store.Millis(t.Created)))
}

// good is what of a registration token still makes accounts at $2.
const good = `token_mac = $1 AND (use_limit = 0 OR used < use_limit) AND (expires_ms = 0 OR expires_ms > $2)`

func registrationTokenValid(ctx context.Context, q store.Queryer, mac []byte, now time.Time) (bool, error) {
	var n int
	err := q.QueryRow(ctx, `SELECT COUNT(*) FROM account_registration_tokens WHERE `+good, mac, now.UnixMilli()).Scan(&n)
	return n > 0, err
}

// useRegistrationToken tells whether the token had an account left.
func useRegistrationToken(ctx context.Context, tx *store.Tx, mac []byte, now time.Time) (bool, error) {
	return store.Changed(tx.Exec(ctx, `UPDATE account_registration_tokens SET used = used + 1 WHERE `+good, mac, now.UnixMilli()))
}

func selectRegistrationTokens(ctx context.Context, q store.Queryer, box seal.Box) (all []RegistrationToken, err error) {
	rows, err := q.Query(ctx, `SELECT token_mac, sealed, used, use_limit, expires_ms, created_ms FROM account_registration_tokens
		ORDER BY created_ms, token_mac`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var t RegistrationToken
		var mac, sealed []byte
		var expires, created int64
		if err := rows.Scan(&mac, &sealed, &t.Used, &t.Limit, &expires, &created); err != nil {
			return nil, err
		}
		token, err := box.Open(sealed, mac)
		if err != nil {
			return nil, err
		}
		t.Token, t.Expires, t.Created = string(token), store.Time(expires), store.Time(created)
		all = append(all, t)
	}
	return all, rows.Err()
}

func deleteRegistrationToken(ctx context.Context, q store.Queryer, mac []byte) (bool, error) {
	return store.Changed(q.Exec(ctx, `DELETE FROM account_registration_tokens WHERE token_mac = $1`, mac))
}

func orUnknownToken(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return ErrUnknownToken
	}
	return err
}

// orNull is what both engines store as NULL for nil.
func orNull(b []byte) any {
	if b == nil {
		return nil
	}
	return b
}
