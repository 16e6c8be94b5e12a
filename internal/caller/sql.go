package caller

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"slices"
	"time"

	"signet/internal/matrix"
	"signet/internal/store"
)

func insertToken(ctx context.Context, q store.Queryer, mac []byte, user matrix.UserID, now time.Time) error {
	_, err := q.Exec(ctx, `INSERT INTO caller_tokens (token_mac, user_id, created_ms, seen_ms) VALUES ($1, $2, $3, $3)`,
		mac, user.String(), now.UnixMilli())
	return err
}

// selectToken reads a token, and at little cost whether any homeserver is blocked: mostly
// none is, and nothing more is to be read.
func selectToken(ctx context.Context, q store.Queryer, mac []byte) (t Token, blocks bool, err error) {
	var created, seen int64
	err = q.QueryRow(ctx, `SELECT user_id, created_ms, seen_ms, EXISTS (SELECT 1 FROM caller_blocks)
		FROM caller_tokens WHERE token_mac = $1`, mac).Scan(&t.User, &created, &seen, &blocks)
	t.Created, t.Seen = store.Time(created), store.Time(seen)
	return t, blocks, err
}

func selectTokens(ctx context.Context, q store.Queryer, user matrix.UserID, seenAfter time.Time) ([]Token, error) {
	rows, err := q.Query(ctx, `SELECT user_id, created_ms, seen_ms FROM caller_tokens
		WHERE user_id = $1 AND seen_ms > $2 ORDER BY created_ms DESC`, user.String(), seenAfter.UnixMilli())
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var tokens []Token
	for rows.Next() {
		t, err := scanToken(rows)
		if err != nil {
			return nil, err
		}
		tokens = append(tokens, t)
	}
	return tokens, rows.Err()
}

func scanToken(row interface{ Scan(...any) error }) (t Token, err error) {
	var created, seen int64
	err = row.Scan(&t.User, &created, &seen)
	t.Created, t.Seen = store.Time(created), store.Time(seen)
	return t, err
}

func touchToken(ctx context.Context, q store.Queryer, mac []byte, now time.Time) error {
	_, err := q.Exec(ctx, `UPDATE caller_tokens SET seen_ms = $2 WHERE token_mac = $1`, mac, now.UnixMilli())
	return err
}

func deleteToken(ctx context.Context, q store.Queryer, mac []byte, seenAfter time.Time) (known bool, err error) {
	return store.Changed(q.Exec(ctx, `DELETE FROM caller_tokens WHERE token_mac = $1 AND seen_ms > $2`, mac, seenAfter.UnixMilli()))
}

func deleteTokens(ctx context.Context, q store.Queryer, user matrix.UserID) (int64, error) {
	result, err := q.Exec(ctx, `DELETE FROM caller_tokens WHERE user_id = $1`, user.String())
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

func deleteUnseen(ctx context.Context, q store.Queryer, seenBefore time.Time) error {
	_, err := q.Exec(ctx, `DELETE FROM caller_tokens WHERE seen_ms < $1`, seenBefore.UnixMilli())
	return err
}

// insertAccepted records all URLs or none.
func insertAccepted(ctx context.Context, db *store.DB, user matrix.UserID, urls []string, now time.Time) error {
	return db.Tx(ctx, func(tx *store.Tx) error {
		for _, url := range urls {
			_, err := tx.Exec(ctx, `INSERT INTO caller_accepted (user_id, url, accepted_ms) VALUES ($1, $2, $3)
				ON CONFLICT DO NOTHING`, user.String(), url, now.UnixMilli())
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// insertCarried tells whether the user had not accepted the document yet.
func insertCarried(ctx context.Context, q store.Queryer, a Acceptance) (first bool, err error) {
	return store.Changed(q.Exec(ctx, `INSERT INTO caller_accepted (user_id, url, accepted_ms) VALUES ($1, $2, $3)
		ON CONFLICT DO NOTHING`, a.User.String(), a.URL, store.Millis(a.Accepted)))
}

func selectAccepted(ctx context.Context, q store.Queryer, user matrix.UserID) (map[string]bool, error) {
	rows, err := q.Query(ctx, `SELECT url FROM caller_accepted WHERE user_id = $1`, user.String())
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	accepted := map[string]bool{}
	for rows.Next() {
		var url string
		if err := rows.Scan(&url); err != nil {
			return nil, err
		}
		accepted[url] = true
	}
	return accepted, rows.Err()
}

func selectAcceptances(ctx context.Context, q store.Queryer, user matrix.UserID) (all []HeldTerms, err error) {
	rows, err := q.Query(ctx, `SELECT url, accepted_ms FROM caller_accepted WHERE user_id = $1 ORDER BY accepted_ms, url`, user.String())
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var t HeldTerms
		if err := rows.Scan(&t.URL, &t.Accepted); err != nil {
			return nil, err
		}
		all = append(all, t)
	}
	return all, rows.Err()
}

func deleteAccepted(ctx context.Context, q store.Queryer, user matrix.UserID) error {
	_, err := q.Exec(ctx, `DELETE FROM caller_accepted WHERE user_id = $1`, user.String())
	return err
}

// insertNonce tells whether nobody of that server has used the nonce before.
func insertNonce(ctx context.Context, q store.Queryer, server matrix.ServerName, nonce string, expires time.Time) (first bool, err error) {
	return store.Changed(q.Exec(ctx, `INSERT INTO caller_nonces (server, nonce, expires_ms) VALUES ($1, $2, $3)
		ON CONFLICT DO NOTHING`, server.String(), nonce, expires.UnixMilli()))
}

// sweptAtATime keeps callers from waiting long behind a sweep.
const sweptAtATime = 1000

func deleteNonces(ctx context.Context, q store.Queryer, expiredBefore time.Time) error {
	for {
		result, err := q.Exec(ctx, `DELETE FROM caller_nonces WHERE (server, nonce) IN (
			SELECT server, nonce FROM caller_nonces WHERE expires_ms < $1 ORDER BY expires_ms LIMIT $2)`,
			expiredBefore.UnixMilli(), sweptAtATime)
		if err != nil {
			return err
		}
		if n, err := result.RowsAffected(); err != nil || n < sweptAtATime {
			return err
		}
	}
}

func upsertBlock(ctx context.Context, q store.Queryer, b Block) error {
	_, err := q.Exec(ctx, `INSERT INTO caller_blocks (server, reason, created_ms, until_ms) VALUES ($1, $2, $3, $4)
		ON CONFLICT (server) DO UPDATE SET reason = $2, created_ms = $3, until_ms = $4`,
		b.Server.String(), b.Reason, b.Created.UnixMilli(), store.Millis(b.Until))
	return err
}

func deleteBlock(ctx context.Context, q store.Queryer, host matrix.ServerName, now time.Time) (known bool, err error) {
	return store.Changed(q.Exec(ctx, `DELETE FROM caller_blocks WHERE server = $1 AND (until_ms = 0 OR until_ms > $2)`,
		host.String(), now.UnixMilli()))
}

func deleteEndedBlocks(ctx context.Context, q store.Queryer, endedBefore time.Time) error {
	_, err := q.Exec(ctx, `DELETE FROM caller_blocks WHERE until_ms > 0 AND until_ms < $1`, endedBefore.UnixMilli())
	return err
}

func selectBlockOf(ctx context.Context, q store.Queryer, names []matrix.ServerName, now time.Time) (b Block, blocked bool, err error) {
	args, places := namesAfter(now, names)
	var created, until int64
	err = q.QueryRow(ctx, `SELECT server, reason, created_ms, until_ms FROM caller_blocks
		WHERE server IN (`+places+`) AND (until_ms = 0 OR until_ms > $1) ORDER BY LENGTH(server) LIMIT 1`, args...).
		Scan(&b.Server, &b.Reason, &created, &until)
	if errors.Is(err, sql.ErrNoRows) {
		return Block{}, false, nil
	}
	b.Created, b.Until = store.Time(created), store.Time(until)
	return b, err == nil, err
}

// namesAfter is the arguments of a statement, a moment and then names, and the names'
// places in it.
func namesAfter(now time.Time, names []matrix.ServerName) (args []any, places string) {
	args = []any{now.UnixMilli()}
	for _, name := range names {
		args = append(args, name.String())
	}
	return args, store.Parameters(2, len(names))
}

// selectBlocked tells whether one of the names is blocked.
func selectBlocked(ctx context.Context, q store.Queryer, names []matrix.ServerName, now time.Time) (blocked bool, err error) {
	args, places := namesAfter(now, names)
	err = q.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM caller_blocks
		WHERE server IN (`+places+`) AND (until_ms = 0 OR until_ms > $1))`, args...).Scan(&blocked)
	return blocked, err
}

func selectBlocks(ctx context.Context, q store.Queryer, now time.Time) ([]Block, error) {
	rows, err := q.Query(ctx, `SELECT server, reason, created_ms, until_ms FROM caller_blocks
		WHERE until_ms = 0 OR until_ms > $1`, now.UnixMilli())
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var blocks []Block
	for rows.Next() {
		var b Block
		var created, until int64
		if err := rows.Scan(&b.Server, &b.Reason, &created, &until); err != nil {
			return nil, err
		}
		b.Created, b.Until = store.Time(created), store.Time(until)
		blocks = append(blocks, b)
	}
	slices.SortFunc(blocks, func(a, b Block) int { return cmp.Compare(a.Server, b.Server) })
	return blocks, rows.Err()
}

func upsertHomeserver(ctx context.Context, q store.Queryer, host matrix.ServerName, now time.Time) error {
	_, err := q.Exec(ctx, `INSERT INTO caller_homeservers (server, first_seen_ms, seen_ms) VALUES ($1, $2, $2)
		ON CONFLICT (server) DO UPDATE SET seen_ms = $2`, host.String(), now.UnixMilli())
	return err
}

func selectHomeserver(ctx context.Context, q store.Queryer, host matrix.ServerName) (a acquaintance, known bool, err error) {
	var since, seen int64
	err = q.QueryRow(ctx, `SELECT first_seen_ms, seen_ms FROM caller_homeservers WHERE server = $1`, host.String()).Scan(&since, &seen)
	if errors.Is(err, sql.ErrNoRows) {
		return acquaintance{}, false, nil
	}
	return acquaintance{since: store.Time(since), seen: store.Time(seen)}, err == nil, err
}

// deleteHomeservers looks at both times: a replica of the release before writes the
// first alone.
func deleteHomeservers(ctx context.Context, q store.Queryer, seenBefore time.Time) error {
	_, err := q.Exec(ctx, `DELETE FROM caller_homeservers WHERE seen_ms < $1`, seenBefore.UnixMilli())
	return err
}

func upsertAccount(ctx context.Context, q store.Queryer, tag []byte, now time.Time) error {
	_, err := q.Exec(ctx, `INSERT INTO caller_accounts (account_tag, first_seen_ms, registered_ms) VALUES ($1, $2, $2)
		ON CONFLICT (account_tag) DO UPDATE SET registered_ms = $2`, tag, now.UnixMilli())
	return err
}

// selectAccount counts living tokens too: a replica of the release before records
// nothing else, and a token can outlive what is recorded.
func selectAccount(ctx context.Context, q store.Queryer, tag []byte, user matrix.UserID) (since time.Time, known bool, err error) {
	var ms sql.NullInt64
	err = q.QueryRow(ctx, `SELECT MIN(ms) FROM (
		SELECT first_seen_ms AS ms FROM caller_accounts WHERE account_tag = $1
		UNION ALL SELECT created_ms FROM caller_tokens WHERE user_id = $2) AS known`, tag, user.String()).Scan(&ms)
	return store.Time(ms.Int64), ms.Valid, err
}

func deleteAccount(ctx context.Context, q store.Queryer, tag []byte) error {
	_, err := q.Exec(ctx, `DELETE FROM caller_accounts WHERE account_tag = $1`, tag)
	return err
}

func deleteAccounts(ctx context.Context, q store.Queryer, registeredBefore time.Time) error {
	_, err := q.Exec(ctx, `DELETE FROM caller_accounts WHERE registered_ms < $1`, registeredBefore.UnixMilli())
	return err
}
