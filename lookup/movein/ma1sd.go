package movein

import (
	"context"
	"database/sql"
)

// ReadMa1sd reads a database of ma1sd.
//
// It answers look-ups from the directories that it is connected to (LDAP, SQL and so
// on). With hash storage in SQL, what they said stands in the table hashes while it
// runs: address, user and no time. Those are its bindings, dated as of nobody knows
// when, so that whatever else is known of an address is newer. With hash storage in
// memory there are none. Accepted terms are always there.
func ReadMa1sd(ctx context.Context, path string, o Options) (*Load, error) {
	return readDatabase(ctx, path, o, (*database).ma1sd)
}

func (db *database) ma1sd(ctx context.Context, r *reader) error {
	// Sessions are no part of the load, but every version has them and nobody else.
	if err := db.need(ctx, "session_3pid", "medium", "address", "validated"); err != nil {
		return err
	}
	for _, step := range []func(context.Context, *reader) error{db.ma1sdHashes, db.ma1sdTerms, db.ma1sdStays} {
		if err := step(ctx, r); err != nil {
			return err
		}
	}
	return nil
}

func (db *database) ma1sdHashes(ctx context.Context, r *reader) error {
	const table = "hashes"
	if missing, err := db.has(ctx, table, "mxid", "medium", "address"); missing != "" || err != nil {
		return err // versions without hashed look-ups
	}
	return db.each(ctx, `SELECT rowid, COALESCE(CAST(medium AS TEXT), ''), COALESCE(CAST(address AS TEXT), ''),
		COALESCE(CAST(mxid AS TEXT), '') FROM hashes ORDER BY rowid`, func(rows *sql.Rows) error {
		in := row{Place: Place{Table: table}}
		if err := rows.Scan(&in.Row, &in.medium, &in.address, &in.user); err != nil {
			return err
		}
		r.add(in)
		return nil
	})
}

func (db *database) ma1sdTerms(ctx context.Context, r *reader) error {
	const table = "accepted"
	if missing, err := db.has(ctx, table, "url", "userId", "acceptedAt"); missing != "" || err != nil {
		return err // versions without terms
	}
	return db.each(ctx, `SELECT rowid, COALESCE(CAST(userId AS TEXT), ''), COALESCE(CAST(url AS TEXT), ''),
		COALESCE(CAST(acceptedAt AS INTEGER), 0) FROM accepted ORDER BY rowid`, func(rows *sql.Rows) error {
		p := Place{Table: table}
		var user, url string
		var accepted int64
		if err := rows.Scan(&p.Row, &user, &url, &accepted); err != nil {
			return err
		}
		r.accept(p, user, url, accepted)
		return nil
	})
}

func (db *database) ma1sdStays(ctx context.Context, r *reader) error {
	return db.stays(ctx, r.load,
		Stay{What: "pending invitations", Why: signedThere, table: "invite_3pid"},
		Stay{What: "past invitations", Why: "whom they led to then may be another by now", table: "invite_3pid_history"},
		Stay{What: "accounts", Why: tokensThere, table: "account"},
		Stay{What: "sessions", Why: sessionsThere, table: "session_3pid"})
}
